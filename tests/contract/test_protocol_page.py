"""The protocol page is true: its bytes, its fields, its codes and its sender."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import msgpack
import numpy as np
import pytest

from bridge.memory_store import MemoryStore
from bridge.running import BareClient, running_bridge
from paretoscope.bridge import rows
from paretoscope.contract import SCHEMA_MAJOR, FrameHeader, RowBlock
from paretoscope.contract import frame as frame_module
from paretoscope.contract.wire import (
    MAX_HEADER_BYTES,
    REPLIES,
    REQUESTS,
    WIRE_MINOR,
    FrameMessage,
    decode_request,
)
from paretoscope.contract.wire_checks import PIXEL_TYPES

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "protocol.md").read_text()


def block(kind: str) -> str:
    (found,) = re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)
    return found


def example(name: str) -> bytes:
    return bytes.fromhex(block(f"hex {name}"))


def table_after(heading: str) -> str:
    return PAGE.split(heading, 1)[1].split("\n#", 1)[0]


def test_the_example_bytes_are_the_frame_that_the_page_says():
    frame = decode_request([example("header"), example("pixels")])
    assert isinstance(frame, FrameMessage)
    assert frame.header.frame_id == "haadf-e1-000000"
    assert np.array_equal(frame.image(), [[1, 2, 3], [4, 5, 600]])
    assert f"{frame.header.crc32:#010x}" in PAGE


def test_the_bridge_gives_the_examples_answer_to_the_examples_frame():
    with running_bridge(MemoryStore()) as bridge, BareClient(bridge.address) as client:
        client.send(example("header"), example("pixels"))
        assert client.socket.poll(10_000)
        assert client.socket.recv_multipart() == [example("ack")]


def test_every_field_of_a_frame_stands_on_the_page():
    fields = re.findall(r"^\| `(\w+)` \|", table_after("### frame"), re.MULTILINE)
    assert fields == list(FrameHeader.model_fields)
    required = re.findall(r"^\| `(\w+)` \|.*\| yes \|$", table_after("### frame"), re.MULTILINE)
    assert required == [name for name, field in FrameHeader.model_fields.items() if field.is_required()]


def test_every_field_of_every_answer_and_request_stands_on_the_page():
    for name, kind in (REPLIES | REQUESTS).items():
        assert f"`{name}`" in PAGE
        for field in kind.model_fields:
            assert f"`{field}`" in PAGE or field == "frame_id", f"{name}.{field}"


def test_every_code_that_the_bridge_gives_stands_on_the_page_and_no_other():
    told = set(re.findall(r"^\| `([a-z-]+)` \|", table_after("### Codes of faults"), re.MULTILINE))
    given = {"incompatible", "internal"}
    parts = ("contract/wire.py", "contract/wire_checks.py", "bridge/session.py", "bridge/rows.py")
    for path in (*parts, "bridge/holds.py"):
        source = (ROOT / "service" / "paretoscope" / path).read_text()
        given |= set(re.findall(r'(?:BadFrame|Busy)\(\s*"([a-z-]+)"', source))
    assert told == given


def test_the_limits_on_the_page_are_those_of_the_code():
    for limit in (MAX_HEADER_BYTES, frame_module.MAX_FRAME_BYTES, frame_module.MAX_SIDE_PX):
        assert str(limit) in PAGE
    for dtype in PIXEL_TYPES:
        assert f"`{dtype}`" in PAGE


@pytest.fixture
def sender(tmp_path):
    script = tmp_path / "sender.py"
    script.write_text(block("python"))
    return lambda address: subprocess.run(
        [sys.executable, str(script), address], capture_output=True, text=True, timeout=60
    )


def test_the_pages_sender_sends(sender):
    store = MemoryStore()
    with running_bridge(store) as bridge:
        done = sender(bridge.address)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == list(store.frames)
    assert [header.sequence for header, _ in store.frames.values()] == [0, 1, 2]
    assert store.events_of("end")[0].data["missing"] == 0


def test_the_pages_sender_waits_while_the_store_has_no_room(sender):
    store = MemoryStore(capacity=1)
    count = store.count

    def make_room(name: str, by: int = 1, stream: str | None = None) -> int:
        if name.startswith("bridge:busy"):
            store.capacity = 10
        return count(name, by, stream)

    store.count = make_room
    with running_bridge(store) as bridge:
        assert sender(bridge.address).returncode == 0
    assert len(store.frames) == 3


ROWS_DEMO = """
pixels = bytes(range(60))
fields = {"shape": [6, 10], "dtype": "uint8", "nbytes": 60}
print(send_rows(4, fields, 10, [pixels[:20], pixels[20:]])["frame_id"])
"""


@pytest.mark.parametrize("damage", [False, True])
def test_the_pages_rows_make_the_same_frame_whether_they_are_taken_or_not(tmp_path, damage):
    script = tmp_path / "rows.py"
    code = block("python rows")
    if damage:
        code = code.replace('"first_row": len(pixels)', '"first_row": 7 + len(pixels)')
        assert code != block("python rows")
    script.write_text(block("python").split("\nfor sequence")[0] + "\n" + code + ROWS_DEMO)
    store = MemoryStore()
    with running_bridge(store) as bridge:
        command = [sys.executable, str(script), bridge.address]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        counted = bridge.counters
    assert done.returncode == 0, done.stderr
    header, pixels = store.frames[done.stdout.strip()]
    assert (header.sequence, header.shape, pixels) == (4, (6, 10), bytes(range(60)))
    assert counted.get("rows:assembled", 0) == (0 if damage else 1)


def test_the_pages_limits_of_rows_are_those_of_the_bridge():
    part = table_after("### rows-begin")
    for limit in (rows.UNFINISHED_S, rows.MAX_UNFINISHED, rows.MAX_UNFINISHED_BYTES):
        assert f"{limit:g} " in part or f"{limit} " in part
    fields = re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE)
    assert ["stream", "epoch", "sequence", *fields] == list(RowBlock.model_fields)


def test_the_page_speaks_the_codes_version():
    assert f"`[{SCHEMA_MAJOR}, {WIRE_MINOR}]`: major and minor" in PAGE


def test_the_pages_header_is_plain_msgpack():
    assert list(msgpack.unpackb(example("header")))[:3] == ["schema", "version", "type"]
