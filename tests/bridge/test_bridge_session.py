"""What the bridge concludes from sequence numbers alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretoscope.bridge.session import Session
from paretoscope.contract import FrameHeader, StreamEnd
from paretoscope.errors import BadFrame


def header(sequence: int, epoch: str = "e", crc32: int = 0, stream: str = "s") -> FrameHeader:
    return FrameHeader(
        stream=stream, epoch=epoch, sequence=sequence, shape=(2, 2), dtype="uint8", nbytes=4, crc32=crc32
    )


def store(session: Session, sequence: int, **more) -> int:
    return session.stored(header(sequence, **more), new=True).gap


def test_frames_in_order_have_no_gap():
    session = Session()
    assert [store(session, sequence) for sequence in range(5)] == [0] * 5


def test_missing_frames_are_told_once_with_the_next_one():
    session = Session()
    assert [store(session, sequence) for sequence in (0, 3, 4)] == [0, 2, 0]


def test_the_first_frame_of_an_epoch_counts_from_zero():
    session = Session()
    assert store(session, 2) == 2
    assert store(session, 0, epoch="f") == 0


def test_a_late_frame_is_no_longer_missing():
    session = Session()
    for sequence in (0, 3, 1):
        store(session, sequence)
    assert session.end(StreamEnd(stream="s", epoch="e", frames=4)).gap == 1


def test_a_refused_frame_is_not_missing_but_those_before_it_are():
    session = Session()
    store(session, 0)
    session.refused("s", "e", 3)
    assert store(session, 4) == 2


def test_the_same_frame_again_is_a_duplicate():
    session = Session()
    store(session, 0, crc32=7)
    assert session.is_duplicate(header(0, crc32=7))
    assert not session.is_duplicate(header(1, crc32=7))


def test_a_number_used_for_other_pixels_is_refused():
    session = Session()
    store(session, 0, crc32=7)
    with pytest.raises(BadFrame, match="new epoch"):
        session.is_duplicate(header(0, crc32=8))


def test_a_source_taken_up_again_goes_on_where_it_was():
    session = Session()
    session.resume("s", "e", 41)
    assert store(session, 42) == 0


def test_an_end_tells_how_many_never_came():
    session = Session()
    store(session, 0)
    end = StreamEnd(stream="s", epoch="e", frames=5)
    assert session.end(end).gap == 4
    session.ended(end)
    assert session.end(end).duplicate


def test_the_source_unheard_of_longest_is_forgotten_first():
    session = Session(max_sources=3)
    for name in ("a", "b", "c", "a", "d"):
        store(session, 0, stream=name)
    assert len(session) == 3
    assert [session.knows(name, "e") for name in "abcd"] == [True, False, True, True]


@given(st.lists(st.integers(0, 60), max_size=80))
def test_memory_is_bounded_and_the_missing_are_those_that_never_came(sequences):
    session = Session(max_remembered=100)
    for sequence in sequences:
        if not session.is_duplicate(header(sequence)):
            store(session, sequence)
    frames = max(sequences, default=-1) + 1
    ack = session.end(StreamEnd(stream="s", epoch="e", frames=frames))
    assert ack.gap == frames - len(set(sequences))
