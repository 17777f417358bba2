"""Which device the numerics run on."""

from __future__ import annotations

from paretoscope.errors import BadParameters


def pick_device(asked: str) -> str:
    """'cpu', 'cuda:0', ...: what `asked` ('auto', 'cpu', 'cuda', 'cuda:1') means on this machine.

    Imports torch unless the answer is known without it.
    Raises BadParameters('no-such-device') for a device that is not here.
    """
    kind, _, number = asked.partition(":")
    if asked == "cpu":
        return "cpu"
    if asked != "auto" and (kind != "cuda" or (number and not number.isdigit())):
        raise BadParameters(
            "no-such-device", hint=f"Device {asked!r} is not known: use auto, cpu, cuda or cuda:N."
        )
    import torch

    if asked == "auto":
        return "cuda:0" if torch.cuda.is_available() else "cpu"
    if not torch.cuda.is_available():
        raise BadParameters(
            "no-such-device",
            hint=f"Device {asked!r} was asked for, but this machine offers no CUDA device (or torch was "
            "built without CUDA): use --device cpu or auto.",
        )
    index = int(number or 0)
    if index >= torch.cuda.device_count():
        raise BadParameters(
            "no-such-device", hint=f"There are {torch.cuda.device_count()} CUDA devices, no {asked!r}."
        )
    return f"cuda:{index}"
