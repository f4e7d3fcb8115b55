"""Speech, its mask, and texts of it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from automodel_core import AutoModelForSpeechSeq2Seq
from automodel_core.errors import InputError
from automodel_core.testing import register_small_parts
from automodel_speech_encoder_decoder import SpeechEncoderDecoderConfig, SpeechEncoderDecoderModel

register_small_parts()
CONFIG: dict[str, Any] = {
    "encoder": {"model_type": "small-sound", "hidden_size": 12},
    "decoder": {"model_type": "small-text"},
    "decoder_start_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}


@pytest.fixture
def model() -> SpeechEncoderDecoderModel:
    torch.manual_seed(0)
    return SpeechEncoderDecoderModel(SpeechEncoderDecoderConfig(**CONFIG)).eval()


def test_padding_is_not_heard(model: Any) -> None:
    sound = torch.randn(1, 16)
    padded = torch.cat([sound, torch.full((1, 8), 9.0)], dim=1)
    mask = (torch.arange(24) < 16).long()[None]
    tokens = torch.tensor([[1, 5, 7]])
    with torch.no_grad():
        alone = model(sound, decoder_input_ids=tokens).logits
        beside = model(padded, attention_mask=mask, decoder_input_ids=tokens).logits
        unmasked = model(padded, decoder_input_ids=tokens).logits
    torch.testing.assert_close(beside, alone)
    assert not torch.allclose(unmasked, alone)
    settings = {"max_new_tokens": 6, "num_beams": 3}
    expected = model.generate(sound, **settings)
    assert torch.equal(model.generate(padded, attention_mask=mask, **settings), expected)
    assert torch.equal(model.generate(input_values=sound, **settings), expected)


def test_speech_is_given_once(model: Any) -> None:
    sound, tokens = torch.randn(1, 16), torch.tensor([[1]])
    named = model(input_values=sound, decoder_input_ids=tokens).logits
    assert torch.equal(model(sound, decoder_input_ids=tokens).logits, named)
    for given in ({}, {"inputs": sound, "input_values": sound}):
        with pytest.raises(InputError, match="give the speech once"):
            model(**given, decoder_input_ids=tokens)
    with pytest.raises(InputError, match="no convolutions"):
        model.freeze_feature_encoder()


def test_files(model: Any, tmp_path: Any) -> None:
    model.save_pretrained(tmp_path)
    again = AutoModelForSpeechSeq2Seq.from_pretrained(tmp_path)
    assert type(again) is SpeechEncoderDecoderModel
    sound, labels = torch.randn(2, 16), torch.tensor([[5, 6], [7, -100]])
    assert torch.equal(again(sound, labels=labels).loss, model(sound, labels=labels).loss)
