"""What bridge and store ought to do, in plain Python: lists and counters, no wire, no clock, no process.

Written from docs/reference/store.md and docs/protocol.md, not from the code, so that the two can disagree.
"""

from __future__ import annotations

from dataclasses import dataclass, field

OPEN = ("queued", "working")


@dataclass
class Limits:
    history_frames: int = 4
    history_bytes: int = 2**20
    backlog_frames: int = 6
    backlog_bytes: int = 2**20
    streams: int = 2
    dead_letters: int = 2
    choices: int = 2


@dataclass
class Frame:
    frame_id: str
    stream: str
    nbytes: int
    arrival: int
    received_s: float
    gap: int
    crc32: int
    state: str = "queued"
    fence: int = 0
    """0 = never handed out."""
    choices: int = 0

    @property
    def open(self) -> bool:
        return self.state in OPEN


@dataclass
class Entry:
    """Work in a queue: a frame's or a choice's id, and who has it."""

    key: str
    holder: str | None = None


@dataclass
class Source:
    highest: int = -1
    owed: int = 0
    stored: dict[int, int] = field(default_factory=dict)


@dataclass
class Policy:
    drop: str = "wait"
    keep_newest: int = 1
    max_age_s: float | None = None


@dataclass
class Choice:
    frame_id: str
    state: str = "queued"
    fence: int = 0


