"""Templates that would compute for long, or make long texts, are stopped."""

from __future__ import annotations

import time

import pytest

from automodel_core.errors import TokenizationError
from automodel_core.text.chat.template import render

CHAT = [{"role": "user", "content": "a"}]


@pytest.mark.parametrize(
    "template",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in 'x' * 9999 %}{% for b in messages[0].content * 9999 | map('upper') %}"
        "{% endfor %}{% endfor %}",
        "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}",
        "{{ 'a' * 1000000000 }}",
        "{{ 1000000000 * [1] }}",
        "{{ 9 ** (9 ** 9) }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '%1000000000d' | format(1) }}",
        "{{ 'a' | center(1000000000) }}",
        "{{ 'a'.ljust(1000000000) }}",
        "{% set n = namespace(x='xx') %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}"
        "{% endfor %}",
        "{% set n = namespace(x='xx') %}{% for i in range(60) %}{% set n.x = n.x + n.x %}"
        "{% endfor %}",
        "{% for i in range(1000) %}{{ 'a' * 1000000 }}{% endfor %}",
    ],
)
def test_bombs(template: str) -> None:
    began = time.process_time()
    with pytest.raises(TokenizationError, match="chat template"):
        render(template, CHAT)
    assert time.process_time() - began < 5


def test_what_is_counted_works_as_ever() -> None:
    template = (
        "{% for m in messages if m.content %}{{ loop.index }}/{{ loop.length }}{{ loop.last }} "
        "{{ m.role ~ ':' ~ m.content * 3 }}{% else %}none{% endfor %}"
        "{% for k, v in {'a': 1} | dictsort %}{{ k }}{{ 2 ** 10 + v }}{% endfor %}"
        "{{ 'b' | center(5) }}{{ '%03d' % 7 }}{{ [1] + [2] }}{{ '%s' | format('x') }}"
    )
    assert render(template, CHAT)[0] == "1/1True user:aaaa1025  b  007[1, 2]x"
    assert render(template, [{"role": "x"}])[0].startswith("none")
