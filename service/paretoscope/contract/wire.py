"""The messages between an instrument and the bridge, as multipart bytes; knows no socket.

    client -> bridge    frame [header | pixels]    end [header]    heartbeat [header]
                        rows-begin [header]    rows [header | pixels]    rows-end [header]       since 1.1
    bridge -> client    ack [header]    fault [header]    busy [header]    heartbeat [header]
                        rows-held [header]                                                       since 1.1

A header is a flat msgpack map of at most 64 KiB: ``schema`` "paretoscope", ``version`` [major, minor],
``type``, then the fields of the document of that type. ``docs/protocol.md`` is this module in words.

Whether pixels make a picture (finite, not constant) is not looked at here: that is the worker's to refuse, as
a counted fault of the frame, after it is safely stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from paretoscope.contract.base import SCHEMA_MAJOR, Document
from paretoscope.contract.codec import check_version, packed_map, plain, unpacked_map, validated
from paretoscope.contract.events import Fault
from paretoscope.contract.frame import Ack, BusyNotice, FrameHeader, Heartbeat, StreamEnd
from paretoscope.contract.rows import RowBlock, RowsBegin, RowsEnd, RowsHeld
from paretoscope.contract.wire_checks import check_header, check_pixels
from paretoscope.errors import BadFrame, BadInput, Incompatible

SCHEMA = "paretoscope"
WIRE_MINOR = 1
"""Minor version of the protocol; its major version is the documents' own. 1: frames in blocks of rows."""
MAX_HEADER_BYTES = 64 * 1024
MAX_PARTS = 2

Buffer = bytes | bytearray | memoryview


@dataclass(frozen=True)
class FrameMessage:
    """A frame whose header, size and checksum have been checked."""

    header: FrameHeader
    pixels: memoryview
    """header.nbytes bytes, row by row, little-endian; a view of what was received."""

    def image(self) -> np.ndarray:
        """(rows, columns) of the header's dtype, a read-only view of `pixels`."""
        return np.frombuffer(self.pixels, np.dtype(self.header.dtype).newbyteorder("<")).reshape(
            self.header.shape
        )


@dataclass(frozen=True)
class RowsMessage:
    """A block of rows. Whether its size and checksum fit can be said by who holds the rows before it."""

    block: RowBlock
    pixels: memoryview


@dataclass(frozen=True)
class Subject:
    """Which frame a message is about, as far as its header can be read."""

    stream: str | None = None
    epoch: str | None = None
    sequence: int | None = None
    about: str | None = None
    """The message's type where it is one of a frame in blocks of rows."""


Request = FrameMessage | StreamEnd | Heartbeat | RowsBegin | RowsMessage | RowsEnd
Reply = Ack | Fault | BusyNotice | Heartbeat | RowsHeld

REQUESTS: dict[str, type[Document]] = {
    "frame": FrameHeader,
    "end": StreamEnd,
    "heartbeat": Heartbeat,
    "rows-begin": RowsBegin,
    "rows": RowBlock,
    "rows-end": RowsEnd,
}
REPLIES: dict[str, type[Document]] = {
    "ack": Ack,
    "fault": Fault,
    "busy": BusyNotice,
    "heartbeat": Heartbeat,
    "rows-held": RowsHeld,
}
OF_ROWS = frozenset({"rows-begin", "rows", "rows-end"})
"""Requests that the protocol knows since version 1.1."""
_TYPES: dict[type[Document], str] = {kind: name for name, kind in (REQUESTS | REPLIES).items()}


def type_of(document: Document) -> str:
    """'frame', 'ack', ...: the type of message that carries such a document."""
    return _TYPES[type(document)]


def encode(document: Document) -> bytes:
    """A document as a header part; fields that are None are left out."""
    fields = {name: value for name, value in plain(document).items() if value is not None}
    head = {"schema": SCHEMA, "version": [SCHEMA_MAJOR, WIRE_MINOR], "type": type_of(document)}
    return packed_map(head | fields)


def encode_frame(header: FrameHeader, pixels: Buffer) -> list[Buffer]:
    """The two parts of a frame; the caller vouches that `pixels` are the header's."""
    return [encode(header), pixels]


