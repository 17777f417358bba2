"""A device is asked for an answer that is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from paretoscope.core import scale_space
from paretoscope.core.devices import check_device
from paretoscope.errors import DeviceFailed


def test_a_sound_device_passes():
    check_device("cpu")


@pytest.mark.parametrize("wrong", [0.9, np.nan])
def test_a_device_that_computes_wrongly_is_found_out(monkeypatch: pytest.MonkeyPatch, wrong: float):
    right = scale_space.log_stack
    monkeypatch.setattr(scale_space, "log_stack", lambda *told: right(*told) * wrong)
    with pytest.raises(DeviceFailed, match="computes wrongly"):
        check_device("cpu")


def test_a_device_that_does_not_run_is_told_with_its_reason(monkeypatch: pytest.MonkeyPatch):
    def lost(*_: object) -> torch.Tensor:
        raise RuntimeError("CUDA error: unspecified launch failure")

    monkeypatch.setattr(scale_space, "log_stack", lost)
    with pytest.raises(DeviceFailed, match="unspecified launch failure"):
        check_device("cpu")
