"""Bytes written by earlier versions stay readable, and the encoding does not drift."""

from __future__ import annotations

import msgpack
import numpy as np
import pytest

from contract.documents import same
from contract.golden_documents import DOCUMENTS, FOLDER, HEADER, MESSAGES, PINNED, ROW_MESSAGES, files
from paretoscope.contract.codec import unpack
from paretoscope.contract.wire import FrameMessage, RowsMessage, decode_reply, decode_request

PIXELS = np.array([[1, 2, 3], [4, 5, 600]], "<u2").tobytes()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_stored_document_is_read_as_what_it_was(name):
    document = DOCUMENTS[name]
    assert same(unpack((FOLDER / f"document-{name}.bin").read_bytes(), type(document)), document)


@pytest.mark.parametrize("name", sorted(PINNED))
def test_documents_are_written_byte_for_byte_as_ever(name):
    file = f"document-{name}.bin"
    assert files()[file] == (FOLDER / file).read_bytes()


@pytest.mark.parametrize("name", MESSAGES | ROW_MESSAGES)
def test_wire_messages_are_written_byte_for_byte_as_ever(name):
    file = f"wire-{name}-1.1.bin"
    assert files()[file] == (FOLDER / file).read_bytes()


@pytest.mark.parametrize("name", MESSAGES)
def test_a_newer_minor_version_changes_nothing_but_its_number(name):
    before, now = (msgpack.unpackb((FOLDER / f"wire-{name}{v}.bin").read_bytes()) for v in ("", "-1.1"))
    assert (before.pop("version"), now.pop("version")) == ([1, 0], [1, 1])
    assert now == before


@pytest.mark.parametrize("name", ["ack", "fault", "busy", "heartbeat"])
@pytest.mark.parametrize("version", ["", "-1.1"])
def test_a_recorded_answer_is_read_as_what_it_was(name, version):
    assert decode_reply([(FOLDER / f"wire-{name}{version}.bin").read_bytes()]) == MESSAGES[name]


@pytest.mark.parametrize("version", ["", "-1.1"])
def test_a_recorded_frame_is_read_as_what_it_was(version):
    frame = decode_request([(FOLDER / f"wire-frame{version}.bin").read_bytes(), PIXELS])
    assert isinstance(frame, FrameMessage)
    assert frame.header == HEADER


def test_recorded_rows_are_read_as_what_they_were():
    for name in ("rows-begin", "rows-end"):
        assert decode_request([(FOLDER / f"wire-{name}-1.1.bin").read_bytes()]) == ROW_MESSAGES[name]
    rows = decode_request([(FOLDER / "wire-rows-1.1.bin").read_bytes(), PIXELS[6:]])
    assert isinstance(rows, RowsMessage)
    assert rows.block == ROW_MESSAGES["rows"]
    assert decode_reply([(FOLDER / "wire-rows-held-1.1.bin").read_bytes()]) == ROW_MESSAGES["rows-held"]


def test_arrays_inside_documents_are_extension_one():
    envelope = msgpack.unpackb((FOLDER / "document-atoms.bin").read_bytes())
    assert envelope["schema"] == "AtomMap"
    assert envelope["version"] == [1, 0]
    y_px = envelope["body"]["columns"]["y_px"]
    assert y_px.code == 1
    assert y_px.data == msgpack.packb(["float32", [2]]) + np.array([0.5, 1.25], "<f4").tobytes()
