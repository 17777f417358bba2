"""Documents to bytes and back: bounded msgpack, sans-IO, the same for store and wire.

A packed document is one msgpack map of three:

    {"schema": "AtomMap", "version": [1, 0], "body": {field: value, ...}}

Arrays are extension 1 (``contract.arrays``), tuples are lists, whole-number keys are decimal text. A reader
takes any minor version and ignores keys it does not know; another major version is ``Incompatible``. Bytes
that are not such a document are ``BadInput``, whatever they are: nothing here grows beyond the limits below.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgpack
import numpy as np
from pydantic import ValidationError

from paretoscope.contract.arrays import ARRAY_EXT, pack_array, unpack_array
from paretoscope.contract.base import SCHEMA_MAJOR, SCHEMA_MINOR, Document
from paretoscope.contract.shape import fitted
from paretoscope.errors import BadInput, Incompatible

MAX_DOCUMENT_BYTES = 128 * 1024 * 1024
MAX_TEXT_BYTES = 64 * 1024
MAX_ITEMS = 100_000
"""Longest list or mapping."""
MAX_CONTAINERS = 400_000
"""Most lists and mappings in one document: an empty one is 1 byte packed and 64 unpacked."""

D = TypeVar("D", bound=Document)


def pack(document: Document) -> bytes:
    """BadInput where a value cannot be written: an object array, a lone surrogate, a huge integer."""
    return packed_map(
        {
            "schema": type(document).__name__,
            "version": [SCHEMA_MAJOR, SCHEMA_MINOR],
            "body": plain(document),
        }
    )


def unpack(data: bytes | bytearray | memoryview, kind: type[D]) -> D:
    """Read a document of the type `kind`.

    Raises Incompatible for another major version and BadInput for anything else that is not such a document.
    """
    envelope = unpacked_map(data, MAX_DOCUMENT_BYTES)
    check_version(envelope.get("version"))
    if envelope.get("schema") != kind.__name__:
        found = envelope.get("schema")
        raise BadInput("wrong-document", hint=f"Expected a {kind.__name__}, found {found!r:.60}.")
    return validated(envelope.get("body"), kind)


def plain(value: Any) -> Any:
    """Documents as mappings, arrays as extensions, tuples as lists, keys as text."""
    if isinstance(value, Document):
        return {name: plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, np.ndarray):
        return pack_array(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value


def packed_map(mapping: dict[str, Any]) -> bytes:
    try:
        return msgpack.packb(mapping)  # type: ignore[return-value]
    except (TypeError, ValueError, OverflowError) as error:
        raise BadInput("not-packable", hint=f"A value cannot be written as msgpack: {error}.") from error


def unpacked_map(data: bytes | bytearray | memoryview, max_bytes: int) -> dict[str, Any]:
    """The msgpack map in `data`, within all limits; BadInput otherwise."""
    if len(data) > max_bytes:
        raise BadInput("too-large", hint=f"{len(data)} bytes came; the limit is {max_bytes}.")
    count = _Counter()
    most = min(MAX_ITEMS, len(data))  # A list is allocated at the length it claims, before its items come.
    try:
        found = msgpack.unpackb(
            data,
            ext_hook=_extension,
            object_hook=count,
            list_hook=count,
            raw=False,
            strict_map_key=True,
            timestamp=0,
            max_str_len=MAX_TEXT_BYTES,
            max_bin_len=MAX_TEXT_BYTES,
            max_array_len=most,
            max_map_len=most,
            max_ext_len=max_bytes,
        )
    except (
        ValueError,
        TypeError,
        OverflowError,
        BufferError,
        RecursionError,
        msgpack.UnpackException,
    ) as error:
        raise BadInput("not-msgpack", hint=f"The bytes are not msgpack within limits: {error}.") from error
    if not isinstance(found, dict):
        raise BadInput("not-msgpack", hint=f"Expected a msgpack map, found {type(found).__name__}.")
    return found


def check_version(version: Any) -> None:
    """[major, minor]; Incompatible for another major."""
    whole = (
        isinstance(version, list) and len(version) == 2 and all(type(n) is int and n >= 0 for n in version)
    )
    if not whole:
        raise BadInput(
            "bad-version", hint=f"'version' is [major, minor], two whole numbers, not {version!r:.40}."
        )
    major, minor = version
    if major != SCHEMA_MAJOR:
        raise Incompatible(
            hint=f"This speaks contract {major}.{minor}; here {SCHEMA_MAJOR}.x is spoken. "
            "Update the side with the older version."
        )


def validated(body: Any, kind: type[D]) -> D:
    """A `kind` from what msgpack gave; BadInput names the first field that does not fit."""
    if not isinstance(body, dict):
        raise BadInput(
            "bad-document", hint=f"The body of a {kind.__name__} is a map, not {type(body).__name__}."
        )
    try:
        return kind.model_validate(fitted(body, kind))
    except ValidationError as error:
        raise BadInput("bad-document", hint=f"{kind.__name__}: {first_complaint(error)}") from error


def first_complaint(error: ValidationError) -> str:
    """The first field that does not fit, in words: 'dwell_us: Input should be greater than 0 (of 2)'."""
    first, count = error.errors(include_url=False, include_input=False)[0], error.error_count()
    where = ".".join(str(part) for part in first["loc"]) or "as a whole"
    return f"{where:.120}: {first['msg']:.300}" + (f" (first of {count})" if count > 1 else "")


class _Counter:
    """Passes containers through and refuses the one that is too many."""

    def __init__(self) -> None:
        self.left = MAX_CONTAINERS

    def __call__(self, container: Any) -> Any:
        self.left -= 1
        if self.left < 0:
            raise BadInput("too-large", hint=f"More than {MAX_CONTAINERS} lists and maps in one document.")
        return container


def _extension(code: int, data: bytes) -> Any:
    # Another code may stand under a key that only newer writers know; the document drops or refuses it.
    return unpack_array(data) if code == ARRAY_EXT else msgpack.ExtType(code, data)