class Ledger:
    def __init__(self) -> None:
        self.limits = Limits()
        self.now_s = 0.0
        self.frames: dict[str, Frame] = {}
        self.work: list[Entry] = []
        self.choices: dict[str, Choice] = {}
        self.asked: list[Entry] = []
        self.answered: list[str] = []
        """Those whose answers are kept, oldest first."""
        self.arrivals = 0
        self.fences = 0
        self.freed: dict[str, int] = {}
        self.last: dict[str, tuple[str, int]] = {}
        self.policies: dict[str, Policy] = {}
        self.paused: set[str] = set()
        self.dead: dict[str, Frame] = {}
        self.sources: dict[tuple[str, str], Source] = {}
        """The running bridge's memory."""
        self.counted: dict[str, int] = dict.fromkeys(("received", "done", "failed", "dropped", "missing"), 0)
        self.ends: dict[str, int] = {}
        """Frame ids and how often they came to an end: once for each time they were taken."""
        self.taken: dict[str, int] = {}

    # the bridge

    def source(self, stream: str, epoch: str) -> Source:
        if (stream, epoch) not in self.sources:
            found = self.sources[stream, epoch] = Source()
            if stream in self.last and self.last[stream][0] == epoch:
                found.highest = self.last[stream][1]
        return self.sources[stream, epoch]

    def send(
        self, frame_id: str, stream: str, epoch: str, sequence: int, nbytes: int, crc32: int
    ) -> tuple[str, int]:
        """What the bridge answers: ('ack', gap), ('duplicate', 0), or (code of its refusal, 0)."""
        source = self.source(stream, epoch)
        if sequence in source.stored:
            return ("duplicate" if source.stored[sequence] == crc32 else "sequence-reused"), 0
        gap = max(0, sequence - source.highest - 1) + source.owed
        verdict = self.put(frame_id, stream, epoch, sequence, nbytes, crc32, gap)
        if verdict in ("paused", "backlog-full"):
            return verdict, 0
        if sequence > source.highest:
            source.owed += sequence - source.highest - 1
            source.highest = sequence
        if verdict == "sequence-reused":  # refused, but it was sent: no gap
            return verdict, 0
        source.stored[sequence] = crc32
        if verdict == "duplicate":
            return "duplicate", 0
        told, source.owed = source.owed, 0
        return "ack", told

    # the store

    def put(
        self, frame_id: str, stream: str, epoch: str, sequence: int, nbytes: int, crc32: int, gap: int
    ) -> str:
        if frame_id in self.frames:
            return "duplicate" if self.frames[frame_id].crc32 == crc32 else "sequence-reused"
        if stream in self.paused:
            return "paused"
        waiting = [one for one in self.frames.values() if one.open]
        too_much = sum(one.nbytes for one in waiting) + nbytes > self.limits.backlog_bytes
        if len(waiting) >= self.limits.backlog_frames or (waiting and too_much):
            return "backlog-full"
        known = self.streams()
        if stream not in known and len(known) >= self.limits.streams and not self._forget_stream():
            return "backlog-full"
        expected = self.last[stream][1] + 1 if self.last.get(stream, ("", 0))[0] == epoch else 0
        if sequence >= expected:
            self.last[stream] = epoch, sequence
        self.arrivals += 1
        self.frames[frame_id] = Frame(frame_id, stream, nbytes, self.arrivals, self.now_s, gap, crc32)
        self.work.append(Entry(frame_id))
        self.counted["received"] += 1
        self.counted["missing"] += gap
        self.taken[frame_id] = self.taken.get(frame_id, 0) + 1
        return "ack"

    def streams(self) -> list[str]:
        return sorted({*(one.stream for one in self.frames.values()), *self.last})

    def of(self, stream: str) -> list[Frame]:
        """Oldest first."""
        return sorted((f for f in self.frames.values() if f.stream == stream), key=lambda one: one.arrival)

    def _forget_stream(self) -> bool:
        newest = {name: max((f.arrival for f in self.of(name)), default=0) for name in self.streams()}
        for stream in sorted(newest, key=lambda one: newest[one]):
            frames = self.of(stream)
            if not any(one.open or one.choices for one in frames):
                for one in frames:
                    del self.frames[one.frame_id]
                for held in (self.last, self.freed, self.policies):
                    held.pop(stream, None)
                return True
        return False

    # workers

    def pick(self, queue: list[Entry], worker: str, resuming: bool, idle: bool) -> Entry | None:
        """The entry that this worker gets next: its own after a restart, a silent worker's, or a new one."""
        own = next((one for one in queue if one.holder == worker), None) if resuming else None
        silent = next((one for one in queue if one.holder is not None), None) if idle else None
        return own or silent or next((one for one in queue if one.holder is None), None)

    def claim(self, worker: str, resuming: bool, idle: bool) -> Frame | None:
        while True:
            entry = self.pick(self.work, worker, resuming, idle)
            if entry is None:
                return None
            entry.holder = worker
            frame = self.frames[entry.key]
            if frame.state == "queued" and self._unfit(frame):
                self.close(frame, "dropped")
                continue
            self.fences += 1
            frame.state, frame.fence = "working", self.fences
            return frame

    def _unfit(self, frame: Frame) -> bool:
        policy = self.policies.get(frame.stream, Policy())
        newer = sum(one.open and one.arrival > frame.arrival for one in self.of(frame.stream))
        return (
            (policy.drop == "newest" and newer >= policy.keep_newest)
            or (policy.drop == "drop" and frame.arrival <= self.freed.get(frame.stream, 0))
            or (policy.max_age_s is not None and self.now_s - frame.received_s > policy.max_age_s)
        )

    def end(self, frame_id: str, fence: int, state: str, bury: bool = False) -> bool:
        """A worker's last write; False where it comes too late."""
        frame = self.frames.get(frame_id)
        if frame is None or not frame.open or frame.fence != fence:
            return False
        if bury:
            self.arrivals += 1
            self.dead.pop(frame_id, None)
            self.dead[frame_id] = frame
            while len(self.dead) > self.limits.dead_letters:
                del self.dead[next(iter(self.dead))]
        self.close(frame, state)
        self.freed[frame.stream] = self.arrivals
        return True

    def close(self, frame: Frame, state: str) -> None:
        frame.state = state
        self.work = [one for one in self.work if one.key != frame.frame_id]
        self.counted[state] += 1
        self.ends[frame.frame_id] = self.ends.get(frame.frame_id, 0) + 1
        while True:
            closed = [one for one in self.of(frame.stream) if not one.open]
            over = len(closed) > self.limits.history_frames
            over = over or sum(one.nbytes for one in closed) > self.limits.history_bytes
            done = [one for one in closed if one.state == "done"]
            free = [one for one in closed if not one.choices and one not in done[-1:]]
            if len(closed) <= 1 or not over or not free:
                return
            del self.frames[free[0].frame_id]

    # choices

    def choose(self, choice_id: str, frame_id: str) -> None:
        self.choices[choice_id] = Choice(frame_id)
        self.frames[frame_id].choices += 1
        self.asked.append(Entry(choice_id))

    def claim_choice(self, worker: str, resuming: bool, idle: bool) -> str | None:
        entry = self.pick(self.asked, worker, resuming, idle)
        if entry is None:
            return None
        entry.holder = worker
        self.fences += 1
        self.choices[entry.key].fence = self.fences
        return entry.key

    def answer(self, choice_id: str, fence: int) -> bool:
        choice = self.choices[choice_id]
        if choice.state != "queued" or choice.fence != fence:
            return False
        choice.state = "done"
        self.answered = [*self.answered, choice_id][-self.limits.choices :]
        self.asked = [one for one in self.asked if one.key != choice_id]
        if choice.frame_id in self.frames:
            self.frames[choice.frame_id].choices -= 1
        return True
