"""What the bridge remembers of each source, and what that says about the next frame; sans-IO.

A source is one (stream, epoch). Within it, frame by frame:

    sequence          known?                    answer
    highest + 1       no                        stored, gap 0
    beyond that       no                        stored, gap = how many are missing in between
    at or below       with the same checksum    acknowledged again as a duplicate, not stored again
    at or below       with another checksum     refused: 'sequence-reused'
    at or below       not known any more        the store knows whether it is new

A refused frame was sent, so it is no gap; its number may come again.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from paretoscope.contract import Ack, FrameHeader, StreamEnd
from paretoscope.errors import BadFrame

MAX_SOURCES = 256
"""Sources remembered; the one unheard of longest is forgotten first."""
MAX_REMEMBERED = 512
"""Frames remembered per source."""


@dataclass
class Source:
    highest: int = -1
    """Largest sequence number seen, stored or refused."""
    stored: OrderedDict[int, int] = field(default_factory=OrderedDict)
    """Sequence -> checksum of the newest frames."""
    owed: int = 0
    """Missing frames not yet told with an acknowledgement."""
    missing: int = 0
    """Frames missing in all; falls when one comes late."""
    ended: bool = False

    def see(self, sequence: int) -> None:
        """A number came: whatever lies between it and the highest is missing."""
        if sequence > self.highest:
            self.owed += sequence - self.highest - 1
            self.missing += sequence - self.highest - 1
            self.highest = sequence


class Session:
    def __init__(self, max_sources: int = MAX_SOURCES, max_remembered: int = MAX_REMEMBERED) -> None:
        self._sources: OrderedDict[tuple[str, str], Source] = OrderedDict()
        self._max_sources = max_sources
        self._max_remembered = max_remembered

    def __len__(self) -> int:
        return len(self._sources)

    def knows(self, stream: str, epoch: str) -> bool:
        return (stream, epoch) in self._sources

    def resume(self, stream: str, epoch: str, highest: int) -> None:
        """Take up a source that an earlier run of the bridge had stored up to `highest`."""
        source = self._source(stream, epoch)
        source.highest = max(source.highest, highest)

    def is_duplicate(self, header: FrameHeader) -> bool:
        """True when exactly this frame is known to be stored.

        Raises BadFrame('sequence-reused') when its number belongs to other pixels.
        """
        known = self._source(header.stream, header.epoch).stored.get(header.sequence)
        if known is not None and known != header.crc32:
            raise BadFrame(
                "sequence-reused",
                hint=f"Frame {header.sequence} of epoch {header.epoch} is stored with other pixels. "
                "Begin a new epoch each time the source starts, and count frames from 0 in it.",
            )
        return known is not None

    def gap_before(self, header: FrameHeader) -> int:
        """How many frames are missing just before this one."""
        source = self._source(header.stream, header.epoch)
        return max(0, header.sequence - source.highest - 1) + source.owed

    def duplicate(self, header: FrameHeader) -> Ack:
        return _ack(header, duplicate=True, gap=0)

    def stored(self, header: FrameHeader, new: bool) -> Ack:
        """The store has this frame; `new` is False where it had it before."""
        source = self._source(header.stream, header.epoch)
        if new and header.sequence <= source.highest:
            source.missing = max(0, source.missing - 1)
        source.see(header.sequence)
        source.stored[header.sequence] = header.crc32
        while len(source.stored) > self._max_remembered:
            source.stored.popitem(last=False)
        gap, source.owed = (source.owed, 0) if new else (0, source.owed)
        return _ack(header, duplicate=not new, gap=gap)

    def refused(self, stream: str, epoch: str, sequence: int) -> None:
        """This frame came and was refused: it is not missing."""
        self._source(stream, epoch).see(sequence)

    def end(self, end: StreamEnd) -> Ack:
        """The source has sent its last frame: frames it counted and that never came are missing.

        `duplicate` is True once ``ended`` was called for it.
        """
        source = self._source(end.stream, end.epoch)
        source.see(end.frames)
        source.owed = 0
        return Ack(
            frame_id=f"{end.stream}-{end.epoch}-end",
            stream=end.stream,
            epoch=end.epoch,
            sequence=end.frames,
            duplicate=source.ended,
            gap=source.missing,
        )

    def ended(self, end: StreamEnd) -> None:
        """The end of this source is on record."""
        self._source(end.stream, end.epoch).ended = True

    def _source(self, stream: str, epoch: str) -> Source:
        key = (stream, epoch)
        source = self._sources.setdefault(key, Source())
        self._sources.move_to_end(key)
        while len(self._sources) > self._max_sources:
            self._sources.popitem(last=False)
        return source


def _ack(header: FrameHeader, duplicate: bool, gap: int) -> Ack:
    return Ack(
        frame_id=header.frame_id,
        stream=header.stream,
        epoch=header.epoch,
        sequence=header.sequence,
        duplicate=duplicate,
        gap=gap,
    )
