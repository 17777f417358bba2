"""Which device the numerics run on."""

from __future__ import annotations

import numpy as np

from paretoscope.errors import BadParameters, DeviceFailed


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


def check_device(device: str) -> None:
    """Let the device answer one spot, width 2 px, at its own scale, where the answer is known: a millisecond.

    A Gaussian of width s and height 1 has the scale-normalised response 2 sigma^2 s^2 / (s^2 + sigma^2)^2 at
    its centre: 1/2 for sigma = s. Raises DeviceFailed when it does not come, or not so.
    """
    from paretoscope.core.scale_space import log_stack

    y, x = np.mgrid[-16:17, -16:17].astype(np.float32)
    spot = np.exp(-(y * y + x * x) / 8.0)
    try:
        response = log_stack(spot, [2.0], device)[0].cpu().numpy()
    except Exception as error:
        raise DeviceFailed(
            hint=f"A kernel cannot run on {device} ({type(error).__name__}: {str(error)[:200]}). The worker "
            "starts anew; if that does not help, look at the driver."
        ) from error
    middle = float(response[16, 16])
    if np.argmax(response) != response.size // 2 or not abs(middle - 0.5) < 0.01:
        raise DeviceFailed(
            hint=f"{device} computes wrongly: the middle of a test spot came out as {middle:.4f}, not 0.5. "
            "Stop using it; is its memory broken?"
        )
