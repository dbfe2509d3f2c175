"""Plain values to dataclasses, every field checked by its name and type."""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any, TypeVar

__all__ = ["SchemaError", "from_plain"]

T = TypeVar("T")


class SchemaError(ValueError):
    """A value is not what its field holds; the message names the field."""


def from_plain(kind: type[T], value: object, where: str = "") -> T:
    """A dataclass from the plain values of a JSON object.

    Args:
        kind: the dataclass; its fields hold plain values, lists, dicts and dataclasses.
        value: what JSON gives.
        where: name of the value, for messages.

    Raises:
        SchemaError: for a field that is missing, unknown, or of another type.
    """
    if not isinstance(value, dict):
        raise SchemaError(f"{where or 'the whole'} must be an object, got {_shortened(value)}")
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for name in value:
        if name not in fields:
            raise SchemaError(f"{_below(where, str(name))} is not a field that lvt knows")
    filled = {
        name: _checked(hints[name], item, _below(where, name)) for name, item in value.items()
    }
    for name, field in fields.items():
        has_default = (
            field.default is not dataclasses.MISSING
            or field.default_factory is not dataclasses.MISSING
        )
        if name not in filled and not has_default:
            raise SchemaError(f"{_below(where, name)} is missing")
    return kind(**filled)


def _checked(kind: Any, value: object, where: str) -> Any:
    """A value of a field's type."""
    if kind is Any:
        return value
    if dataclasses.is_dataclass(kind):
        return from_plain(typing.cast(type, kind), value, where)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is list:
        _check(value, list, where)
        return [
            _checked(arguments[0], item, f"{where}[{n}]")
            for n, item in enumerate(typing.cast(list[object], value))
        ]
    if origin is dict:
        _check(value, dict, where)
        items = typing.cast(dict[str, object], value).items()
        return {key: _checked(arguments[1], item, _below(where, key)) for key, item in items}
    if origin is types.UnionType:
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    _check(value, kind, where)
    return value


def _check(value: object, kind: type, where: str) -> None:
    is_kind = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
    if not is_kind:
        raise SchemaError(f"{where} must be {_NAMES[kind]}, got {_shortened(value)}")


def _below(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _shortened(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


_NAMES = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}
