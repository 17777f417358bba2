"""One thread owns one vendor client: every call to it is made there, one after another, with a time-out.

A blocked vendor call cannot be cancelled. When one is overdue, its caller gets a time-out and the owner is
``stuck``: it takes no more calls. Its thread ends whenever the call returns, and lets go of the client then.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, TypeVar

from paretoscope.errors import InstrumentError, InstrumentTimeout, ParetoscopeError
from paretoscope_client.vendor import ClientFactory, TemClient

log = logging.getLogger(__name__)

T = TypeVar("T")
Job = tuple[Callable[[TemClient], Any], Future]

NOT_RUNNING = "client is not running"
"""Part of the vendor's message after a lost connection."""


class ClientOwner:
    def __init__(self, factory: ClientFactory) -> None:
        self._factory = factory
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._one_at_a_time = threading.Lock()
        self.stuck = False
        self._thread = threading.Thread(target=self._run, name="paretoscope-microscope", daemon=True)
        self._thread.start()

    def call(self, job: Callable[[TemClient], T], timeout_s: float, doing: str) -> T:
        """Run `job` with the client on its thread, as one unit that nothing can come between.

        doing: what for, in words ('scanning 512 x 512'). Raises InstrumentError for what the vendor's code
        raises, InstrumentTimeout when it takes longer than `timeout_s`, and refuses while stuck.
        """
        with self._one_at_a_time:
            if self.stuck:
                raise InstrumentError(
                    "instrument-stuck",
                    hint="An earlier call never came back. Check the microscope's own screen for a dialog or "
                    "an unfinished scan, then connect again.",
                    retry=False,
                )
            answer: Future[T] = Future()
            self._jobs.put((job, answer))
            try:
                return answer.result(timeout_s)
            except FutureTimeout as error:
                if answer.done():  # the vendor's own time-out, or an answer in the last moment
                    if (raised := answer.exception()) is not None:
                        raise vendor_error(raised, doing) from raised
                    return answer.result()
                self.stuck = True
                self._jobs.put(None)
                raise InstrumentTimeout(
                    hint=f"The microscope did not answer within {timeout_s:.1f} s while {doing}. "
                    "Check its own screen, then connect again."
                ) from error
            except ParetoscopeError:
                raise
            except Exception as error:
                raise vendor_error(error, doing) from error

    def release(self, timeout_s: float = 5.0) -> None:
        """Disconnect and end the thread; where that blocks, leave it to end by itself."""
        self._jobs.put(None)
        self._thread.join(timeout_s)

    def _run(self) -> None:
        client: TemClient | None = None
        try:
            while (job := self._jobs.get()) is not None:
                work, answer = job
                try:
                    client = client or self._factory()
                    answer.set_result(work(client))
                except Exception as error:
                    answer.set_exception(error)
                except BaseException as error:  # a vendor's sys.exit() must not end the thread unheard
                    answer.set_exception(RuntimeError(f"{type(error).__name__}: {error}"))
        finally:
            if client is not None:
                with contextlib.suppress(Exception):  # it may be gone already, which is all that is wanted
                    client.disconnect()


def vendor_error(error: BaseException, doing: str) -> InstrumentError:
    """Whatever the vendor's code raised, as an error of ours.

    'instrument-disconnected' where the connection is gone, 'instrument-refused' where the instrument would
    not, 'instrument-failed' for anything unforeseen.
    """
    text = " ".join(str(error).split())[:300].rstrip(".") or type(error).__name__
    kind = type(error).__name__
    if NOT_RUNNING in text or isinstance(error, ConnectionError | TimeoutError | EOFError):
        return InstrumentError(
            "instrument-disconnected",
            hint=f"The connection to the microscope was lost while {doing}: {text}. Connect again.",
        )
    if kind in ("ApiException", "ApplicationServerException", "InvalidOperationException"):
        return InstrumentError(
            "instrument-refused", hint=f"The microscope refused while {doing}: {text}. Check its state."
        )
    return InstrumentError(
        "instrument-failed", hint=f"The vendor's client failed while {doing}: {kind}: {text}."
    )
