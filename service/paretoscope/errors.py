"""Every error the service can give, as one tree.

    ParetoscopeError                  code, hint, retry, status
    ├── BadInput            422       what came in cannot be used; sending it again will not help
    │   ├── BadFrame                  a frame's header, bytes or pixels
    │   ├── BadLattice                an unknown name or an impossible cell
    │   ├── BadParameters             LoG*, policy or choice out of range
    │   └── BadFile                   a file of the wrong kind
    ├── KeyNeeded           401       no API key came, or none that is known
    ├── NotAllowed          403       the key has not the scope that the route asks for
    ├── NotFound            404       no such frame, stream or document
    ├── TooLarge            413       beyond a stated limit
    ├── Busy                503       full for now: retry
    │   └── TooMany         429       one caller asks more often than it may
    ├── StoreDown           503       the store does not answer: retry
    ├── ServiceDown         503       the service cannot be reached: retry (raised by the clients)
    ├── DeviceFailed        503       the device does not compute, or wrongly: another process may help
    ├── UnfitResult         409       the guard says why a control loop must not act on this result
    ├── AddressInUse                  a port or data folder that another process holds
    ├── InstrumentError     502       the microscope or its client refused
    │   └── InstrumentTimeout 504     no image within the time-out
    └── Incompatible        400       another major version of the contract

A code is stable and meant for programs; a hint says in one or two sentences what to do.
"""

from __future__ import annotations


class ParetoscopeError(Exception):
    """Base of all; ``str()`` is 'code: hint'."""

    status = 500
    default_code = "internal"
    default_retry = False

    def __init__(self, code: str | None = None, *, hint: str, retry: bool | None = None) -> None:
        self.code = code or self.default_code
        self.hint = hint
        self.retry = self.default_retry if retry is None else retry
        super().__init__(f"{self.code}: {hint}")

    def as_dict(self) -> dict[str, object]:
        return {"code": self.code, "hint": self.hint, "retry": self.retry}


class BadInput(ParetoscopeError):
    status = 422
    default_code = "bad-input"


class BadFrame(BadInput):
    default_code = "bad-frame"


class BadLattice(BadInput):
    default_code = "bad-lattice"


class BadParameters(BadInput):
    default_code = "bad-parameters"


class BadFile(BadInput):
    default_code = "bad-file"


class KeyNeeded(ParetoscopeError):
    status = 401
    default_code = "key-needed"


class NotAllowed(ParetoscopeError):
    status = 403
    default_code = "missing-scope"


class NotFound(ParetoscopeError):
    status = 404
    default_code = "not-found"


class TooLarge(ParetoscopeError):
    status = 413
    default_code = "too-large"


class Busy(ParetoscopeError):
    status = 503
    default_code = "busy"
    default_retry = True


class TooMany(Busy):
    status = 429
    default_code = "too-many-requests"


class StoreDown(ParetoscopeError):
    status = 503
    default_code = "store-down"
    default_retry = True


class ServiceDown(ParetoscopeError):
    status = 503
    default_code = "service-down"
    default_retry = True


class DeviceFailed(ParetoscopeError):
    status = 503
    default_code = "device-failed"
    default_retry = True


class UnfitResult(ParetoscopeError):
    """`reasons`: the guard's codes, such as 'stale' or 'simulated'."""

    status = 409
    default_code = "unfit-result"

    def __init__(
        self,
        code: str | None = None,
        *,
        hint: str,
        retry: bool | None = None,
        frame_id: str = "",
        reasons: tuple[str, ...] = (),
    ) -> None:
        super().__init__(code, hint=hint, retry=retry)
        self.frame_id = frame_id
        self.reasons = reasons


class AddressInUse(ParetoscopeError):
    status = 500
    default_code = "address-in-use"


class InstrumentError(ParetoscopeError):
    status = 502
    default_code = "instrument-error"
    default_retry = True


class InstrumentTimeout(InstrumentError):
    status = 504
    default_code = "instrument-timeout"


class Incompatible(ParetoscopeError):
    status = 400
    default_code = "incompatible"
