"""A Tango device in front of one stream, for control systems that speak Tango (as asyncroscopy does).

    pip install 'paretoscope[tango]'
    python -m paretoscope_client.tango_device INSTANCE        # with a Tango database, or -nodb -dlist a/b/c

    paretoscope service  <──  REST, long-poll  ──  this device  <──  Tango  ──>  clients, archivers, panels

Properties `url`, `stream` and `allow` (reasons of the guard that do not count here). State: ON with a result
that is fit for control, ALARM with one that is not (the status says why), INIT before the first, FAULT when
the service cannot be reached; it goes on by itself. A new result sends change events for `frame_id`, `er`,
`qc`, `atoms` and `fit`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar, cast

import numpy as np
from tango import AttrQuality, DevState, Except
from tango.server import Device, attribute, command, device_property, run

from paretoscope.errors import ParetoscopeError
from paretoscope_client import Client, Result
from paretoscope_client.rest_follow import Patience

log = logging.getLogger(__name__)

T = TypeVar("T")

WAIT_S = 2.0
"""How long the service is asked to wait for news: also the longest that stopping the device may take."""
TOLD = ("frame_id", "er", "qc", "atoms", "fit")
MOST_TARGETS = 5000


class ParetoscopeDevice(Device):
    """The newest result of a stream as attributes; picks and targets as commands."""

    # Read on an instance they are a text, a text and a list; PyTango's types tell of the property itself.
    url = cast(Any, device_property(dtype=str, default_value="http://127.0.0.1:8000"))
    stream = cast(Any, device_property(dtype=str, default_value="simulated"))
    allow = cast(Any, device_property(dtype=(str,), default_value=[]))

    def init_device(self) -> None:
        super().init_device()
        self._client = Client(self.url)
        self._result: Result | None = None
        self._stop = threading.Event()
        for name in TOLD:
            self.set_change_event(name, True, False)
        self.set_state(DevState.INIT)
        self.set_status(f"waiting for a first result of {self.stream} from {self.url}")
        self._follower = threading.Thread(target=self._follow, name="paretoscope-follow", daemon=True)
        self._follower.start()

    def delete_device(self) -> None:
        self._stop.set()
        self._follower.join(WAIT_S + 5.0)
        self._client.close()

    def _follow(self) -> None:
        after, patience = None, Patience()
        while not self._stop.is_set():
            try:
                result = self._client.latest(self.stream, after=after, wait_s=WAIT_S, stale=True)
            except ParetoscopeError as error:
                if self._result is None and error.code in ("no-such-stream", "no-result"):
                    self.set_state(DevState.INIT)
                else:
                    self.set_state(DevState.FAULT)
                self.set_status(str(error))
                self._stop.wait(patience.pause_s())
                continue
            patience.well()
            if result is not None:
                after, self._result = result.frame_id, result
                for name in TOLD:
                    self.push_change_event(name, *self._value(name, result))
            self._judge()

    def _judge(self) -> None:
        if self._result is None:
            return
        reasons = self._result.unfit(allow=self.allow)
        self.set_state(DevState.ALARM if reasons else DevState.ON)
        why = f"not fit for control: {', '.join(reasons)}" if reasons else "fit for control"
        self.set_status(f"{self._result.frame_id}: {why}")

    def _value(self, name: str, result: Result) -> tuple[Any, ...]:
        value = {
            "frame_id": result.frame_id,
            "er": result.er,
            "qc": result.qc,
            "atoms": result.atoms,
            "fit": not result.unfit(allow=self.allow),
        }[name]
        return (value,) if value is not None else (0, 0.0, AttrQuality.ATTR_INVALID)

    def _newest(self) -> Result:
        if self._result is None:
            _refuse("no-result", f"No result of {self.stream} yet.")
        return self._result

    def _asked(self, call: Callable[[], T]) -> T:
        """Our errors as Tango's: reason is the code, description the hint."""
        try:
            return call()
        except ParetoscopeError as error:
            _refuse(error.code, error.hint)

    @attribute(dtype=str, doc="Of the newest result.")
    def frame_id(self) -> str:
        return self._newest().frame_id

    @attribute(dtype=float, doc="Atoms closer than the lattice allows / expected.")
    def er(self) -> float:
        value = self._newest().er
        return float("nan") if value is None else value

    @attribute(dtype=float, doc="|found - expected| / expected.")
    def qc(self) -> float:
        value = self._newest().qc
        return float("nan") if value is None else value

    @attribute(dtype=int, doc="How many were found.")
    def atoms(self) -> int:
        return self._newest().atoms or 0

    @attribute(dtype=bool, doc="Whether a control loop may act on it now.")
    def fit(self) -> bool:
        return not self._newest().unfit(allow=self.allow)

    @attribute(dtype=(str,), max_dim_x=32, doc="Why not; empty when fit.")
    def reasons(self) -> list[str]:
        return list(self._newest().unfit(allow=self.allow))

    @attribute(dtype=float, unit="s", doc="Since its last pixel came.")
    def age_s(self) -> float:
        age = self._newest().age_now_s
        return float("nan") if age is None else age

    @attribute(
        dtype=((float,),),
        max_dim_x=2,
        max_dim_y=MOST_TARGETS,
        doc="Rows of (x, y), fractions of the scan, in a short order; refused while the result is unfit.",
    )
    def targets(self) -> np.ndarray:
        found = self._asked(lambda: self._client.targets(self._newest(), allow=self.allow))
        return np.asarray(found.points, float).reshape(-1, 2)

    @command(
        dtype_in=float,
        doc_in="0 = fewest missed atoms, 1 = fewest false ones",
        dtype_out=str,
        doc_out="id of the choice; the frames that follow use it",
    )
    def pick(self, weight: float) -> str:
        frame_id = self._newest().frame_id
        picked = self._asked(lambda: self._client.choose(frame_id, weight=weight, by="tango"))
        if picked.frame is not None and self._newest().frame_id == frame_id:
            self._result = picked.frame
        return picked.choice_id


def _refuse(code: str, hint: str) -> NoReturn:
    Except.throw_exception(code, hint, "ParetoscopeDevice")
    raise RuntimeError(code)  # never reached: the line above raises DevFailed


def main() -> None:
    run((ParetoscopeDevice,))


if __name__ == "__main__":
    main()
