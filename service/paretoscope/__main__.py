"""``python -m paretoscope``."""

from paretoscope.cli import main

if __name__ == "__main__":
    main()
