"""The environment variables that choose among plugins."""

from __future__ import annotations

import pytest

from automodel_core.errors import ConfigurationError
from automodel_core.registry.installed.environment import ALLOWED, DISABLED, PREFER, STRICT, Choices


def choices(**environment: str) -> Choices:
    return Choices.from_environment(environment)


def test_nothing_set_means_everything_allowed() -> None:
    assert choices().excludes("some-plugin", "some-type") is None
    assert choices() == Choices()


def test_an_empty_allow_list_allows_nothing() -> None:
    assert choices(**{ALLOWED: ""}).excludes("some-plugin", "some-type") == ALLOWED


@pytest.mark.parametrize("item", ["Some_Plugin", "some.plugin", "some-type", " SOME-TYPE ,x"])
def test_lists_take_distributions_and_entry_points_in_any_spelling(item: str) -> None:
    assert choices(**{ALLOWED: item}).excludes("some-plugin", "some-type") is None
    assert choices(**{DISABLED: item}).excludes("some-plugin", "some-type") == DISABLED
    assert choices(**{DISABLED: item}).excludes("other-plugin", "other-type") is None


def test_a_deny_list_beats_an_allow_list() -> None:
    both = choices(**{ALLOWED: "some-plugin", DISABLED: "some-plugin"})
    assert both.excludes("some-plugin", "some-type") == DISABLED


def test_preferences_are_pairs() -> None:
    assert choices(**{PREFER: " a = Some_Plugin, b=other ,"}).prefer == {
        "a": "some-plugin",
        "b": "other",
    }


@pytest.mark.parametrize("value", ["a", "a=", "=b", "a=b,a=c"])
def test_a_preference_that_cannot_be_read_is_an_error(value: str) -> None:
    with pytest.raises(ConfigurationError, match=PREFER):
        choices(**{PREFER: value})


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1", True), ("TRUE", True), ("on", True), ("0", False), ("no", False), ("", False)],
)
def test_booleans_are_booleans(value: str, expected: bool) -> None:
    assert choices(**{STRICT: value}).strict is expected


def test_a_word_that_is_no_boolean_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match=r"AUTOMODEL_STRICT_PLUGINS: 'maybe'"):
        choices(**{STRICT: "maybe"})
