"""Frames in blocks of rows, without a socket: they come out as they were, or are given up and counted."""

from __future__ import annotations

import zlib
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paretoscope.bridge.rows import MAX_UNFINISHED, UNFINISHED_S, RowDesk
from paretoscope.contract import RowBlock, RowsBegin, RowsEnd
from paretoscope.contract.frame import PixelType
from paretoscope.errors import BadFrame

IMAGE = np.arange(60, dtype="<u2").reshape(10, 6)


def begin_of(image: np.ndarray, kind=RowsBegin, **more):
    fields = {
        "stream": "haadf",
        "epoch": "e1",
        "sequence": 0,
        "shape": image.shape,
        "dtype": image.dtype.name,
    }
    return kind(**{**fields, "nbytes": image.nbytes, **more})


def end_of(image: np.ndarray, **more) -> RowsEnd:
    return begin_of(image, RowsEnd, **{"crc32": zlib.crc32(image.tobytes()), **more})


def block_of(image: np.ndarray, first: int, last: int, **more) -> tuple[RowBlock, memoryview]:
    crc32 = zlib.crc32(image[:last].tobytes())
    fields = {"stream": "haadf", "epoch": "e1", "sequence": 0, "first_row": first, "rows": last - first}
    return RowBlock(**{**fields, "crc32": crc32, **more}), memoryview(image[first:last].tobytes())


def dropping() -> tuple[RowDesk, Counter[str]]:
    reasons: Counter[str] = Counter()
    return RowDesk(lambda one, reason: reasons.update([reason])), reasons


@st.composite
def scans(draw) -> tuple[np.ndarray, list[int]]:
    """An image and the rows at which its blocks end."""
    dtype = draw(st.sampled_from(PixelType.__args__))
    rows, columns = draw(st.integers(1, 20)), draw(st.integers(1, 9))
    image = np.frombuffer(
        draw(st.randoms()).randbytes(rows * columns * np.dtype(dtype).itemsize), dtype
    ).reshape(rows, columns)
    return image, sorted({rows, *draw(st.lists(st.integers(1, rows)))})


@settings(max_examples=150, deadline=None)
@given(scans(), st.data())
def test_however_it_is_cut_the_frame_is_byte_for_byte_the_one_sent_whole(scan, data):
    image, ends = scan
    desk = RowDesk()
    desk.begin(begin_of(image), 0.0)
    for first, last in zip([0, *ends], ends, strict=False):
        held, new = desk.add(*block_of(image, first, last), 0.0)
        assert (held.held, new) == (last, True)
        again = data.draw(st.integers(0, last - 1))
        assert desk.add(*block_of(image, again, data.draw(st.integers(again + 1, last))), 0.0)[1] is False
    message = desk.finish(end_of(image, dwell_us=4.0))
    assert bytes(message.pixels) == image.tobytes()
    assert (message.header.crc32, message.header.dwell_us) == (zlib.crc32(image.tobytes()), 4.0)
    assert (len(desk), desk.nbytes) == (0, 0)


WRONG = [
    ("a gap", block_of(IMAGE, 5, 7), "rows-out-of-order"),
    ("rows half held", block_of(IMAGE, 2, 6), "rows-out-of-order"),
    ("held rows with other pixels", block_of(IMAGE + 1, 0, 2), "rows-out-of-order"),
    ("rows below the image", block_of(np.vstack([IMAGE, IMAGE]), 4, 11), "bad-size"),
    ("too few bytes", (block_of(IMAGE, 4, 7)[0], memoryview(b"abc")), "bad-size"),
    ("too many bytes", (block_of(IMAGE, 4, 5)[0], block_of(IMAGE, 4, 7)[1]), "bad-size"),
    ("damaged bytes", (block_of(IMAGE, 4, 5)[0], memoryview(bytes(12))), "bad-checksum"),
    ("a checksum of its own", block_of(IMAGE, 4, 5, crc32=zlib.crc32(IMAGE[4:5].tobytes())), "bad-checksum"),
]


