"""What every document shares: frozen, strict on values, forgiving on unknown keys."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

SCHEMA_MAJOR = 1
SCHEMA_MINOR = 0
"""A reader refuses another major version and ignores what a newer minor version adds."""

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""A stream or instrument name: 1-64 letters, digits, '.', '_' or '-'."""

FrameId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]


def _as_array(value: Any) -> np.ndarray:
    if isinstance(value, np.ndarray):
        return value
    raise ValueError("expected a numpy array")


Array = Annotated[Any, BeforeValidator(_as_array)]
"""A numpy array; on the wire a msgpack extension (see ``contract.codec``), never JSON."""


class Document(BaseModel):
    """One message or stored result. Unknown keys are ignored, so that older readers stay alive."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        strict=True,
        arbitrary_types_allowed=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )
