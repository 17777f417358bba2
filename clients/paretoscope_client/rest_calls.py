"""The REST routes as values: what to ask and how to read the answer. No socket here.

``Client`` and ``AsyncClient`` differ only in how they carry a `Call` over the wire.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

import msgpack
import numpy as np
from pydantic import BaseModel, ValidationError

from paretoscope.contract import Classes, LogParams, ParameterMap, ParetoFront, StreamPolicy
from paretoscope.contract.views import (
    Accepted,
    ClassNames,
    FrameIds,
    Readiness,
    Streams,
    StreamView,
    Version,
)
from paretoscope.errors import BadInput, Incompatible
from paretoscope_client.rest_problems import Reply, refusal
from paretoscope_client.rest_result import Picked, Result

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

JSON = "application/json"
MSGPACK = "application/msgpack"
NPY = "application/x-npy"


KEY_VARIABLE = "PARETOSCOPE_KEY"


def authorization(key: str | None) -> dict[str, str]:
    """The header that carries an API key; `key`, else that of the environment, else none."""
    key = key or os.environ.get(KEY_VARIABLE)
    return {"Authorization": f"Bearer {key}"} if key else {}


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request and the reader of its answer."""

    method: str
    path: str
    read: Callable[[Reply], T]
    params: Mapping[str, str | int | float] = field(default_factory=dict)
    accept: str = JSON
    content: bytes | None = None
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    """Further ones."""
    wait_s: float = 0.0
    """How long the service itself may wait before it answers, s."""
    good: frozenset[int] = frozenset({200, 202})
    """Statuses that `read` understands; any other is a problem."""

    def request(self, url: str, timeout_s: float) -> dict[str, Any]:
        """What to ask httpx for."""
        return {
            "method": self.method,
            "url": url + self.path,
            "params": dict(self.params),
            "content": self.content,
            "headers": {"Accept": self.accept, "Content-Type": self.content_type, **self.headers},
            "timeout": timeout_s + self.wait_s,
        }

    def answered(self, reply: Reply, url: str) -> T:
        if reply.status not in self.good:
            raise refusal(reply, url)
        return self.read(reply)


def document(kind: type[M]) -> Callable[[Reply], M]:
    def read(reply: Reply) -> M:
        try:
            return kind.model_validate_json(reply.content)
        except ValidationError as error:
            raise Incompatible(
                "bad-answer",
                hint=f"That is no {kind.__name__} ({error.error_count()} places do not fit). Is the client "
                "of the service's version?",
            ) from error

    return read


def _given(**params: str | float | None) -> dict[str, str | int | float]:
    return {name: value for name, value in params.items() if value is not None}


def version() -> Call[Version]:
    return Call("GET", "/version", document(Version))


def readiness() -> Call[Readiness]:
    return Call("GET", "/readyz", document(Readiness), good=frozenset({200, 503}))


def streams() -> Call[list[StreamView]]:
    return Call("GET", "/v1/streams", lambda reply: document(Streams)(reply).streams)


def frames(stream: str, limit: int) -> Call[list[str]]:
    return Call(
        "GET",
        f"/v1/streams/{stream}/frames",
        lambda reply: document(FrameIds)(reply).frames,
        {"limit": limit},
    )


def latest(stream: str, after: str | None, wait_s: float) -> Call[Result | None]:
    """None when there is nothing newer, or no result at all, within `wait_s`."""

    def read(reply: Reply) -> Result | None:
        return document(Result)(reply) if reply.status == 200 else None

    return Call(
        "GET",
        f"/v1/streams/{stream}/latest",
        read,
        _given(after=after, wait=wait_s),
        wait_s=wait_s,
        good=frozenset({200, 304}),
    )


def frame(frame_id: str) -> Call[Result]:
    return Call("GET", f"/v1/frames/{frame_id}", document(Result))


def front(frame_id: str) -> Call[ParetoFront]:
    return Call("GET", f"/v1/frames/{frame_id}/front", document(ParetoFront))


def windows(frame_id: str) -> Call[ParameterMap]:
    return Call("GET", f"/v1/frames/{frame_id}/windows", document(ParameterMap))


def _unbuffered(one: Any) -> np.ndarray:
    """{"dtype", "shape", "data"} -> a new array."""
    dtype = np.dtype(one["dtype"]).newbyteorder("<")
    return np.frombuffer(one["data"], dtype).reshape(one["shape"]).astype(dtype.newbyteorder("="))


