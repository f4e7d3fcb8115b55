"""The inputs of ``generate``: prompts of every kind, and their masks."""

from __future__ import annotations

import inspect
from types import SimpleNamespace

import pytest
import torch
from torch import nn

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


# ---- other modalities ----


class Recording(nn.Module):
    """An encoder of sounds (batch, features, frames), which halves the number of frames."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(3, width)
        self.masks: list[object] = []

    def forward(self, input_features=None, attention_mask=None, return_dict=True):
        self.masks.append(attention_mask)
        states = self.project(input_features.transpose(1, 2))[:, ::2]
        if attention_mask is not None:
            states = states * attention_mask[:, ::2, None]
        return SimpleNamespace(last_hidden_state=states)


@pytest.fixture
def listener(encoder_decoder):
    torch.manual_seed(0)
    encoder_decoder.main_input_name = "input_features"
    encoder_decoder.encoder = Recording(8).eval()
    return encoder_decoder


def by_hand(listener, features: torch.Tensor, steps: int) -> list[list[int]]:
    ids = torch.zeros(len(features), 1, dtype=torch.long)
    outputs = listener.encoder(features)
    for _ in range(steps):
        logits = listener(decoder_input_ids=ids, encoder_outputs=outputs).logits[:, -1]
        ids = torch.cat([ids, logits.argmax(-1, keepdim=True)], dim=1)
    return ids.tolist()


def test_sounds_are_encoded_as_the_model_declares(listener):
    listener.generation_config.eos_token_id = None
    features = torch.randn(2, 3, 10)
    expected = by_hand(listener, features, 4)
    listener.encoder.masks.clear()
    for inputs in ({"inputs": features}, {"input_features": features}):
        assert listener.generate(**inputs, max_new_tokens=4).tolist() == expected
    ones = torch.ones(2, 10)
    assert listener.generate(features, attention_mask=ones, max_new_tokens=4).tolist() == expected
    assert listener.encoder.masks == [None] * 3
    mask = ones.clone()
    mask[0, 6:] = 0
    found = listener.generate(features, attention_mask=mask, num_beams=3, max_new_tokens=4)
    assert found.shape == (2, 5)
    assert len(listener.encoder.masks) == 4
    assert listener.encoder.masks[3].equal(mask)


def test_ids_beside_sounds_are_the_decoders_prompt(listener):
    features, start = torch.randn(2, 3, 10), torch.tensor([[0, 5], [0, 7]])
    found = listener.generate(input_features=features, input_ids=start, max_new_tokens=3)
    same = listener.generate(features, decoder_input_ids=start, max_new_tokens=3)
    assert found[:, :2].tolist() == start.tolist()
    assert found.tolist() == same.tolist()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"inputs": torch.ones(2, 3, 10)}, "give the prompt as inputs or as input_features"),
        ({"input_values": torch.ones(2, 10)}, "no argument 'input_values'"),
        ({"attention_mask": torch.ones(3, 10)}, r"has shape \(3, 10\), for a batch of 2"),
        ({"attention_mask": [[1]]}, r"attention_mask is \[\[1\]\], for a batch of 2"),
    ],
)
def test_sounds_that_do_not_fit_are_refused(listener, arguments, message):
    features = torch.randn(2, 3, 10)
    with pytest.raises(GenerationArgumentError, match=message):
        listener.generate(input_features=features, max_new_tokens=3, **arguments)
    assert listener.encoder.masks == []


def test_a_decoder_reads_pictures_beside_its_prompt(decoder, prompt):
    """Its main input is no text: the prompt is found by its name, and the batch by either."""
    seen = []
    original = decoder.forward

    def forward(pixel_values=None, **arguments):
        seen.append(pixel_values.shape[0])
        return original(**arguments)

    forward.__signature__ = inspect.signature(
        lambda input_ids=None, attention_mask=None, position_ids=None, past_key_values=None,
        pixel_values=None, use_cache=None, return_dict=True: None
    )  # fmt: skip
    expected = decoder.generate(prompt, max_new_tokens=3)
    decoder.forward = forward
    decoder.main_input_name = "pixel_values"
    pictures = torch.randn(2, 3, 4, 4)
    found = decoder.generate(pictures, input_ids=prompt, max_new_tokens=3)
    assert found.tolist() == expected.tolist()
    assert seen == [2] * 3
    assert decoder.generate(pictures, max_new_tokens=2)[:, 0].tolist() == [2, 2]
