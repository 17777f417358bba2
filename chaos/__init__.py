"""Faults on purpose: kills, floods, strangers and long nights against a real service, with figures.

    make chaos                       every trial at its whole size, hours; figures into docs/reliability.md
    make chaos TRIAL=kills           one of them
    python -m chaos kills --share 0.05     a twentieth of it, nothing recorded

`make test` runs most trials in their shortest form, `make test-all` hosts, soak and load too. All goes to
loopback (or to network namespaces of its own), is bounded in number and time, and ends with the process that
started it.
"""
