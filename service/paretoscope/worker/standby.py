"""A worker that is back at once: it loads all, forks the process that works, watches it, forks the next.

    supervisor ── spawns ──> standby: imports, rehearses, one thread, no work of its own
                                ├── forks ──> process 1   frames, choices, rows; writes its board
                                │     killed: died, or hung (its frame's time is up, it makes no move)
                                └── forks ──> process 2   tells the store of 1's end, takes its frame up again

A start costs seconds (torch, BoTorch, compiled loops), a fork 20 ms, and what was loaded is shared until it
is written to. A process can be forked safely only while it has one thread, and CUDA cannot be forked at all:
see `Standby._warm`. Where forking is out the next process is spawned and pays the whole start.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import Protocol

import structlog

from paretoscope.adapters import logs
from paretoscope.adapters.store import Store
from paretoscope.adapters.store.launch import store_url
from paretoscope.adapters.tethered import die_with, tethered_command
from paretoscope.adapters.threads import VARIABLES, WORKER_VARIABLE, alone, take_threads
from paretoscope.errors import DeviceFailed, ParetoscopeError, StoreDown
from paretoscope.settings import Settings, load
from paretoscope.worker.board import FRAME, SIZE, Board
from paretoscope.worker.process import End, Ready, prepare, run, tell
from paretoscope.worker.pulse import Pulse
from paretoscope.worker.workflow import AtomFinding, Workflow, load_numerics

log = structlog.get_logger(__name__)

NAME_VARIABLE = "PARETOSCOPE_WORKER_NAME"
"""Set by the supervisor: a restarted worker that keeps its name gets its unfinished frame back at once."""
BOARD_VARIABLE, ENDS_VARIABLE = "PARETOSCOPE_WORKER_BOARD", "PARETOSCOPE_WORKER_ENDS"
"""Set for a working process that was spawned: its board's descriptor, and the ends it is to tell of."""
CANNOT_START = 2
"""Exit code of a worker for which another start would not help."""
DEVICE_FAILED = 3
"""Exit code of a working process whose device does not compute; another process begins with it afresh."""
LOOK_S = 0.1
START_S = 300.0
"""How long a process may make no move before it is ready: imports and CUDA's start hold the interpreter."""
PAUSE_S, LONGEST_PAUSE_S = 0.1, 10.0
"""Before the next process after one that died before it was ready; doubled each time."""
MOST_UNTOLD = 64
GPUS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")
"""There is no GPU without one of these: NVIDIA's driver, WSL's, AMD's."""


class Working(Protocol):
    """A started process, as `subprocess.Popen` has it."""

    pid: int

    def poll(self) -> int | None: ...

    def send_signal(self, sig: int) -> None: ...


class Forked:
    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None

    def poll(self) -> int | None:
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)


