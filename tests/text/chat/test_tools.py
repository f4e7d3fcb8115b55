"""Functions as tools for chat models."""

from __future__ import annotations

from enum import Enum
from typing import Literal

import pytest

from automodel_core.errors import (
    TokenizationError,
)
from automodel_core.text.chat.tools import tool_schema


class Unit(Enum):
    """A choice of this test."""

    CELSIUS = "c"
    KELVIN = "k"


def test_tools_are_described_by_their_hints_and_docstrings():
    def weather(city: str, unit: Literal["c", "f"] = "c", days: list[int] | None = None) -> float:
        """Look up the weather.

        Args:
            city: The town, with
                its country
            unit: The scale
            days: Which days
        Returns:
            Degrees
        """
        return 0.0

    schema = tool_schema(weather)["function"]
    assert schema["name"] == "weather"
    assert schema["description"] == "Look up the weather."
    assert schema["parameters"]["required"] == ["city"]
    assert schema["parameters"]["properties"] == {
        "city": {"type": "string", "description": "The town, with its country"},
        "unit": {"type": "string", "enum": ["c", "f"], "description": "The scale"},
        "days": {
            "type": "array",
            "items": {"type": "integer"},
            "nullable": True,
            "description": "Which days",
        },
    }
    assert schema["return"] == {"type": "number", "description": "Degrees"}

    def bare(x):
        """Do."""

    with pytest.raises(TokenizationError, match="no type hint for 'x'"):
        tool_schema(bare)


def test_every_kind_of_hint_has_a_schema():
    def tool(unit: Unit, pair: tuple[int, str], table: dict[str, float], either: int | str) -> None:
        """Do.

        Args:
            unit: A
            pair: B
            table: C
            either: D (choices: ["1", 2])
        """

    properties = tool_schema(tool)["function"]["parameters"]["properties"]
    assert properties == {
        "unit": {"type": "string", "enum": ["c", "k"], "description": "A"},
        "pair": {
            "type": "array",
            "prefixItems": [{"type": "integer"}, {"type": "string"}],
            "description": "B",
        },
        "table": {
            "type": "object",
            "additionalProperties": {"type": "number"},
            "description": "C",
        },
        "either": {"type": ["integer", "string"], "enum": ["1", 2], "description": "D"},
    }


def test_what_is_no_tool_is_refused():
    def vague(x: bytes) -> None:
        """Do.

        Args:
            x: A
        """

    def silent() -> None: ...

    for tool, phrase in (
        (3, "A tool is a function"),
        (vague, "has no JSON schema"),
        (silent, "needs a docstring"),
    ):
        with pytest.raises(TokenizationError, match=phrase):
            tool_schema(tool)
