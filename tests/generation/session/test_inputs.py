"""The inputs of ``generate``: prompts of every kind, and their masks."""

from __future__ import annotations

import pytest
import torch

from automodel_core.errors import GenerationArgumentError


def test_embeddings_as_prompt(model, prompt):
    embeds = model.embed(prompt).detach()
    found = model.generate(inputs_embeds=embeds, max_new_tokens=5)
    expected = model.generate(prompt, max_new_tokens=5)
    skipped = 0 if model.config.is_encoder_decoder else 3
    assert found.tolist() == expected[:, skipped:].tolist()
    both = model.generate(inputs_embeds=embeds, num_beams=2, max_length=6)
    assert both.shape[1] <= 6


def test_a_prompt_from_nothing(decoder):
    assert decoder.generate(max_new_tokens=2)[:, 0].tolist() == [2]
    decoder.generation_config.bos_token_id = None
    with pytest.raises(GenerationArgumentError, match="there is no prompt"):
        decoder.generate(max_new_tokens=2)


def test_decoder_prompts(encoder_decoder, prompt):
    start = torch.tensor([[5, 6], [7, 8]])
    found = encoder_decoder.generate(prompt, decoder_input_ids=start, max_new_tokens=4)
    assert found[:, :3].tolist() == [[0, 5, 6], [0, 7, 8]]
    with_start = torch.cat([torch.zeros(2, 1, dtype=torch.long), start], 1)
    same = encoder_decoder.generate(prompt, decoder_input_ids=with_start, max_new_tokens=4)
    assert same.tolist() == found.tolist()
    each = encoder_decoder.generate(prompt, decoder_start_token_id=[4, 5], max_new_tokens=2)
    assert each[:, 0].tolist() == [4, 5]
    encoder_decoder.config.prompts_start_themselves = True
    alone = encoder_decoder.generate(prompt, decoder_input_ids=start, max_new_tokens=4)
    assert alone[:, :2].tolist() == start.tolist()
