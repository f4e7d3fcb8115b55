"""``generate`` on tiny models: against a loop that does everything again at every step.

The method is in `mixin`, what it does in `running`; the models follow `session.protocol` and have
none of the core's layers.
The sequences that grow and are padded are in `strategies.sequences`.
"""

from __future__ import annotations

import pytest
import torch


def greedy_by_hand(model, row: torch.Tensor, steps: int) -> list[int]:
    """Continue one row without cache, mask or batch."""
    is_pair = model.config.is_encoder_decoder
    ids = torch.tensor([[0]]) if is_pair else row[None]
    more = {"encoder_outputs": model.encoder(row[None])} if is_pair else {}
    for _ in range(steps):
        logits = model(**{"decoder_input_ids" if is_pair else "input_ids": ids}, **more).logits
        ids = torch.cat([ids, logits[:, -1].argmax(-1)[:, None]], dim=1)
    return ids[0].tolist()


def cut(ids: list[int], start: int, end: int = 1) -> list[int]:
    return ids[: ids.index(end, start) + 1] if end in ids[start:] else ids


@pytest.mark.parametrize("use_cache", [True, False])
def test_greedy_equals_the_loop_by_hand(model, prompt, use_cache):
    found = model.generate(prompt, max_new_tokens=9, use_cache=use_cache)
    for row, ids in zip(prompt, found.tolist(), strict=True):
        start = 1 if model.config.is_encoder_decoder else 3
        expected = cut(greedy_by_hand(model, row, 9), start)
        assert cut(ids, start) == expected
        assert set(ids[len(expected) :]) <= {0}


def test_left_padding_changes_nothing(decoder, prompt):
    decoder.generation_config.eos_token_id = None
    plain = decoder.generate(prompt[:1], max_new_tokens=6)
    padded = torch.tensor([[0, 0, *prompt[0]], [3, 4, 5, 6, 7]])
    mask = (padded != 0).long()
    for inputs in ({"input_ids": padded, "attention_mask": mask}, {"input_ids": padded}):
        for use_cache in (True, False):
            found = decoder.generate(**inputs, max_new_tokens=6, use_cache=use_cache)
            assert found[0, 2:].tolist() == plain[0].tolist()


def test_several_end_tokens_and_padding(decoder, prompt):
    free = decoder.generate(prompt, max_new_tokens=8, eos_token_id=None)
    ends = [int(free[0, 4]), int(free[1, 6])]
    found = decoder.generate(prompt, max_new_tokens=8, eos_token_id=ends, pad_token_id=22)
    for row in found.tolist():
        first = min(i for i, token in enumerate(row) if i > 2 and token in ends)
        assert set(row[first + 1 :]) <= {22}


def test_long_runs_grow_the_buffers(monkeypatch, decoder, prompt):
    monkeypatch.setattr("automodel_core.generation.strategies.sequences.BLOCK", 2)
    monkeypatch.setattr("automodel_core.generation.session.step_arguments.MASK_BLOCK", 2)
    decoder.generation_config.eos_token_id = None
    padded = torch.tensor([[0, 3, 4], [6, 7, 8]])
    found = decoder.generate(padded, max_new_tokens=20)
    assert found.shape == (2, 23)
    assert found[0, 1:].tolist() == greedy_by_hand(decoder, padded[0, 1:], 20)


def test_an_overridden_preparation_is_called(decoder, prompt, monkeypatch):
    seen = []
    original = type(decoder).prepare_inputs_for_generation

    def prepare(self, input_ids, **kwargs):
        seen.append(input_ids.shape[1])
        return original(self, input_ids, **kwargs)

    monkeypatch.setattr(type(decoder), "prepare_inputs_for_generation", prepare)
    decoder.generate(prompt, max_new_tokens=3, eos_token_id=None)
    assert seen == [3, 4, 5]
