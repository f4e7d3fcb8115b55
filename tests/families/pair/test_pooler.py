"""The encoder's pooler, which no decoder reads: frozen where it is, and absent where it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from automodel_bert import BertConfig, BertLMHeadModel, BertModel
from automodel_encoder_decoder import EncoderDecoderConfig, EncoderDecoderModel

CONFIG = BertConfig(
    vocab_size=41,
    hidden_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=24,
    max_position_embeddings=32,
)
DECODES = BertConfig(**{**CONFIG.to_dict(), "is_decoder": True, "add_cross_attention": True})


def pooler(model: EncoderDecoderModel) -> list[bool]:
    """Return for each weight of the pooler whether it is trained."""
    return [p.requires_grad for name, p in model.named_parameters() if "pooler" in name]


def new() -> EncoderDecoderModel:
    return EncoderDecoderModel(EncoderDecoderConfig.from_encoder_decoder_configs(CONFIG, CONFIG))


def test_only_the_pooler_is_frozen() -> None:
    given = EncoderDecoderModel(encoder=BertModel(CONFIG), decoder=BertLMHeadModel(DECODES))
    for model in (new(), given):
        assert pooler(model) == [False, False]
        assert {
            name.split(".")[1] for name, p in model.named_parameters() if not p.requires_grad
        } == {"pooler"}


@pytest.mark.parametrize("with_pooler", [True, False])
def test_saving_and_loading_keep_what_there_is(with_pooler: bool, tmp_path: Path) -> None:
    BertModel(CONFIG).save_pretrained(tmp_path / "side")
    model = EncoderDecoderModel.from_encoder_decoder_pretrained(
        tmp_path / "side", tmp_path / "side", encoder_add_pooling_layer=with_pooler
    )
    for _ in range(2):
        assert pooler(model) == [False, False] * with_pooler
        model.save_pretrained(tmp_path / "pair")
        saved = json.loads((tmp_path / "pair" / "config.json").read_text())
        assert saved.get("encoder_add_pooling_layer", True) is with_pooler
        model, info = EncoderDecoderModel.from_pretrained(
            tmp_path / "pair", output_loading_info=True
        )
        assert not info["missing_keys"]
        assert not info["unexpected_keys"]


def test_one_configuration_for_both_sides_is_copied_twice() -> None:
    model = new()
    assert model.config.encoder is not model.config.decoder
    assert not model.config.encoder.add_cross_attention
    assert not any("cross_attn" in name for name, _ in model.encoder.named_parameters())
