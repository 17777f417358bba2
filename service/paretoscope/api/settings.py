"""Limits and names of the HTTP side."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, NonNegativeFloat, PositiveFloat, PositiveInt

from paretoscope.contract.frame import MAX_FRAME_BYTES

SMALL_BODY_BYTES = 64 * 1024
"""Choices, policies and names are far smaller."""


class ApiSettings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    allowed_hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "::1")
    """Names under which the service may be addressed (the Host header, without port). A page of another
    site that points its own name at this machine is refused by it."""
    allowed_origins: tuple[str, ...] = ()
    """Origins besides our own whose pages may change state, as 'https://host:port'."""
    keys: Path | None = None
    """File of API keys; where it exists every request needs one. None: no keys."""
    keys_required: bool = False
    """Let nobody in without a key even where the file is missing (the API can be reached from elsewhere)."""
    requests_per_s: PositiveFloat = 1000.0
    """How often one key, or one peer where no key is needed, may ask; for a second twice as often."""
    wrong_keys: PositiveFloat = 20.0
    """Wrong keys one peer may try at once, and wrong secrets for one key; then one every two seconds."""
    max_body_bytes: PositiveInt = MAX_FRAME_BYTES + 64 * 1024
    """Largest POST /v1/frames: a full frame and its file header."""
    max_wait_s: PositiveFloat = 60.0
    """Longest `wait` of any request, s."""
    choice_wait_s: NonNegativeFloat = 15.0
    """How long POST .../choice waits for the re-detected result unless asked otherwise, s."""
    cached_pictures: PositiveInt = 64
    """Rendered PNGs kept in memory."""
    needs_bridge: bool = False
    """Whether the service runs a bridge, so that it is not ready without one."""
    max_listeners: PositiveInt = 256
    """Open event streams; one more is told to come back later."""
