"""A session at the simulated instrument: images through the client, out over the wire."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from paretoscope_sim.replay import ReplayOver
from paretoscope_sim.vendor import (
    AdornedImage,
    ApiException,
    InvalidOperationException,
    StemAcquisitionSettings,
    TemMicroscopeClient,
)


class Sender(Protocol):
    """What a session needs of ``paretoscope_client.FrameSender``."""

    def send(self, image: Any, **meta: Any) -> Any: ...


@dataclass(frozen=True)
class Taken:
    """One attempt at a frame."""

    index: int
    image: AdornedImage | None
    """None when the instrument refused."""
    meta: dict[str, Any] = field(default_factory=dict)
    """Fields of a frame header, read from the image."""
    took_s: float = 0.0
    problem: str | None = None


def take_frames(
    client: TemMicroscopeClient,
    *,
    size: int,
    dwell_us: float,
    frames: int | None,
    detector: str = "HAADF",
    go_on: Callable[[], bool] = lambda: True,
) -> Iterator[Taken]:
    """Take images one after the other; a refusal is reported, not raised. frames: None goes on for ever.

    After a lost connection the client connects again. A recording ends the session when it is over.
    """
    settings = StemAcquisitionSettings(dwell_us * 1e-6, [detector], size)
    index = 0
    while (frames is None or index < frames) and go_on():
        began = time.monotonic()
        try:
            if client.server_host is None or not client.instrument.connected:
                client.connect("simulated")
            image = client.acquisition.acquire_stem_images_advanced(settings)[0]
        except ReplayOver:
            return
        except (ApiException, InvalidOperationException) as refusal:
            yield Taken(index, None, {}, time.monotonic() - began, f"{type(refusal).__name__}: {refusal}")
        else:
            yield Taken(index, image, header_fields(image), time.monotonic() - began)
        index += 1


def header_fields(image: AdornedImage) -> dict[str, Any]:
    """Return what an image says about itself as frame header fields; what it does not say is left out."""
    meta: dict[str, Any] = {"simulated": True}
    tree = image.metadata
    if tree is None:
        return meta
    if tree.binary_result is not None:
        size = tree.binary_result.pixel_size
        meta["pixel_size_nm"] = None if size is None else (size.y * 1e9, size.x * 1e9)
        meta["detector"] = tree.binary_result.detector
    if tree.scan_settings is not None:
        dwell_s = tree.scan_settings.dwell_time
        meta["dwell_us"] = None if dwell_s is None else dwell_s * 1e6
        meta["frame_time_s"] = tree.scan_settings.frame_time
    if tree.acquisition is not None:
        meta["acquisition_id"] = tree.acquisition.acquisition_id
        # A time without a zone cannot be compared with anyone's clock.
        meta["acquired_start"] = _with_zone(tree.acquisition.acquisition_start_date_time)
        meta["acquired_end"] = _with_zone(tree.acquisition.acquisition_date_time)
    if tree.instrument is not None:
        meta["instrument"] = tree.instrument.instrument_id
    return {key: value for key, value in meta.items() if value is not None}


def _with_zone(text: str | None) -> str | None:
    from datetime import datetime

    return text if text is not None and datetime.fromisoformat(text).tzinfo is not None else None


def deliver(
    client: TemMicroscopeClient, sender: Sender, tell: Callable[[Taken], None], **how: Any
) -> tuple[int, int]:
    """Take frames and hand each to the sender; return how many were sent and how many refused.

    This is the whole composition of client and sender. ``how`` goes to ``take_frames``.
    """
    sent = refused = 0
    for taken in take_frames(client, **how):
        if taken.image is None:
            refused += 1
        else:
            sender.send(taken.image.data, **taken.meta)
            sent += 1
        tell(taken)
    return sent, refused
