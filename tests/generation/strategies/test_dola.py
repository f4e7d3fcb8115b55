"""DoLa, against a plain statement of the paper's code for one row."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, strategies as st

from automodel_core.errors import GenerationArgumentError
from automodel_core.generation.session.early_exit import decoder_depth
from automodel_core.generation.strategies.dola import candidate_layers
from support.examples import examples
from support.tiny_lm import drawn
from support.tiny_pair import drawn_pair


@torch.no_grad()
def contrasted(model, row: torch.Tensor, text: list[int], layers: list[int]) -> torch.Tensor:
    """Return the scores (vocabulary,) of the token after ``text``."""
    ids = torch.tensor([text])
    if model.config.is_encoder_decoder:
        given_ids = {"input_ids": row[None], "decoder_input_ids": ids}
        states = model(**given_ids, output_hidden_states=True).decoder_hidden_states
    else:
        given_ids = {"input_ids": ids}
        states = model(**given_ids, output_hidden_states=True).hidden_states
    last = model(**given_ids).logits[0, -1].softmax(-1)
    furthest, base = -1.0, last
    for layer in layers:
        early = model.lm_head(states[layer][0, -1]).softmax(-1)
        average = (early + last) / 2
        divergence = sum(
            m * (math.log(m) - math.log(p)) + m * (math.log(m) - math.log(q))
            for m, p, q in zip(average.tolist(), last.tolist(), early.tolist(), strict=True)
        )
        if divergence > furthest:
            furthest, base = divergence, early
    scores = last.log() - base.log()
    return scores.masked_fill(last < 0.1 * last.max(), -math.inf)


@examples(30)
@given(st.data())
def test_equals_the_formula_row_by_row(data):
    depth = data.draw(st.integers(1, 5))
    seed, tied = data.draw(st.integers(0, 5)), data.draw(st.booleans())
    is_pair = data.draw(st.booleans())
    if is_pair:
        model = drawn_pair(
            seed, num_decoder_layers=depth, tie_word_embeddings=tied, eos_token_id=None
        )
    else:
        model = drawn(seed=seed, num_layers=depth, tie_word_embeddings=tied, eos_token_id=None)
    wanted = data.draw(
        st.sampled_from(["low", "high"])
        | st.lists(st.integers(0, depth - 1), min_size=1, max_size=3, unique=True)
    )
    rows, length = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 5))
    ids = torch.randint(2, 23, (rows, length), generator=torch.Generator().manual_seed(seed))
    mask = torch.ones_like(ids)
    if not is_pair:
        for row in range(rows):
            mask[row, : data.draw(st.integers(0, length - 1))] = 0
    ids = ids.masked_fill(mask == 0, 0)
    found = model.generate(
        ids, attention_mask=mask, dola_layers=wanted, max_new_tokens=4, pad_token_id=0,
        return_dict_in_generate=True, output_scores=True,
    )  # fmt: skip
    layers = candidate_layers(wanted, depth, tied=tied)
    for row in range(rows):
        source = ids[row, mask[row].bool()]
        text = [0] if is_pair else source.tolist()
        for step in range(4):
            expected = contrasted(model, source, text, layers)
            torch.testing.assert_close(found.scores[step][row], expected, atol=1e-4, rtol=1e-4)
            text.append(int(found.sequences[row, step - 4]))
            assert expected[text[-1]] >= expected.max() - 1e-4


@pytest.mark.parametrize(
    ("wanted", "depth", "tied", "layers"),
    [
        ("low", 12, False, [0, 2, 4]),
        ("low", 12, True, [2, 4]),
        ("high", 12, True, [6, 8, 10]),
        ("low", 48, False, [*range(0, 20, 2)]),
        ("high", 48, False, [*range(28, 48, 2)]),
        ("low", 4, True, [2]),
        ("low", 3, True, [2]),
        ("low", 2, True, [1]),
        ("low", 1, True, [0]),
        ("high", 1, False, [0]),
        ([1, 3, 12], 4, True, [1, 3]),
        ((0,), 4, True, [0]),
    ],
)
def test_candidates(wanted, depth, tied, layers):
    assert candidate_layers(wanted, depth, tied=tied) == layers


@pytest.mark.parametrize("wanted", ["middle", [4], [-1], [1.5], 3, [5, 6]])
def test_refused(wanted, monkeypatch):
    for model in (drawn(num_layers=4), drawn_pair(num_decoder_layers=4)):
        assert decoder_depth(model) == 4
        monkeypatch.setattr(type(model), "__call__", None)
        with pytest.raises(GenerationArgumentError, match="dola_layers"):
            model.generate(torch.tensor([[3, 4]]), dola_layers=wanted, max_new_tokens=2)


def test_sampling_draws_from_the_contrast():
    model = drawn(seed=1, num_layers=4, eos_token_id=None)
    ids = torch.tensor([[3, 4, 5]])
    expected = contrasted(model, ids[0], [3, 4, 5], [2]).softmax(-1)
    torch.manual_seed(0)
    found = model.generate(
        ids, dola_layers="low", do_sample=True, top_k=0, num_return_sequences=3000,
        max_new_tokens=1,
    )  # fmt: skip
    counts = found[:, -1].bincount(minlength=23) / 3000
    assert (counts - expected).abs().max() < 0.04


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_beams": 2}, "'dola', which needs num_beams=1"),
        ({"prompt_lookup_num_tokens": 3}, "choose one of them"),
        ({"penalty_alpha": 0.5}, "'contrastive' and dola_layers='low' for 'dola'"),
    ],
)
def test_one_strategy_at_a_time(decoder, prompt, arguments, message):
    with pytest.raises(GenerationArgumentError, match=message):
        decoder.generate(prompt, dola_layers="low", max_new_tokens=2, **arguments)


def test_a_model_without_a_stack_counts_its_states(decoder, prompt):
    decoder.config.tie_word_embeddings = False
    found = decoder.generate(prompt, dola_layers=[0], max_new_tokens=3)
    assert found.shape == (2, 6)
    with pytest.raises(GenerationArgumentError, match="below the last of 1"):
        decoder.generate(prompt, dola_layers=[1], max_new_tokens=3)


def test_a_model_says_what_its_states_score(monkeypatch):
    model = drawn(num_layers=2)
    monkeypatch.setattr(type(model), "output_embeddings", None)
    with pytest.raises(GenerationArgumentError, match="output_embeddings, or a score"):
        model.score_states(torch.zeros(1, 1, 8), None)
