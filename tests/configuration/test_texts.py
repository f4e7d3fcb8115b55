"""Keys of a configuration in one text."""

from __future__ import annotations

from typing import ClassVar

import pytest

from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import ConfigurationError


class Plain(PreTrainedConfig):
    model_type = "plain"
    aliases: ClassVar = {"hidden_size": "width"}

    width: int = 8
    rate: float = 0.1
    scale: bool = True
    name: str = "gelu"
    sizes: list[int] | None = None


def test_values_get_the_type_of_those_that_they_replace() -> None:
    config = Plain()
    config.update_from_string("hidden_size=10,rate=1,scale=no,name=relu")
    assert (config.width, config.rate, config.scale, config.name) == (10, 1.0, False, "relu")
    assert isinstance(config.rate, float)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("widht=10", r"Plain has no key 'widht' \(did you mean 'width'\?\)"),
        ("width", "'width' is no key with a value"),
        ("width=ten", "width='ten' cannot be used"),
        ("scale=maybe", "scale='maybe' cannot be used"),
        ("sizes=3", "sizes='3' cannot be used"),
    ],
)
def test_what_a_text_cannot_say_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Plain().update_from_string(text)
