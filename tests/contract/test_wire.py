"""Frames and answers as multipart bytes: exact one way, refused in physics words the other."""

from __future__ import annotations

import zlib

import msgpack
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.documents import documents
from paretoscope.contract import (
    Ack,
    BusyNotice,
    Fault,
    FrameHeader,
    Heartbeat,
    RowBlock,
    RowsBegin,
    RowsEnd,
    RowsHeld,
    StreamEnd,
)
from paretoscope.contract.wire import (
    MAX_HEADER_BYTES,
    FrameMessage,
    RowsMessage,
    Subject,
    decode_reply,
    decode_request,
    encode,
    encode_frame,
    minor_of,
    subject_of,
)
from paretoscope.errors import BadFrame, Incompatible

IMAGE = np.arange(12, dtype="<u2").reshape(3, 4)


def fields(**changes) -> dict:
    pixels = IMAGE.tobytes()
    whole = {
        "schema": "paretoscope",
        "version": [1, 0],
        "type": "frame",
        "stream": "haadf",
        "epoch": "e1",
        "sequence": 5,
        "shape": [3, 4],
        "dtype": "uint16",
        "nbytes": len(pixels),
        "crc32": zlib.crc32(pixels),
    } | changes
    return {name: value for name, value in whole.items() if value is not ...}


def message(pixels: bytes = IMAGE.tobytes(), **changes) -> list[bytes]:
    return [msgpack.packb(fields(**changes)), pixels]


def test_a_frame_written_with_msgpack_and_zlib_alone_is_read():
    frame = decode_request(message(pixel_size_nm=[0.02, 0.02], dwell_us=5))
    assert isinstance(frame, FrameMessage)
    assert frame.header.frame_id == "haadf-e1-000005"
    assert frame.header.pixel_size_nm == (0.02, 0.02)
    assert np.array_equal(frame.image(), IMAGE)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(documents(kind) for kind in (Ack, Fault, BusyNotice, Heartbeat, RowsHeld)))
def test_every_answer_comes_back_as_it_was(answer):
    assert decode_reply([encode(answer)]) == answer


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(documents(kind) for kind in (StreamEnd, Heartbeat, RowsBegin, RowsEnd)))
def test_every_request_without_pixels_comes_back_as_it_was(request_):
    assert decode_request([encode(request_)]) == request_


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents(FrameHeader))
def test_every_header_comes_back_as_it_was(header):
    small = header.model_copy(
        update={"shape": (3, 4), "dtype": "uint16", "nbytes": 24, "crc32": zlib.crc32(IMAGE)}
    )
    frame = decode_request(encode_frame(small, IMAGE.tobytes()))
    assert isinstance(frame, FrameMessage)
    assert frame.header == small


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents(RowBlock), st.binary(max_size=40))
def test_every_block_of_rows_comes_back_as_it_was(block, pixels):
    rows = decode_request([encode(block), pixels])
    assert isinstance(rows, RowsMessage)
    assert (rows.block, bytes(rows.pixels)) == (block, pixels)


def test_the_end_of_the_rows_is_the_frames_header():
    frame = decode_request(message())
    end = decode_request([msgpack.packb(fields(type="rows-end"))])
    assert isinstance(end, RowsEnd)
    assert isinstance(frame, FrameMessage)
    assert end.header() == frame.header


def test_a_message_tells_which_minor_version_it_speaks():
    assert minor_of(message(version=[1, 7])) == 7


def rows(**changes) -> list[bytes]:
    whole = {"type": "rows", "first_row": 0, "rows": 3, "shape": ..., "dtype": ..., "nbytes": ...}
    return message(**(whole | changes))


def alone(**changes) -> list[bytes]:
    return message(**changes)[:1]