def _unpacked(reply: Reply) -> dict[str, Any]:
    try:
        return msgpack.unpackb(reply.content)
    except (ValueError, msgpack.UnpackException) as error:
        raise Incompatible("bad-answer", hint=f"The answer is not msgpack: {error}.") from error


def atoms(frame_id: str, columns: Sequence[str] | None) -> Call[dict[str, np.ndarray]]:
    def read(reply: Reply) -> dict[str, np.ndarray]:
        return {name: _unbuffered(one) for name, one in _unpacked(reply)["columns"].items()}

    asked = None if columns is None else ",".join(columns)
    return Call("GET", f"/v1/frames/{frame_id}/atoms", read, _given(columns=asked), accept=MSGPACK)


def classes(frame_id: str) -> Call[Classes]:
    def read(reply: Reply) -> Classes:
        told = _unpacked(reply)
        return Classes.model_validate(
            {
                name: _unbuffered(told[name]) if isinstance(told[name], dict) else told[name]
                for name in Classes.model_fields
            }
        )

    return Call("GET", f"/v1/frames/{frame_id}/classes", read, accept=MSGPACK)


def image(frame_id: str) -> Call[np.ndarray]:
    def read(reply: Reply) -> np.ndarray:
        return np.load(io.BytesIO(reply.content), allow_pickle=False)

    return Call("GET", f"/v1/frames/{frame_id}/image", read, accept=NPY)


def submit(
    pixels: np.ndarray,
    stream: str,
    pixel_size_nm: float | None,
    dwell_us: float | None,
    detector: str | None,
    wait_s: float,
) -> Call[Result | Accepted]:
    if pixels.dtype.hasobject:
        raise BadInput("bad-image-type", hint="The image is an array of objects; send numbers.")
    sink = io.BytesIO()
    np.save(sink, pixels, allow_pickle=False)

    def read(reply: Reply) -> Result | Accepted:
        return document(Result)(reply) if reply.status == 200 else document(Accepted)(reply)

    return Call(
        "POST",
        "/v1/frames",
        read,
        _given(
            stream=stream,
            pixel_size_nm=pixel_size_nm,
            dwell_us=dwell_us,
            detector=detector,
            wait=wait_s or None,
        ),
        content=sink.getvalue(),
        content_type=NPY,
        wait_s=wait_s,
    )


def choose(
    frame_id: str,
    point: int | None,
    weight: float | None,
    params: LogParams | None,
    scope: Literal["stream", "frame"],
    by: str,
    wait_s: float,
    *,
    key: str,
) -> Call[Picked]:
    """key: of the caller's own; the same choice under the same key is made once."""
    body = _Body(point=point, weight=weight, params=params, scope=scope, by=by)
    return Call(
        "POST",
        f"/v1/frames/{frame_id}/choice",
        document(Picked),
        {"wait": wait_s},
        content=body.model_dump_json(exclude_none=True).encode(),
        headers={"Idempotency-Key": key},
        wait_s=wait_s,
    )


class _Body(BaseModel):
    point: int | None
    weight: float | None
    params: LogParams | None
    scope: str
    by: str


def choice(choice_id: str, wait_s: float) -> Call[Picked]:
    return Call("GET", f"/v1/choices/{choice_id}", document(Picked), {"wait": wait_s}, wait_s=wait_s)


def policy(stream: str) -> Call[StreamPolicy]:
    return Call("GET", f"/v1/streams/{stream}/policy", document(StreamPolicy))


def set_policy(stream: str, wanted: StreamPolicy) -> Call[StreamPolicy]:
    return Call(
        "PUT",
        f"/v1/streams/{stream}/policy",
        document(StreamPolicy),
        content=wanted.model_dump_json().encode(),
    )


def class_names(stream: str) -> Call[dict[int, str]]:
    return Call("GET", f"/v1/streams/{stream}/classes", lambda reply: document(ClassNames)(reply).names)


def name_class(stream: str, class_id: int, name: str | None) -> Call[dict[int, str]]:
    body = _Name(name=name).model_dump_json().encode()
    return Call(
        "PUT",
        f"/v1/streams/{stream}/classes/{class_id}",
        lambda reply: document(ClassNames)(reply).names,
        content=body,
    )


class _Name(BaseModel):
    name: str | None
