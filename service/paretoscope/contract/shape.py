"""msgpack knows lists and text keys only; documents also have tuples and whole-number keys.

``fitted(value, annotation)`` turns what msgpack gave into what a strict document takes, by the document's own
annotations: list -> tuple where a tuple stands, "3" -> 3 where keys are int, through lists, mappings, unions
and nested documents. Everything else is left as it came, for the document to refuse.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from paretoscope.contract.base import Document
from paretoscope.errors import BadInput

Fit = Callable[[Any], Any]

MAX_DEPTH = 32
"""How deep free-form details (``Any``) may nest."""


def fitted(value: Any, annotation: Any) -> Any:
    return _fit(annotation)(value)


@cache
def _fit(annotation: Any) -> Fit:
    if annotation is Any:
        return _shallow
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _fit(arguments[0])
    if origin in (Union, UnionType):
        return _union(tuple(_fit(arm) for arm in arguments if arm is not NoneType))
    if origin is tuple:
        return _tuple(arguments)
    if origin is list:
        return _list(_fit(arguments[0]))
    if origin is dict:
        return _mapping(arguments[0], _fit(arguments[1]))
    if isinstance(annotation, type) and issubclass(annotation, Document):
        return _document(annotation)
    return _same


def _same(value: Any) -> Any:
    return value


def _shallow(value: Any) -> Any:
    """As it came, if it does not nest deeper than ``MAX_DEPTH``."""
    layer = [value]
    for _ in range(MAX_DEPTH):
        layer = [
            inner
            for outer in layer
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not layer:
            return value
    raise BadInput("too-deep", hint=f"Details may nest {MAX_DEPTH} deep, not deeper.")


def _union(arms: tuple[Fit, ...]) -> Fit:
    def fit(value: Any) -> Any:
        # Only containers change shape, and in each union at most one arm takes a given container.
        for arm in arms:
            result = arm(value)
            if result is not value:
                return result
        return value

    return fit


def _tuple(arguments: tuple[Any, ...]) -> Fit:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        every = _fit(arguments[0])
        return lambda value: tuple(every(item) for item in value) if isinstance(value, list) else value
    fits = tuple(_fit(argument) for argument in arguments)

    def fit(value: Any) -> Any:
        if not isinstance(value, list) or len(value) != len(fits):
            return value
        return tuple(one(item) for one, item in zip(fits, value, strict=True))

    return fit


def _list(item: Fit) -> Fit:
    return lambda value: [item(one) for one in value] if isinstance(value, list) else value


def _mapping(key_type: Any, item: Fit) -> Fit:
    def fit(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {(_whole(key) if key_type is int else key): item(one) for key, one in value.items()}

    return fit


def _whole(key: Any) -> Any:
    """'-12' -> -12; anything else stays text, which a document with whole-number keys refuses."""
    digits = key[1:] if isinstance(key, str) and key.startswith("-") else key
    short = isinstance(digits, str) and digits.isascii() and digits.isdigit() and len(digits) <= 19
    return int(key) if short else key


def _document(kind: type[Document]) -> Fit:
    fields: dict[str, Fit] = {}

    def fit(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        if not fields:
            fields.update({name: _fit(field.annotation) for name, field in kind.model_fields.items()})
        return {name: fields[name](one) for name, one in value.items() if name in fields}

    return fit