REFUSED = [
    ("rows without pixels", rows()[:1], "bad-parts"),
    ("rows that begin nowhere", rows(first_row=...), "bad-header"),
    ("rows that begin above the image", rows(first_row=-1), "bad-header"),
    ("rows far below any image", rows(first_row=2**40), "bad-header"),
    ("no rows at all", rows(rows=0), "bad-header"),
    ("more rows than an image has", rows(rows=2**40), "bad-header"),
    ("half a row", rows(rows=0.5), "bad-header"),
    ("rows without a checksum", rows(crc32=...), "bad-header"),
    ("rows of no epoch", rows(epoch=...), "bad-header"),
    ("a begin with pixels", message(type="rows-begin"), "bad-parts"),
    ("a begin without shape", alone(type="rows-begin", shape=...), "bad-shape"),
    ("a begin of huge sides", alone(type="rows-begin", shape=[2**40, 2**40]), "bad-shape"),
    ("a begin of too many bytes", alone(type="rows-begin", shape=[16384] * 2, dtype="float64"), "too-large"),
    ("a begin of other bytes", alone(type="rows-begin", nbytes=2**28), "bad-size"),
    ("a begin of objects", alone(type="rows-begin", dtype="object"), "bad-dtype"),
    ("an end with pixels", message(type="rows-end"), "bad-parts"),
    ("an end without a checksum", alone(type="rows-end", crc32=...), "bad-header"),
    ("an end of another size", alone(type="rows-end", nbytes=1), "bad-size"),
    ("held rows as a request", alone(type="rows-held"), "unknown-type"),
    ("no parts", [], "bad-parts"),
    ("header alone", message()[:1], "bad-parts"),
    ("a third part", [*message(), b""], "bad-parts"),
    ("an end with pixels", [encode(StreamEnd(stream="s", epoch="e", frames=1)), b"x"], "bad-parts"),
    ("header too large", [bytes(MAX_HEADER_BYTES + 1), b""], "header-too-large"),
    ("header not msgpack", [b"\xc1", b""], "bad-header"),
    ("header not a map", [b"\x93\x01\x02\x03", b""], "bad-header"),
    ("another schema", message(schema="dectris"), "bad-header"),
    ("no version", message(version=...), "bad-header"),
    ("no type", message(type=...), "bad-header"),
    ("a type nobody knows", message(type="picture"), "unknown-type"),
    ("an answer as a request", message(type="ack"), "unknown-type"),
    ("zero rows", message(shape=[0, 4]), "bad-shape"),
    ("negative columns", message(shape=[3, -4]), "bad-shape"),
    ("two negative sides", message(shape=[-3, -4]), "bad-shape"),
    ("huge sides", message(shape=[2**40, 2**40]), "bad-shape"),
    ("three sides", message(shape=[3, 2, 2]), "bad-shape"),
    ("sides as floats", message(shape=[3.0, 4.0]), "bad-shape"),
    ("no shape", message(shape=...), "bad-shape"),
    ("object pixels", message(dtype="object"), "bad-dtype"),
    ("complex pixels", message(dtype="complex64"), "bad-dtype"),
    ("big-endian pixels", message(dtype=">u2"), "bad-dtype"),
    ("a dtype that is no text", message(dtype=["uint16"]), "bad-dtype"),
    ("more bytes than a frame may have", message(shape=[16384, 16384], dtype="float64"), "too-large"),
    ("nbytes of another dtype", message(nbytes=48), "bad-size"),
    ("nbytes as truth value", message(shape=[1, 1], dtype="uint8", nbytes=True), "bad-size"),
    ("fewer pixels than promised", message(pixels=bytes(12)), "bad-size"),
    ("more pixels than promised", message(pixels=bytes(48)), "bad-size"),
    ("other bytes than summed", message(pixels=bytes(24)), "bad-checksum"),
    ("no checksum", message(crc32=...), "bad-header"),
    ("a stream name with a slash", message(stream="../etc"), "bad-header"),
    ("a negative sequence", message(sequence=-1), "bad-header"),
    ("a dwell of zero", message(dwell_us=0.0), "bad-header"),
    ("a dwell that is no number", message(dwell_us=float("nan")), "bad-header"),
    ("a time without zone", message(acquired_end="2026-11-21T09:30:00"), "bad-header"),
    ("a time in other digits", message(acquired_end="\u0662026-11-21T09:30:00Z"), "bad-header"),
]


@pytest.mark.parametrize(("parts", "code"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_is_no_frame_is_refused_with_a_code_and_a_hint(parts, code):
    with pytest.raises(BadFrame) as refusal:
        decode_request(parts)
    assert refusal.value.code == code
    assert len(refusal.value.hint) > 20


def test_another_major_version_is_refused_as_incompatible():
    with pytest.raises(Incompatible, match="older version"):
        decode_request(message(version=[2, 0]))


def test_keys_of_a_newer_minor_version_are_ignored():
    assert isinstance(decode_request(message(version=[1, 7], aberrations=[1, 2], c5={"nm": 3})), FrameMessage)


def test_a_refused_frame_still_says_which_one_it_was():
    assert subject_of(message(dtype="object")) == Subject("haadf", "e1", 5)
    assert subject_of(rows(rows=0)) == Subject("haadf", "e1", 5, "rows")
    assert subject_of(message(sequence="5")) == Subject()
    assert subject_of([b"\xc1"]) == Subject()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=4))
def test_any_parts_are_a_message_or_refused(parts):
    for decode in (decode_request, decode_reply):
        with pytest.raises((BadFrame, Incompatible)):
            decode(parts)
    assert subject_of(parts) == Subject()


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_damaged_frame_is_read_or_refused_and_never_crashes(data):
    kinds = [message(pixel_size_nm=[0.1, 0.1], note="x"), rows(), alone(type="rows-begin")]
    header, *pixels = data.draw(st.sampled_from([*kinds, alone(type="rows-end", dwell_us=3.0)]))
    damaged = bytearray(header)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
        if not damaged:
            return
    told = None
    try:
        decode_request([bytes(damaged), *pixels])
    except (BadFrame, Incompatible) as refused:
        told = refused
    assert told is None or (told.code and told.hint)
    assert isinstance(subject_of([bytes(damaged), *pixels]), Subject)
