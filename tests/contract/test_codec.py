"""Documents survive the way into bytes and back; bytes that are no document are refused in words."""

from __future__ import annotations

import tracemalloc
from contextlib import suppress

import msgpack
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.documents import KINDS, documents, same
from paretoscope.contract import AtomMap, Event, FrameHeader, LogParams, StreamMemory
from paretoscope.contract.codec import MAX_CONTAINERS, pack, unpack
from paretoscope.contract.shape import MAX_DEPTH
from paretoscope.errors import BadInput, Incompatible

any_document = st.sampled_from(KINDS).flatmap(documents)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_document_comes_back_as_it_was(kind, data):
    document = data.draw(documents(kind))
    assert same(unpack(pack(document), kind), document)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(KINDS))
def test_any_bytes_are_a_document_or_bad_input(junk, kind):
    with pytest.raises(BadInput):
        unpack(junk, kind)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(any_document, st.data())
def test_a_damaged_document_is_read_or_refused_and_never_crashes(document, data):
    packed = bytearray(pack(document))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(packed) - 1))
        packed[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
        if not packed:
            return
    with suppress(BadInput, Incompatible):
        unpack(bytes(packed), type(document))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(KINDS), st.data())
def test_fields_of_any_kind_are_taken_or_refused_in_words(kind, data):
    odd = st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**64 - 1)
        | st.floats()
        | st.text(max_size=5)
        | st.binary(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    )
    body = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(kind.model_fields, odd)))
    try:
        taken = unpack(msgpack.packb({"schema": kind.__name__, "version": [1, 0], "body": body}), kind)
    except BadInput as refused:
        told = refused
    else:
        assert type(taken) is kind
        return
    assert told.code
    assert told.hint


def envelope(**changes) -> bytes:
    body = {"sigma_min": 1.0, "sigma_max": 2.0, "threshold": 0.1, "overlap": 0.5}
    return msgpack.packb({"schema": "LogParams", "version": [1, 0], "body": body, **changes})


def test_a_newer_minor_version_with_unknown_keys_is_read():
    body = {
        "sigma_min": 1,
        "sigma_max": 2.0,
        "threshold": 0.1,
        "overlap": 0.5,
        "colour": msgpack.ExtType(77, b"?"),
    }
    newer = envelope(version=[1, 9], body=body, extra=[1, 2])
    assert unpack(newer, LogParams) == LogParams(sigma_min=1.0, sigma_max=2.0, threshold=0.1, overlap=0.5)


def test_another_major_version_is_incompatible_and_says_which():
    with pytest.raises(Incompatible, match=r"2\.0.*1\.x"):
        unpack(envelope(version=[2, 0]), LogParams)


@pytest.mark.parametrize("version", [None, 1, [1], [1, 0, 0], [True, False], [-1, 0], "1.0", [1.0, 0]])
def test_a_version_is_two_whole_numbers(version):
    with pytest.raises(BadInput, match="version"):
        unpack(envelope(version=version), LogParams)


def test_a_document_of_another_type_is_refused():
    with pytest.raises(BadInput, match="wrong-document"):
        unpack(envelope(), StreamMemory)


def test_truth_values_are_no_numbers():
    with pytest.raises(BadInput, match="threshold"):
        unpack(
            envelope(body={"sigma_min": 1.0, "sigma_max": 2.0, "threshold": False, "overlap": 0.5}), LogParams
        )


@pytest.mark.parametrize(
    ("name", "bomb"),
    [
        ("empty maps", b"\xdc\xff\xff" + b"\x80" * 65535),
        ("rows of empty lists", b"\xdc\x03\xe8" + (b"\xdc\x03\xe8" + b"\x90" * 1000) * 1000),
        ("a list that claims four billion items", b"\xdd\xff\xff\xff\xff"),
        ("an array extension that claims four gigabytes", b"\xc9\xff\xff\xff\xff\x01"),
        ("ten thousand lists in each other", b"\x91" * 10_000 + b"\x90"),
        ("nothing", b""),
    ],
)
def test_bombs_are_refused_before_they_grow(name, bomb):
    with pytest.raises(BadInput):
        unpack(bomb, LogParams)
    wrapped = msgpack.packb({"schema": "Event", "version": [1, 0]})
    with pytest.raises(BadInput):
        unpack(b"\x83" + wrapped[1:] + b"\xa4body" + bomb, Event)


def test_lists_in_lists_take_no_memory_for_items_that_cannot_come():
    claims = b"\xdc\xff\xff" * 400  # each says 65,535 items and holds the next
    tracemalloc.start()
    try:
        with pytest.raises(BadInput):
            unpack(b"\x81\xa4body" + claims, Event)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_details_nest_to_a_limit():
    deep: object = 1
    for _ in range(MAX_DEPTH + 5):
        deep = [deep]
    with pytest.raises(BadInput, match="too-deep"):
        unpack(pack(Event(kind="fault", at="2026-11-21T09:30:00Z", data={"deep": deep})), Event)
    assert MAX_CONTAINERS > 1000


def test_class_names_keep_their_whole_number_keys():
    memory = StreamMemory(class_names={0: "Sr", 7: "Ti", -1: "unknown"})
    assert unpack(pack(memory), StreamMemory).class_names == memory.class_names


def test_an_atom_map_of_ten_thousand_atoms_is_little_more_than_its_columns():
    columns = {"y_px": np.zeros(10_000, np.float32), "x_px": np.zeros(10_000, np.float32)}
    packed = pack(AtomMap(frame_id="s-e-000000", columns=columns, shape=(512, 512)))
    assert 80_000 < len(packed) < 80_600


def test_a_document_with_text_that_is_no_text_is_refused_when_packed():
    with pytest.raises(BadInput, match="not-packable"):
        pack(Event(kind="fault", at="now", data={"text": "\ud800"}))


def test_a_frame_id_made_from_a_header_comes_back():
    header = FrameHeader(stream="s", epoch="e", sequence=3, shape=(2, 2), dtype="uint16", nbytes=8, crc32=1)
    assert unpack(memoryview(pack(header)), FrameHeader).frame_id == "s-e-000003"
