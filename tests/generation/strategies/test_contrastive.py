"""Contrastive search, against the formula of the paper computed again at every step."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, strategies as st

from automodel_core.errors import GenerationArgumentError
from automodel_core.layers.caches.base import Cache
from support.examples import examples
from support.tiny_lm import drawn


@torch.no_grad()
def by_hand(model, row: torch.Tensor, steps: int, k: int, alpha: float) -> list[int]:
    """Continue one row without cache, mask or batch."""
    is_pair = model.config.is_encoder_decoder
    text = [0] if is_pair else row.tolist()

    def run(ids):
        if is_pair:
            given = {"decoder_input_ids": ids, "encoder_outputs": model.encoder(row[None])}
        else:
            given = {"input_ids": ids}
        output = model(**given, output_hidden_states=True)
        name = "decoder_hidden_states" if is_pair else "hidden_states"
        return output.logits[0, -1], output[name][-1][0]

    for _ in range(steps):
        logits, states = run(torch.tensor([text]))
        best, tokens = logits.softmax(-1).topk(k)
        gains = []
        for probability, token in zip(best.tolist(), tokens.tolist(), strict=True):
            state = run(torch.tensor([[*text, token]]))[1][-1]
            penalty = max(float(F.cosine_similarity(state, other, dim=0)) for other in states)
            gains.append((1 - alpha) * probability - alpha * penalty)
        text.append(tokens[max(range(k), key=gains.__getitem__)].item())
    return text


@pytest.mark.parametrize("low_memory", [False, True])
@pytest.mark.parametrize("use_cache", [False, True])
@pytest.mark.parametrize(("k", "alpha"), [(2, 0.3), (4, 0.6), (7, 0.9)])
def test_equals_the_formula(model, prompt, k, alpha, use_cache, low_memory):
    model.generation_config.eos_token_id = None
    found = model.generate(
        prompt, penalty_alpha=alpha, top_k=k, max_new_tokens=6, use_cache=use_cache,
        low_memory=low_memory,
    )  # fmt: skip
    assert found.tolist() == [by_hand(model, row, 6, k, alpha) for row in prompt]


@examples(25)
@given(st.data())
def test_padding_and_company_change_nothing(data):
    """Random models of the core's bricks, batches and padding: each row as if it were alone."""
    model = drawn(seed=data.draw(st.integers(0, 9)), eos_token_id=None)
    rows, length = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 6))
    k, alpha = data.draw(st.integers(2, 5)), data.draw(st.sampled_from([0.1, 0.5, 0.8]))
    low_memory = data.draw(st.booleans())
    ids = torch.randint(2, 23, (rows, length), generator=torch.Generator().manual_seed(rows))
    mask = torch.ones_like(ids)
    for row in range(rows):
        mask[row, : data.draw(st.integers(0, length - 1))] = 0
    ids = ids.masked_fill(mask == 0, 0)
    found = model.generate(
        ids, attention_mask=mask, penalty_alpha=alpha, top_k=k, low_memory=low_memory,
        max_new_tokens=5, pad_token_id=0,
    )  # fmt: skip
    for row in range(rows):
        text = ids[row, mask[row].bool()]
        expected = by_hand(model, text, 5, k, alpha)
        assert found[row, length - len(text) :].tolist() == expected


def test_ends_padding_and_details(model, prompt):
    model.generation_config.eos_token_id = None
    options = {"penalty_alpha": 0.5, "top_k": 4, "max_new_tokens": 6}
    free = model.generate(prompt, **options)
    found = model.generate(
        prompt, **options, eos_token_id=int(free[0, -4]), pad_token_id=22,
        return_dict_in_generate=True, output_scores=True, output_logits=True,
        output_hidden_states=not model.config.is_encoder_decoder,
    )  # fmt: skip
    row = found.sequences[0].tolist()
    end = row.index(int(free[0, -4]), 1 if model.config.is_encoder_decoder else 3)
    assert set(row[end + 1 :]) <= {22}
    assert row[: end + 1] == free[0, : end + 1].tolist()
    steps = len(found.scores)
    assert len(found.logits) == steps
    if found.get("hidden_states"):
        assert [layers[-1].shape[:2] for layers in found.hidden_states] == [
            (2, 3), *[(2, 1)] * (steps - 1),
        ]  # fmt: skip
        for logits, layers in zip(found.logits, found.hidden_states, strict=True):
            torch.testing.assert_close(model.head(layers[-1][:, -1]), logits)


@pytest.mark.parametrize("low_memory", [False, True])
def test_the_cache_can_be_continued(decoder, prompt, low_memory):
    decoder.generation_config.eos_token_id = None
    first = decoder.generate(
        prompt, penalty_alpha=0.6, top_k=3, max_new_tokens=4, low_memory=low_memory,
        return_dict_in_generate=True,
    )  # fmt: skip
    assert first.past_key_values.get_seq_length() == 6
    again = decoder.generate(
        first.sequences, past_key_values=first.past_key_values, max_new_tokens=3
    )
    assert again.tolist() == decoder.generate(first.sequences, max_new_tokens=3).tolist()


def test_refused(decoder, prompt):
    cache = Cache()
    decoder(input_ids=prompt[:, :2], past_key_values=cache)
    decoder.counting.decoder_lengths.clear()
    options = {"penalty_alpha": 0.6, "max_new_tokens": 2}
    with pytest.raises(GenerationArgumentError, match="hidden states of the whole prompt"):
        decoder.generate(prompt, past_key_values=cache, **options)
    with pytest.raises(GenerationArgumentError, match="penalty_alpha must be"):
        decoder.generate(prompt, **options | {"penalty_alpha": 1.5})
    with pytest.warns(UserWarning, match=r"penalty_alpha=0.6 has no effect without num_beams=1"):
        decoder.generate(prompt, **options, do_sample=True)
    assert decoder.counting.decoder_lengths == [3, 1]
