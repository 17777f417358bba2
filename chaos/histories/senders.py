"""Frames that come in order, with gaps, again, late, or under a number that is taken."""

from __future__ import annotations

import zlib

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from chaos.histories.history import EPOCHS, SIDES, STREAMS, History
from paretoscope.contract import Ack, BusyNotice, Fault, FrameHeader
from paretoscope.contract.wire import Reply, encode


def header(
    stream: str, epoch: str, sequence: int, side: int = 4, other: int = 0
) -> tuple[FrameHeader, bytes]:
    """A frame and its pixels; `other`: the same number with other pixels."""
    pixels = np.full((side, side), sequence + 1000 * other, np.uint16).tobytes()
    described = FrameHeader(
        stream=stream,
        epoch=epoch,
        sequence=sequence,
        shape=(side, side),
        dtype="uint16",
        nbytes=len(pixels),
        crc32=zlib.crc32(pixels),
    )
    return described, pixels


class Senders(History):
    def deliver(self, described: FrameHeader, pixels: bytes) -> None:
        expected, gap = self.ledger.send(
            described.frame_id,
            described.stream,
            described.epoch,
            described.sequence,
            described.nbytes,
            described.crc32,
        )
        reply = self.bridge.answer([encode(described), pixels])
        if isinstance(reply, BusyNotice) and reply.code == "store-down":  # its connection was the old store's
            self.ledger.now_s += 1.0
            for frame in self.ledger.frames.values():
                frame.received_s += frame.frame_id == described.frame_id and expected == "ack"
            reply = self.bridge.answer([encode(described), pixels])
        self.seen[expected] += 1
        assert verdict(reply) == (expected, gap), reply

    @rule(
        stream=STREAMS,
        epoch=EPOCHS,
        skips=st.lists(st.sampled_from([0, 0, 0, 1, 3]), min_size=1, max_size=5),
        side=SIDES,
    )
    def send(self, stream: str, epoch: str, skips: list[int], side: int) -> None:
        for skip in skips:
            sources = [one for one, _ in self.sent.values() if (one.stream, one.epoch) == (stream, epoch)]
            newest = max((one.sequence for one in sources), default=-1)
            described, pixels = header(stream, epoch, newest + 1 + skip, side)
            self.sent[described.frame_id] = described, pixels
            self.deliver(described, pixels)

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), other=st.sampled_from([0, 0, 1]))
    def send_again(self, data: st.DataObject, other: int) -> None:
        described, pixels = self.sent[data.draw(st.sampled_from(sorted(self.sent)))]
        if other and described.frame_id in self.ledger.frames:
            described, pixels = header(described.stream, described.epoch, described.sequence, 4, other)
        self.deliver(described, pixels)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def send_late(self, data: st.DataObject) -> None:
        before, _ = self.sent[data.draw(st.sampled_from(sorted(self.sent)))]
        late, pixels = header(before.stream, before.epoch, max(0, before.sequence - 1))
        if late.frame_id not in self.sent:
            self.sent[late.frame_id] = late, pixels
            self.deliver(late, pixels)


def verdict(reply: Reply) -> tuple[str, int]:
    """The bridge's answer in the ledger's words."""
    if isinstance(reply, Ack):
        return ("duplicate", 0) if reply.duplicate else ("ack", reply.gap)
    assert isinstance(reply, BusyNotice | Fault), reply
    return reply.code, 0