@pytest.mark.parametrize(("block", "code"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_rows_that_do_not_fit_are_refused_and_the_frame_is_given_up(block, code):
    desk, reasons = dropping()
    desk.begin(begin_of(IMAGE), 0.0)
    desk.add(*block_of(IMAGE, 0, 4), 0.0)
    with pytest.raises(BadFrame) as refusal:
        desk.add(*block, 0.0)
    assert refusal.value.code == code
    assert (
        "whole frame" in refusal.value.hint or "Check" in refusal.value.hint or "Begin" in refusal.value.hint
    )
    assert reasons == {code: 1}
    with pytest.raises(BadFrame, match="rows-unknown"):
        desk.add(*block_of(IMAGE, 4, 5), 0.0)


@pytest.mark.parametrize("other", [{"stream": "bf"}, {"epoch": "e2"}, {"sequence": 1}])
def test_rows_of_another_frame_never_mix_in(other):
    desk = RowDesk()
    desk.begin(begin_of(IMAGE), 0.0)
    desk.add(*block_of(IMAGE, 0, 4), 0.0)
    with pytest.raises(BadFrame, match="rows-unknown"):
        desk.add(*block_of(IMAGE, 4, 10, **other), 0.0)
    with pytest.raises(BadFrame, match="rows-unknown"):
        desk.finish(end_of(IMAGE, **other))
    desk.add(*block_of(IMAGE, 4, 10), 0.0)
    assert bytes(desk.finish(end_of(IMAGE)).pixels) == IMAGE.tobytes()


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (end_of(IMAGE, crc32=1), "bad-checksum"),
        (end_of(IMAGE.reshape(6, 10)), "rows-missing"),
        (end_of(IMAGE.astype("<i2")), "rows-missing"),
    ],
)
def test_an_end_that_does_not_fit_its_rows_is_refused(end, code):
    desk, reasons = dropping()
    desk.begin(begin_of(IMAGE), 0.0)
    desk.add(*block_of(IMAGE, 0, 10), 0.0)
    with pytest.raises(BadFrame, match=code):
        desk.finish(end)
    assert reasons == {code: 1}


def test_an_end_before_the_last_row_is_refused():
    desk, reasons = dropping()
    desk.begin(begin_of(IMAGE), 0.0)
    desk.add(*block_of(IMAGE, 0, 9), 0.0)
    with pytest.raises(BadFrame, match="9 of 10 rows"):
        desk.finish(end_of(IMAGE))
    assert reasons == {"rows-missing": 1}


def test_a_begin_gives_up_the_streams_frame_before_it():
    desk, reasons = dropping()
    for sequence in range(5):
        desk.begin(begin_of(IMAGE, sequence=sequence), 0.0)
    assert (len(desk), reasons) == (1, {"begun-anew": 4})


def test_what_nobody_goes_on_with_is_given_up_in_time():
    desk, reasons = dropping()
    desk.begin(begin_of(IMAGE), 0.0)
    desk.add(*block_of(IMAGE, 0, 4), UNFINISHED_S)
    desk.expire(2 * UNFINISHED_S)
    assert len(desk) == 1
    desk.expire(2 * UNFINISHED_S + 1)
    assert (len(desk), reasons) == (0, {"too-old": 1})


def test_a_promise_of_pixels_takes_no_memory_and_promises_are_bounded():
    desk = RowDesk()
    large = {"shape": (16384, 8192), "dtype": "uint16", "nbytes": 2**28}
    for number in range(2):
        desk.begin(begin_of(IMAGE, stream=f"s{number}", **large), 0.0)
    with pytest.raises(BadFrame, match="rows-full"):
        desk.begin(begin_of(IMAGE, stream="s2", **large), 0.0)
    assert desk.nbytes == 0


def test_so_many_frames_may_be_unfinished_and_no_more():
    desk = RowDesk()
    for number in range(MAX_UNFINISHED):
        desk.begin(begin_of(IMAGE, stream=f"s{number}"), 0.0)
    with pytest.raises(BadFrame, match="rows-full"):
        desk.begin(begin_of(IMAGE, stream="one-more"), 0.0)
    desk.begin(begin_of(IMAGE, stream="one-more"), 2 * UNFINISHED_S)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_comes_in_whatever_order_only_the_very_frame_comes_out(data):
    images = {number: IMAGE + number for number in range(3)}
    desk = RowDesk()
    for _ in range(data.draw(st.integers(1, 30))):
        number = data.draw(st.integers(0, 2))
        more = {"sequence": number, "stream": "ab"[data.draw(st.integers(0, 1))]}
        first = data.draw(st.integers(0, 9))
        image, last = images[number], data.draw(st.integers(first + 1, 10))
        try:
            match data.draw(st.sampled_from(["begin", "rows", "rows", "rest", "end"])):
                case "begin":
                    desk.begin(begin_of(image, **more), 0.0)
                case "rows":
                    desk.add(*block_of(image, first, last, **more), 0.0)
                case "rest":
                    held = desk._held(more["stream"], "e1", number).held
                    desk.add(*block_of(image, min(held, 9), 10, **more), 0.0)
                case _:
                    message = desk.finish(end_of(image, **more))
                    assert bytes(message.pixels) == image.tobytes()
                    assert message.header.frame_id == f"{more['stream']}-e1-{number:06d}"
        except BadFrame:
            continue
    assert len(desk) <= 2
