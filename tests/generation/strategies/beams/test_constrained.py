"""Constrained beam search: sequences that must contain phrases.

The phrases are `processors.constraints`, the finished sequences `strategies.beams.ranking`.
"""

from __future__ import annotations

import itertools

import pytest
import torch

from automodel_core import generation as g
from automodel_core.errors import GenerationArgumentError
from automodel_core.generation.processors.constraints import ConstraintListState


def contains(text: list[int], phrase: list[int]) -> bool:
    size = len(phrase)
    return any(text[i : i + size] == phrase for i in range(len(text) - size + 1))


@pytest.mark.parametrize(
    "words", [[[9]], [[9, 10]], [[9], [10, 11]], [[[12, 13], [14]]], [[9, 10], [[11], [12, 13]]]]
)
def test_forced_words_are_there(model, prompt, words):
    model.generation_config.eos_token_id = None
    found = model.generate(prompt, force_words_ids=words, num_beams=4, max_new_tokens=9)
    start = 1 if model.config.is_encoder_decoder else 3
    for text in found[:, start:].tolist():
        for word in words:
            choices = word if isinstance(word[0], list) else [word]
            assert any(contains(text, phrase) for phrase in choices)


def test_the_end_waits_for_the_words(model, prompt):
    model.generation_config.eos_token_id = 1
    bias = {(1,): 5.0}
    found = model.generate(
        prompt + 9, force_words_ids=[[5, 6]], num_beams=3, max_new_tokens=9, sequence_bias=bias
    )
    for text in found.tolist():
        assert contains(text, [5, 6])
        if 1 in text[3:]:
            assert contains(text[: text.index(1, 3)], [5, 6])


def test_many_beams_find_the_best_text_that_holds_the_word(decoder):
    decoder.generation_config.eos_token_id = None
    prompt = torch.tensor([[3, 4, 5]])
    texts = [[*pair] for pair in itertools.product(range(23), repeat=2) if 9 in pair]
    whole = torch.tensor([[3, 4, 5, *text] for text in texts])
    logits = decoder(input_ids=whole).logits.log_softmax(-1)
    totals = sum(logits[range(len(texts)), 2 + i, whole[:, 3 + i]] for i in range(2))
    best = whole[totals.argmax()].tolist()
    found = decoder.generate(prompt, force_words_ids=[[9]], num_beams=23, max_new_tokens=2)
    assert found[0].tolist() == best


def test_words_in_a_decoders_prompt_count(decoder, prompt):
    options = {"num_beams": 3, "max_new_tokens": 4, "num_return_sequences": 3}
    found = decoder.generate(prompt, force_words_ids=[[[4, 5], [7, 8]]], **options)
    assert {tuple(row) for row in found.tolist()} <= {
        tuple(row) for row in decoder.generate(prompt, **options).tolist()
    }


def test_transition_scores_add_up(model, prompt):
    model.generation_config.eos_token_id = None
    found = model.generate(
        prompt, force_words_ids=[[9, 10]], num_beams=4, max_new_tokens=6, num_return_sequences=3,
        return_dict_in_generate=True, output_scores=True,
    )  # fmt: skip
    scores = model.compute_transition_scores(found.sequences, found.scores, found.beam_indices)
    torch.testing.assert_close(scores.sum(1) / 6, found.sequences_scores)


# ---- constraints ----


def fed(constraint: g.Constraint, tokens: list[int]) -> list[tuple[bool, bool, bool]]:
    return [constraint.update(token) for token in tokens]


STEP, LAST, WRONG = (True, False, False), (True, True, False), (False, False, True)


def test_a_phrase():
    phrase = g.PhrasalConstraint([5, 6, 7])
    assert (phrase.advance(), phrase.remaining(), phrase.seqlen) == (5, 3, 3)
    assert fed(phrase, [5, 6]) == [STEP, STEP]
    twin = phrase.copy(stateful=True)
    assert fed(phrase, [8, 5]) == [WRONG, STEP]
    assert fed(twin, [7]) == [LAST]
    assert (twin.completed, twin.remaining(), twin.advance()) == (True, 0, None)
    assert twin.copy().advance() == 5
    assert not phrase.does_advance(5)


def test_alternatives():
    either = g.DisjunctiveConstraint([[5, 6], [5, 7, 8], [9]])
    assert sorted(either.advance()) == [5, 9]
    twin = either.copy()
    assert fed(twin, [9]) == [LAST]
    assert fed(either, [5]) == [STEP]
    assert sorted(either.advance()) == [6, 7]
    twins = [either.copy(stateful=True) for _ in range(2)]
    assert fed(twins[0], [6]) == [LAST]
    assert fed(twins[1], [7, 8]) == [STEP, LAST]
    assert either.remaining() == 2


def test_a_list_works_on_one_constraint_at_a_time():
    state = ConstraintListState([g.PhrasalConstraint([5, 6]), g.DisjunctiveConstraint([[7], [8]])])
    assert state.advance() == [5, 7, 8]
    assert state.get_bank() == 0
    assert state.add(5) == (False, True)
    assert (state.advance(), state.get_bank()) == ([6], 1)
    assert state.add(9) == (False, False)
    assert sorted(state.advance()) == [5, 7, 8]
    assert state.add(8) == (True, True)
    assert (state.get_bank(), state.completed) == (2, False)
    state.reset([8, 5, 6, 9])
    assert state.completed
    assert (state.add(5), state.advance(), state.get_bank()) == ((False, False), [], 4)
    assert state.copy(stateful=False).advance() == [5, 7, 8]
    assert state.completed


def test_a_constraint_of_ones_own(decoder, prompt):
    class Twice(g.PhrasalConstraint):
        """A token two times in a row."""

        def __init__(self, token):
            super().__init__([token, token])

    decoder.generation_config.eos_token_id = None
    found = decoder.generate(prompt, constraints=[Twice(9)], num_beams=3, max_new_tokens=6)
    assert all(contains(row, [9, 9]) for row in found.tolist())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"force_words_ids": [[5]], "num_beams": 1}, "'constrained_beam', which needs num_beams"),
        ({"force_words_ids": [[5]], "do_sample": True}, "do_sample=True asks for 'beam_sample'"),
        ({"force_words_ids": [[5]], "num_beam_groups": 2, "diversity_penalty": 1.0}, "group_beam"),
        ({"force_words_ids": [[]]}, "expected a list of token ids"),
        ({"force_words_ids": [[5, -1]]}, "at least 0"),
        ({"force_words_ids": [[5.0]]}, "expected a list of token ids"),
        ({"force_words_ids": [5]}, "expected a list of token ids"),
        ({"force_words_ids": [[[5], 6]]}, "expected a list of token ids"),
        ({"force_words_ids": [[[5], [5, 6]]]}, "start of another"),
        ({"force_words_ids": 5}, "must be a list of words"),
        ({"force_words_ids": [[23]]}, "token 23; the model's are 0 to 22"),
        ({"constraints": [5]}, "must hold Constraints"),
        ({"constraints": [g.PhrasalConstraint([99])]}, "token 99"),
    ],
)
def test_refused(model, prompt, arguments, message):
    with pytest.raises(GenerationArgumentError, match=message):
        model.generate(prompt, max_new_tokens=3, **{"num_beams": 4, **arguments})
    assert model.counting.decoder_lengths == []
