"""The names under which everything lies in the store; ``docs/reference/store.md`` explains each."""

from __future__ import annotations

PREFIX = "ps:"

WORK = PREFIX + "work"
CHOICES = PREFIX + "choices"
GROUP = "workers"
EVENTS = PREFIX + "events"
AUDIT = PREFIX + "audit"
PROBE = PREFIX + "probe"
SCHEMA = PREFIX + "schema"
DEAD_LETTERS = PREFIX + "dead-letters"
DEAD = PREFIX + "dead:"
COUNTERS = PREFIX + "counters"
STREAMS = PREFIX + "streams"
ARRIVALS = PREFIX + "arrivals"
BYTES = PREFIX + "bytes"
FRAME = PREFIX + "frame:"
PIXELS = PREFIX + "pixels:"
WORKER = PREFIX + "worker:"
TALLY = PREFIX + "tally:"
"""And the stream: its frames, counted and added up since it began."""
SCANS = PREFIX + "scans"
BRIDGE = PREFIX + "bridge"
PAUSED = PREFIX + "paused"
INSTRUMENTS = PREFIX + "instruments"
INSTRUMENTS_OWNER = PREFIX + "instruments-owner"
WISHES = PREFIX + "wishes"
WISH_REVISION = PREFIX + "wish-revision"


def frame(frame_id: str) -> str:
    return FRAME + frame_id


def pixels(frame_id: str) -> str:
    return PIXELS + frame_id


def history(stream: str) -> str:
    """Every frame of the stream that is still kept, by arrival."""
    return f"{PREFIX}history:{stream}"


def waiting(stream: str) -> str:
    """Frames of the stream that are queued or being worked on, by arrival."""
    return f"{PREFIX}waiting:{stream}"


def results(stream: str) -> str:
    """Frames of the stream that have a result, by arrival."""
    return f"{PREFIX}results:{stream}"


def closed(stream: str) -> str:
    """Frames of the stream nobody will work on again (done, failed, dropped), by arrival."""
    return f"{PREFIX}closed:{stream}"


def last(stream: str) -> str:
    """The newest epoch of the stream and its highest sequence number."""
    return f"{PREFIX}last:{stream}"


def policy(stream: str) -> str:
    return f"{PREFIX}policy:{stream}"


def memory(stream: str) -> str:
    return f"{PREFIX}memory:{stream}"


def names(stream: str) -> str:
    return f"{PREFIX}names:{stream}"


def choice(choice_id: str) -> str:
    return f"{PREFIX}choice:{choice_id}"


def choice_bell(choice_id: str) -> str:
    """A list that gets its one entry when the choice is answered, so that waiting need not poll."""
    return f"{PREFIX}choice-bell:{choice_id}"


def worker(consumer: str) -> str:
    return WORKER + consumer


def scan(stream: str) -> str:
    """What is known of the frame that is being scanned."""
    return f"{PREFIX}scan:{stream}"


def scan_pixels(stream: str) -> str:
    """Its rows so far."""
    return f"{PREFIX}scan-pixels:{stream}"