class Standby:
    def __init__(self, settings: Settings, consumer: str, make_workflow: Callable[[str], Workflow]) -> None:
        self._settings = settings
        self._consumer = consumer
        self._make_workflow = make_workflow
        self._stopping = False
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - for as long as this process lives
        self._file.truncate(SIZE)
        self._board = Board(self._file.fileno())
        self._ends: list[End] = []
        self._ready: Ready | None = None
        self._forks = False
        self._wake, self._woken = os.pipe()

    def run(self) -> int:
        """Keep one process at work until SIGTERM; 0, or CANNOT_START."""
        self._listen()
        self._warm()
        pause_s = PAUSE_S
        while not self._stopping:
            try:
                child = self._start()
            except OSError as error:
                log.error("no further process can be started", error=str(error))
            else:
                if self._watch(child) == CANNOT_START:
                    return CANNOT_START
            if self._board.ready:
                pause_s = PAUSE_S
            else:
                self._pause(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        self._hand_over()
        return 0

    def _listen(self) -> None:
        for end in (self._wake, self._woken):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._woken, warn_on_full_buffer=False)
        for sign in (SIGTERM, signal.SIGINT):
            signal.signal(sign, self._told_to_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # Only so that it wakes the watch.

    def _told_to_stop(self, *_: object) -> None:
        self._stopping = True

    def _warm(self) -> None:
        """Load what can be loaded before a fork.

        CUDA's driver does not survive one, and merely counting devices or taking a gradient starts it. Where
        a GPU may be used, the standby therefore only imports, and the working process rehearses.
        """
        if sys.platform != "linux":  # macOS's frameworks start threads of their own.
            return
        if self._settings.device == "cpu":
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
        store = Store.open(store_url(self._settings), self._settings.limits)
        pulse = Pulse(store, self._consumer).start()  # 'starting'
        try:
            if self._settings.device != "cpu" and any(Path(path).exists() for path in GPUS):
                load_numerics()
            else:
                self._ready = prepare(self._settings, self._make_workflow)
        finally:
            pulse.stop()
            store.close()
        self._forks = alone()
        if not self._forks:
            log.warning(
                "this process has more than one thread: the next one starts slowly, it cannot be forked"
            )
        gc.collect()
        gc.freeze()  # Or the collector would write to, and so copy, every page in the forked process.

    def _start(self) -> Working:
        self._board.clear()
        if not self._forks:
            return self._spawn()
        parent = os.getpid()
        pid = os.fork()
        if pid:
            return Forked(pid)
        code = 1
        try:
            die_with(parent)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            stop = stop_on_signals()
            if self._stopping:  # Told between the fork and here.
                stop.set()
            take_threads()
            code = work(self._settings, self._consumer, stop, self._prepared, self._board, self._ends)
        except BaseException:
            log.exception("the worker broke")
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)  # Never back into what the standby was doing.

    def _prepared(self) -> Ready:
        return self._ready or prepare(self._settings, self._make_workflow)

    def _spawn(self) -> Working:
        descriptor = self._file.fileno()
        told = {
            BOARD_VARIABLE: str(descriptor),
            ENDS_VARIABLE: json.dumps([asdict(end) for end in self._ends]),
            NAME_VARIABLE: self._consumer,
        }
        share = os.environ.get(WORKER_VARIABLE)
        threads = dict.fromkeys(VARIABLES, share) if share else {}
        command = tethered_command([sys.executable, *sys.orig_argv[1:]], SIGKILL)
        return subprocess.Popen(command, env=os.environ | threads | told, pass_fds=(descriptor,))

    def _watch(self, child: Working) -> int:
        """Until it has ended; what it died of is kept for the next one to tell."""
        limits, why, killed, told = self._settings.limits, "", False, False
        until = float("inf")
        while (code := child.poll()) is None:
            now = time.monotonic()
            why = why or self._board.trouble(limits.silent_s, START_S)
            if self._stopping and not told:
                until, told = now + limits.drain_s, True
                child.send_signal(SIGTERM)
            if (why or now > until) and not killed:
                log.error("killing the working process", why=why or "not done in time to stop", pid=child.pid)
                child.send_signal(SIGKILL)
                killed = True
            self._pause(LOOK_S)
        del self._ends[: self._board.told]
        if why or (code not in (0, CANNOT_START) and not (told and code in (-SIGKILL, -SIGTERM))):
            frame_id = self._board.held(FRAME)
            self._ends.append(End("hung" if why else "died", code, frame_id))
            del self._ends[:-MOST_UNTOLD]
            log.error("the working process ended", how=self._ends[-1].how, exit_code=code, frame_id=frame_id)
        return code

    def _pause(self, longest_s: float) -> None:
        """Until a signal comes, a child's end among them."""
        select.select([self._wake], [], [], longest_s)
        try:
            os.read(self._wake, 4096)
        except BlockingIOError:
            return

    def _hand_over(self) -> None:
        """What the last process held goes to others at once; its end is told here, as none comes after it."""
        try:
            with Store.open(store_url(self._settings), self._settings.limits) as store:
                store.release(self._consumer, forgive=not self._ends)
                while self._ends:
                    tell(store, self._consumer, self._ends[0])
                    del self._ends[0]
        except StoreDown as error:
            log.warning("not handed over; others take it after a while", code=error.code)


def stop_on_signals() -> threading.Event:
    """Set once SIGTERM or SIGINT comes."""
    stop = threading.Event()
    for sign in (SIGTERM, signal.SIGINT):
        # By a thread: the signal may have come while the main thread was inside the event.
        signal.signal(sign, lambda *_: threading.Thread(target=stop.set, daemon=True).start())
    return stop


def work(
    settings: Settings,
    consumer: str,
    stop: threading.Event,
    prepared: Callable[[], Ready],
    board: Board,
    ends: Sequence[End],
) -> int:
    """`run`, with its errors as an exit code."""
    try:
        run(settings, consumer, stop, prepared, board, ends)
    except DeviceFailed as error:
        log.error("the device failed", code=error.code, hint=error.hint)
        return DEVICE_FAILED
    except ParetoscopeError as error:
        log.error("worker cannot start", code=error.code, hint=error.hint)
        return CANNOT_START
    return 0


def main(make_workflow: Callable[[str], Workflow] = AtomFinding) -> int:
    """Entry of a worker; settings come through the environment."""
    settings = load()
    logs.configure(settings.log_level, settings.log_json)
    consumer = os.environ.get(NAME_VARIABLE) or f"{socket.gethostname()}-{os.getpid()}"
    board = os.environ.pop(BOARD_VARIABLE, None)
    if board is not None:
        stop = stop_on_signals()
        ends = [End(**end) for end in json.loads(os.environ.pop(ENDS_VARIABLE, "[]"))]
        prepared = partial(prepare, settings, make_workflow)
        return work(settings, consumer, stop, prepared, Board(int(board)), ends)
    try:
        return Standby(settings, consumer, make_workflow).run()
    except ParetoscopeError as error:
        log.error("worker cannot start", code=error.code, hint=error.hint)
        return CANNOT_START


if __name__ == "__main__":
    raise SystemExit(main())
