"""Hypothesis strategies for every document of the contract, made from the documents' own annotations."""

from __future__ import annotations

import math
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydantic.fields import FieldInfo

from paretoscope import contract
from paretoscope.contract import ATOM_COLUMNS, Document
from paretoscope.contract.arrays import DTYPES

KINDS: list[type[Document]] = sorted(
    (
        value
        for value in vars(contract).values()
        if isinstance(value, type) and issubclass(value, Document) and value is not Document
    ),
    key=lambda kind: kind.__name__,
)

texts = st.text(st.characters(codec="utf-8"), max_size=20)
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | texts
details = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
arrays = st.sampled_from(sorted(DTYPES)).flatmap(
    lambda dtype: hnp.arrays(
        np.dtype(dtype), hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
    )
)


def documents(kind: type[Document]) -> st.SearchStrategy[Any]:
    """Valid documents of the type `kind`."""
    fields = {name: _of(field.annotation, field.metadata) for name, field in kind.model_fields.items()}
    fields |= _tied(kind)
    return st.fixed_dictionaries(fields).map(_fix(kind)).map(lambda values: kind(**values))


def _of(annotation: Any, metadata: Any = ()) -> st.SearchStrategy[Any]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        inner = [
            m
            for extra in arguments[1:]
            for m in (extra.metadata if isinstance(extra, FieldInfo) else [extra])
        ]
        return _of(arguments[0], [*inner, *metadata])
    if any(type(m).__name__ == "BeforeValidator" for m in metadata):
        return arrays
    if annotation is Any:
        return details
    if origin in (Union, UnionType):
        return st.one_of([st.none() if arm is NoneType else _of(arm, metadata) for arm in arguments])
    if origin is Literal:
        return st.sampled_from(arguments)
    limits = {
        name: _limit(metadata, name)
        for name in ("ge", "gt", "le", "lt", "min_length", "max_length", "pattern")
    }
    sizes = {"min_size": limits["min_length"] or 0, "max_size": min(limits["max_length"] or 3, 3)}
    if origin is tuple:
        return st.tuples(*(_of(argument) for argument in arguments))
    if origin is list:
        return st.lists(_of(arguments[0]), **sizes)
    if origin is dict:
        return st.dictionaries(_of(arguments[0]), _of(arguments[1]), max_size=3)
    if annotation is str:
        return st.from_regex(limits["pattern"], fullmatch=True) if limits["pattern"] else texts
    if annotation is bool:
        return st.booleans()
    if annotation is int:
        low = (
            limits["ge"]
            if limits["ge"] is not None
            else (limits["gt"] + 1 if limits["gt"] is not None else -(2**63))
        )
        high = limits["le"] if limits["le"] is not None else (limits["lt"] or 2**63) - 1
        return st.integers(low, high if limits["le"] is not None or limits["lt"] is not None else 2**63 - 1)
    if annotation is float:
        low, high = _first(limits, "ge", "gt"), _first(limits, "le", "lt")
        return st.floats(
            low, high, exclude_min=limits["gt"] is not None, exclude_max=limits["lt"] is not None,
            allow_nan=False, allow_infinity=False,
        )  # fmt: skip
    return _document(annotation)


@cache
def _document(kind: type[Document]) -> st.SearchStrategy[Any]:
    return st.deferred(lambda: documents(kind))


def _limit(metadata: Any, name: str) -> Any:
    return next((getattr(m, name) for m in metadata if getattr(m, name, None) is not None), None)


def _first(limits: dict[str, Any], *names: str) -> Any:
    return next((limits[name] for name in names if limits[name] is not None), None)


def _tied(kind: type[Document]) -> dict[str, st.SearchStrategy[Any]]:
    """Fields that a type alone does not describe."""
    if kind is contract.AtomMap:
        rows = hnp.arrays(np.float32, st.integers(0, 5), elements=st.floats(0, 1e3, width=32))
        return {
            "columns": rows.map(lambda y: {name: y.astype(dtype) for name, dtype in ATOM_COLUMNS.items()})
        }
    if issubclass(kind, contract.FrameHeader):
        side = st.integers(1, 4096)
        return {"shape": st.tuples(side, side)}
    return {}


def _fix(kind: type[Document]):
    """Make fields agree that only agree by chance."""

    def fix(values: dict[str, Any]) -> dict[str, Any]:
        if kind is contract.LogParams:
            values["sigma_max"] = max(values["sigma_min"], values["sigma_max"])
        if issubclass(kind, contract.FrameHeader):
            values["nbytes"] = math.prod(values["shape"]) * np.dtype(values["dtype"]).itemsize
            if values["nbytes"] > 2**28:
                values.update(shape=(8, 8), nbytes=64 * np.dtype(values["dtype"]).itemsize)
        if kind is contract.ParetoFront:
            values["chosen"] = len(values["points"]) - 1 if values["points"] else None
        if kind is contract.Choice:
            given = [name for name in ("point", "weight", "params") if values[name] is not None]
            for name in given[1:]:
                values[name] = None
            if not given:
                values["point"] = 0
        return values

    return fix


def same(one: Any, other: Any) -> bool:
    """Equal in type and value, arrays and NaN elements included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return (
            one.dtype == other.dtype
            and one.shape == other.shape
            and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
        )
    if isinstance(one, Document):
        return all(same(getattr(one, name), getattr(other, name)) for name in type(one).model_fields)
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return one == other
