"""How many tokens an assistant drafts at once, by its schedule."""

from __future__ import annotations

import pytest

from automodel_core.generation.drafting.vocabulary_drafts import DraftLength
from automodel_core.generation.strategies.request import Assistant
from support.tiny_lm import drawn


@pytest.mark.parametrize(
    ("schedule", "after", "kept_for_later"),
    [
        ("constant", [5, 5, 5], 5),
        ("heuristic_transient", [7, 6, 1], 5),
        ("heuristic", [7, 6, 1], 1),
    ],
)
def test_schedules(schedule, after, kept_for_later):
    model = drawn(seed=0)
    model.generation_config.num_assistant_tokens = 5
    length = DraftLength(
        Assistant(model=model, inputs=None, vocabulary=9, num_tokens=5, schedule=schedule)
    )
    seen = []
    for rounds in ([(5, 5)], [(7, 3)], [(6, 5)] * 9):
        for proposed, kept in rounds:
            length.update(proposed, kept)
        seen.append(int(length.tokens))
    length.update(0, 0)
    length.close()
    assert seen == after
    assert model.generation_config.num_assistant_tokens == kept_for_later