def decode_request(parts: Sequence[Buffer]) -> Request:
    """What a client sent, checked in full.

    Raises BadFrame (code, hint) or Incompatible; never anything else, whatever the bytes are.
    """
    fields = _fields(parts)
    kind = fields["type"]
    if kind == "frame":
        _expect_parts(parts, 2, kind)
        check_header(fields)
        header = _document(fields, FrameHeader)
        check_pixels(header, parts[1])
        return FrameMessage(header, memoryview(parts[1]))
    if kind == "rows":
        _expect_parts(parts, 2, kind)
        return RowsMessage(_document(fields, RowBlock), memoryview(parts[1]))
    if kind not in REQUESTS:
        raise BadFrame(
            "unknown-type", hint=f"Clients send {' or '.join(REQUESTS)}; this message says type {kind!r:.40}."
        )
    _expect_parts(parts, 1, kind)
    if kind in OF_ROWS:
        check_header(fields)
    return _document(fields, REQUESTS[kind])  # type: ignore[return-value]


def decode_reply(parts: Sequence[Buffer]) -> Reply:
    """What the bridge answered. Raises BadFrame or Incompatible."""
    fields = _fields(parts)
    kind = fields["type"]
    if kind not in REPLIES:
        raise BadFrame(
            "unknown-type", hint=f"The bridge answers {', '.join(REPLIES)}; this says type {kind!r:.40}."
        )
    _expect_parts(parts, 1, kind)
    return _document(fields, REPLIES[kind])  # type: ignore[return-value]


def minor_of(parts: Sequence[Buffer]) -> int:
    """Minor version of the protocol that whoever sent this speaks. Raises BadFrame or Incompatible."""
    return _fields(parts)["version"][1]


def subject_of(parts: Sequence[Buffer]) -> Subject:
    """Whom to name in a fault; fields that cannot be read are None."""
    try:
        fields = _fields(parts)
    except (BadInput, Incompatible):
        return Subject()
    stream, epoch, sequence = (fields.get(name) for name in ("stream", "epoch", "sequence"))
    try:
        Fault(code="-", hint="-", stream=stream, epoch=epoch, sequence=sequence)
        StreamEnd(stream=stream or "-", epoch=epoch or "-", frames=max(0, sequence or 0))
    except ValueError:
        return Subject()
    return Subject(stream, epoch, sequence, fields["type"] if fields["type"] in OF_ROWS else None)


def _fields(parts: Sequence[Buffer]) -> dict[str, Any]:
    if not parts or not len(parts[0]):
        raise BadFrame(
            "bad-parts",
            hint="The first part is the header; this one is empty. Send from a DEALER socket, not REQ.",
        )
    if len(parts[0]) > MAX_HEADER_BYTES:
        raise BadFrame(
            "header-too-large",
            hint=f"A header is at most {MAX_HEADER_BYTES} bytes, this first part has {len(parts[0])}. "
            "Pixels belong in the second part.",
        )
    try:
        fields = unpacked_map(parts[0], MAX_HEADER_BYTES)
    except BadInput as error:
        raise BadFrame("bad-header", hint=f"The first part is no header. {error.hint}") from error
    if fields.get("schema") != SCHEMA:
        raise BadFrame(
            "bad-header", hint=f"'schema' must be {SCHEMA!r}; the header says {fields.get('schema')!r:.40}."
        )
    try:
        check_version(fields.get("version"))
    except BadInput as error:
        raise BadFrame("bad-header", hint=error.hint) from error
    if not isinstance(fields.get("type"), str):
        raise BadFrame("bad-header", hint="'type' must say what this message is, as text.")
    return fields


def _expect_parts(parts: Sequence[Buffer], count: int, kind: str) -> None:
    if len(parts) != count:
        wanted = "a header and its pixels, 2 parts" if count == 2 else "1 part"
        raise BadFrame("bad-parts", hint=f"A {kind} message is {wanted}; {len(parts)} came.")


def _document(fields: dict[str, Any], kind: type[Document]) -> Any:
    try:
        return validated(fields, kind)
    except BadInput as error:
        raise BadFrame("bad-header", hint=error.hint) from error
