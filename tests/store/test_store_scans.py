"""Rows of a running scan in the store: seen at once, never mixed, gone by themselves."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paretoscope.adapters.store import Store, keys
from paretoscope.adapters.store.scans import NEWS, SHOWN_S
from paretoscope.contract import RowsBegin

IMAGE = np.arange(60, dtype="<u2").reshape(10, 6)


def begin(stream: str = "haadf", sequence: int = 0, image: np.ndarray = IMAGE) -> RowsBegin:
    return RowsBegin(
        stream=stream,
        epoch="e1",
        sequence=sequence,
        shape=image.shape,
        dtype=image.dtype.name,
        nbytes=image.nbytes,
        pixel_size_nm=(0.02, 0.02),
    )


def show(store: Store, run: str, first: int, last: int, stream: str = "haadf", image=IMAGE) -> bool:
    return store.scan_rows(stream, run, first, last, image[first:last])


def test_rows_are_seen_as_they_come_each_once(store):
    run = store.scan_begun(begin())
    seen = store.scan_since("haadf")
    assert (seen.begin, seen.run, len(seen.rows)) == (begin(), run, 0)
    assert show(store, run, 0, 3)
    assert show(store, run, 3, 7)
    first = store.scan_since("haadf", run, 0)
    assert np.array_equal(first.rows, IMAGE[:7])
    show(store, run, 7, 10)
    rest = store.scan_since("haadf", run, first.last_row)
    assert (rest.first_row, rest.last_row) == (7, 10)
    assert np.array_equal(rest.rows, IMAGE[7:])
    assert len(store.scan_since("haadf", run, 10).rows) == 0


def test_rows_that_do_not_follow_are_not_shown(store):
    run = store.scan_begun(begin())
    assert show(store, run, 0, 3)
    assert not show(store, run, 5, 7)
    assert not show(store, "1-1", 3, 5)
    assert not show(store, run, 3, 5, stream="bf")
    assert np.array_equal(store.scan_since("haadf").rows, IMAGE[:3])


def test_a_reader_that_followed_the_run_before_gets_the_new_one_from_its_first_row(store):
    old = store.scan_begun(begin())
    show(store, old, 0, 6)
    new = store.scan_begun(begin())
    assert new != old
    assert not show(store, old, 6, 10)
    show(store, new, 0, 2, image=IMAGE + 1)
    seen = store.scan_since("haadf", old, 6)
    assert (seen.run, seen.first_row) == (new, 0)
    assert np.array_equal(seen.rows, IMAGE[:2] + 1)


def test_what_is_over_is_gone_and_what_is_forgotten_goes_by_itself(store):
    run = store.scan_begun(begin())
    show(store, run, 0, 6)
    for key in (keys.scan("haadf"), keys.scan_pixels("haadf")):
        assert 0 < store._redis.ttl(key) <= SHOWN_S
    store.scan_over("haadf")
    assert store.scan_since("haadf") is None
    assert not show(store, run, 6, 10)


def test_pixels_that_went_without_their_scan_are_not_shown(store):
    run = store.scan_begun(begin())
    show(store, run, 0, 6)
    store._redis.delete(keys.scan_pixels("haadf"))
    assert store.scan_since("haadf") is None
    assert not show(store, run, 6, 10)


def test_a_listener_wakes_when_rows_come_and_is_told_each_stream_once(store):
    after, streams = store.scan_news(block_s=0.0)
    assert streams == []
    runs = {stream: store.scan_begun(begin(stream)) for stream in ("a", "b")}

    def later() -> None:
        for first in range(0, 10, 2):
            for stream, run in runs.items():
                show(store, run, first, first + 2, stream)

    after, streams = store.scan_news(after)
    assert streams == ["a", "b"]
    thread = threading.Timer(0.1, later)
    thread.start()
    after, streams = store.scan_news(after, block_s=5.0)
    thread.join()
    assert set(streams) <= {"a", "b"}
    assert streams
    store.scan_news(after)
    assert store.scan_news(store.scan_news()[0])[1] == []


def test_news_are_bounded(store):
    for _ in range(3 * NEWS):
        store.scan_begun(begin())
    assert store._redis.xlen(keys.SCANS) < 2 * NEWS


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 9), max_size=4), st.sampled_from(["uint8", "int32", "float64"]))
def test_any_split_of_any_dtype_is_read_as_written(store, ends, dtype):
    image = IMAGE.astype(dtype)
    run = store.scan_begun(begin(image=image))
    ends = sorted({*ends, 10})
    row = 0
    for first, last in zip([0, *ends], ends, strict=False):
        assert show(store, run, first, last, image=image)
        seen = store.scan_since("haadf", run, row)
        assert seen.rows.dtype == image.dtype
        assert np.array_equal(seen.rows, image[row:last])
        row = seen.last_row
    with pytest.raises(ValueError, match="read-only"):
        seen.rows[:] = 0
