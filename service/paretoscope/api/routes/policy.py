"""How a stream's frames are analysed."""

from __future__ import annotations

import difflib
from typing import Annotated, Any, get_args

from fastapi import APIRouter, Body
from pydantic import BaseModel, ValidationError

from paretoscope.api.audit import audit
from paretoscope.api.context import Ctx
from paretoscope.api.routes.parameters import StreamPath
from paretoscope.contract import StreamPolicy
from paretoscope.contract.lattices import settled_lattice
from paretoscope.contract.reward_names import check_rewards
from paretoscope.errors import BadParameters

router = APIRouter(tags=["policy"])


@router.get("/streams/{stream}/policy", summary="The stream's policy; the defaults where none was set")
def get_policy(stream: StreamPath, context: Ctx) -> StreamPolicy:
    return context.store.policy(stream)


@router.put(
    "/streams/{stream}/policy",
    response_model=StreamPolicy,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/StreamPolicy"}}},
        }
    },
    summary="Set the stream's policy, from its next frame on",
)
def put_policy(stream: StreamPath, given: Annotated[dict[str, Any], Body()], context: Ctx) -> StreamPolicy:
    """The whole policy: what is left out returns to its default. It may be set before the first frame."""
    policy = checked(given)
    context.store.set_policy(stream, policy)
    audit("policy", "operator", stream=stream, policy=policy.model_dump(mode="json", exclude_defaults=True))
    return policy


def checked(given: dict[str, Any]) -> StreamPolicy:
    """Raises BadParameters naming the field: a misspelt one is told, never ignored."""
    refuse_unknown(given, StreamPolicy)
    try:
        policy = StreamPolicy.model_validate(given)
    except ValidationError as error:
        where, message = plainest(given, error)
        raise BadParameters("bad-policy", hint=f"{where}: {message}.") from None
    check_rewards(policy.rewards)
    policy = policy.model_copy(update={"lattice": settled_lattice(policy.lattice)})
    return policy


def refuse_unknown(given: dict[str, Any], model: type[BaseModel], where: str = "") -> None:
    for name, value in given.items():
        field = model.model_fields.get(name)
        if field is None:
            near = difflib.get_close_matches(name, model.model_fields, n=1)
            hint = f"Did you mean {where}{near[0]}?" if near else f"Known: {', '.join(model.model_fields)}."
            raise BadParameters("unknown-field", hint=f"A policy has no field {where}{name[:64]}. {hint}")
        if isinstance(value, dict):
            for part in (field.annotation, *get_args(field.annotation)):
                if isinstance(part, type) and issubclass(part, BaseModel):
                    refuse_unknown(value, part, f"{where}{name}.")


def plainest(given: dict[str, Any], error: ValidationError) -> tuple[str, str]:
    """(field, what is wrong): of a field that may be of several kinds, the kind that was meant.

    pydantic tells every kind's own mistake, with the kind's name in the path: ("lattice", "str") and
    ("lattice", "LatticeSpec", "a_nm"). The one that goes deepest into what was given is meant.
    """
    told = []
    for one in error.errors(include_url=False):
        path, value = [], given
        for part in one["loc"]:
            if isinstance(part, str) and isinstance(value, dict) and part in value:
                value = value[part]
                path.append(str(part))
            elif one["type"] == "missing" and part == one["loc"][-1]:
                path.append(str(part))
        told.append((".".join(path), one["msg"].removeprefix("Value error, ")))
    deepest = max(path.count(".") for path, _ in told)
    where = next(path for path, _ in told if path.count(".") == deepest)
    messages = dict.fromkeys(message for path, message in told if path == where)
    return where, ", or ".join(messages)
