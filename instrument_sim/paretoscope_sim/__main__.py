"""``python -m paretoscope_sim`` is ``paretoscope-sim``."""

from paretoscope_sim.cli import main

main()
