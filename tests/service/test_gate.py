"""Short work goes first, and long work neither starves nor breaks its deadline."""

from __future__ import annotations

import threading
import time

from paretoscope.deadline import Deadline
from paretoscope.gate import Gate


def test_long_work_waits_between_steps_until_the_urgent_is_done() -> None:
    gate, order = Gate(5.0), list[str]()
    inside, leave = threading.Event(), threading.Event()

    def urgent() -> None:
        with gate.entered():
            inside.set()
            leave.wait(5.0)
            order.append("urgent")

    thread = threading.Thread(target=urgent)
    thread.start()
    inside.wait(5.0)
    threading.Timer(0.05, leave.set).start()
    assert not Deadline.never().passed()
    assert not Deadline(time.monotonic() + 60.0, give_way=gate.give_way).sooner(30.0).passed()
    order.append("long")
    thread.join()
    assert order == ["urgent", "long"]
    assert gate.waited_s > 0.0


def test_urgent_work_that_never_ends_holds_nobody_up_for_long() -> None:
    gate = Gate(0.05)
    with gate.entered():
        deadline = Deadline(time.monotonic() + 60.0, give_way=gate.give_way)
        assert deadline.remaining_s() > 50.0
        assert gate.waited_s < 5.0
        deadline.passed()
    assert gate.waited_s < 10.0


def test_nobody_waits_beyond_the_deadline() -> None:
    gate = Gate(60.0)
    with gate.entered():
        assert Deadline(time.monotonic() + 0.05, give_way=gate.give_way).passed()
        assert Deadline(time.monotonic() - 1.0, give_way=gate.give_way).passed()
    assert gate.waited_s < 30.0


def test_without_anybody_inside_nothing_is_waited_for() -> None:
    gate = Gate()
    assert not Deadline.after(10.0).passed()
    gate.give_way(10.0)
    assert gate.waited_s == 0.0
