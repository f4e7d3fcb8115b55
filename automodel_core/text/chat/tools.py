"""Describe a Python function to a chat model: a JSON schema from its type hints and docstring.

The docstring follows Google's style: a description, then ``Args:`` with one ``name: text`` entry
for each parameter, and optionally ``Returns:``. ``(choices: [...])`` at an entry's end lists the
values allowed.
"""

from __future__ import annotations

import inspect
import json
import re
import types
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from automodel_core.errors import TokenizationError, shown

__all__ = ["tool_schema"]

SCALARS: dict[Any, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    type(None): "null",
    list: "array",
    tuple: "array",
    dict: "object",
}
CHOICES = re.compile(r"\(choices:\s*(\[[^\]]*\])\s*\)\s*$", re.IGNORECASE)
SECTIONS = ("args:", "returns:", "raises:", "yields:", "example:", "examples:")


def tool_schema(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the description of a tool as chat templates expect it."""
    name = getattr(function, "__name__", "operation")
    if not (inspect.isfunction(function) or inspect.ismethod(function)):
        raise TokenizationError(f"A tool is a function or a JSON schema, got {shown(function)}")
    text = inspect.getdoc(function)
    if not text:
        raise TokenizationError(f"The tool {name!r} needs a docstring that says what it does")
    description, arguments, returned = _sections(text)
    hints = get_type_hints(function)
    properties, required = {}, []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name not in hints:
            raise TokenizationError(f"The tool {name!r} has no type hint for {parameter.name!r}")
        if parameter.name not in arguments:
            raise TokenizationError(
                f"The docstring of the tool {name!r} does not describe {parameter.name!r}"
            )
        if parameter.default is inspect.Parameter.empty:
            required.append(parameter.name)
        properties[parameter.name] = _with_text(
            _schema(hints[parameter.name]), arguments[parameter.name]
        )
    parameters: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        parameters["required"] = required
    result: dict[str, Any] = {"name": name, "description": description, "parameters": parameters}
    if "return" in hints:
        result["return"] = _schema(hints["return"])
        if returned:
            result["return"]["description"] = returned
    return {"type": "function", "function": result}


def _with_text(schema: dict[str, Any], text: str) -> dict[str, Any]:
    found = CHOICES.search(text)
    if found is not None:
        schema["enum"] = json.loads(found[1])
        text = text[: found.start()].strip()
    return {**schema, "description": text}


def _sections(text: str) -> tuple[str, dict[str, str], str]:
    parts: dict[str, list[str]] = {"": []}
    current = ""
    for line in text.splitlines():
        heading = line.strip().lower()
        if heading in SECTIONS and not line[:1].isspace():
            current = heading
            parts[current] = []
        else:
            parts[current].append(line)
    arguments: dict[str, str] = {}
    name = ""
    depth: int | None = None
    for line in parts.get("args:", []):
        indent = len(line) - len(line.lstrip())
        depth = indent if depth is None and line.strip() else depth
        entry = re.match(r"\s*(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)", line) if indent == depth else None
        if entry is not None:
            name = entry[1]
            arguments[name] = entry[2].strip()
        elif name and line.strip():
            arguments[name] = f"{arguments[name]} {line.strip()}".strip()
    returned = " ".join(line.strip() for line in parts.get("returns:", []) if line.strip())
    return "\n".join(parts[""]).strip(), arguments, returned


def _schema(hint: Any) -> dict[str, Any]:
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return {}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _enum([member.value for member in hint])
    if hint in SCALARS:
        return {"type": SCALARS[hint]}
    if origin is Literal:
        return _enum(list(inner))
    if origin is Union or origin is types.UnionType:
        parts = [_schema(part) for part in inner if part is not type(None)]
        if len(parts) == 1:
            schema = parts[0]
        elif all(set(part) == {"type"} and isinstance(part["type"], str) for part in parts):
            names = sorted({part["type"] for part in parts})
            schema = {"type": names[0] if len(names) == 1 else names}
        else:
            schema = {"anyOf": parts}
        return {**schema, "nullable": True} if type(None) in inner else schema
    if origin is list:
        return {"type": "array", "items": _schema(inner[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(inner[1])}
    if origin is tuple and len(inner) > 1 and Ellipsis not in inner:
        return {"type": "array", "prefixItems": [_schema(part) for part in inner]}
    raise TokenizationError(
        f"The type {shown(hint)} has no JSON schema: write the tool's schema by hand"
    )


def _enum(values: Sequence[Any]) -> dict[str, Any]:
    kinds = list(dict.fromkeys(SCALARS.get(type(value), "") for value in values))
    if not kinds or "" in kinds:
        raise TokenizationError(
            f"Choices must be texts, numbers, booleans or None, got {shown(values)}"
        )
    return {"type": kinds[0] if len(kinds) == 1 else kinds, "enum": list(values)}
