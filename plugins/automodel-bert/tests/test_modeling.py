"""BERT alone: against torch's own transformer layers, on disk and back, padded, cached, trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import automodel_bert
from automodel_bert import (
    BertConfig,
    BertForMaskedLM,
    BertLMHeadModel,
    BertModel,
)
from automodel_core.errors import ConfigurationError, InputError
from automodel_core.layers import DynamicCache
from automodel_core.testing import model_names

HEADS = model_names("bert")
POSITIONS = ("absolute", "relative_key", "relative_key_query")
SMALL: dict[str, Any] = {
    "vocab_size": 31,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 12,
}


def build(head: str = "BertModel", **config: Any) -> Any:
    """Return a model whose weights are all random, norms and biases too."""
    torch.manual_seed(0)
    model = getattr(automodel_bert, head)(BertConfig(**{**SMALL, **config})).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0.0, 0.3)
    return model


def tokens(*shape: int) -> Tensor:
    return torch.randint(1, 31, shape, generator=torch.Generator().manual_seed(1))


def test_a_layer_is_torchs_post_norm_layer() -> None:
    model = build()
    torch_layers = []
    for layer in model.stack.layers:
        one = nn.TransformerEncoderLayer(
            16, 2, 24, 0.0, "gelu", layer_norm_eps=1e-12, batch_first=True
        )
        attention = layer.self_attn
        projections = (attention.q_proj, attention.k_proj, attention.v_proj)
        one.load_state_dict(
            {
                "self_attn.in_proj_weight": torch.cat([p.weight for p in projections]),
                "self_attn.in_proj_bias": torch.cat([p.bias for p in projections]),
                "self_attn.out_proj.weight": attention.o_proj.weight,
                "self_attn.out_proj.bias": attention.o_proj.bias,
                "linear1.weight": layer.mlp.up_proj.weight,
                "linear1.bias": layer.mlp.up_proj.bias,
                "linear2.weight": layer.mlp.down_proj.weight,
                "linear2.bias": layer.mlp.down_proj.bias,
                "norm1.weight": layer.self_attn_norm.weight,
                "norm1.bias": layer.self_attn_norm.bias,
                "norm2.weight": layer.mlp_norm.weight,
                "norm2.bias": layer.mlp_norm.bias,
            }
        )
        torch_layers.append(one.train())
    ids, visible = tokens(2, 7), torch.ones(2, 7, dtype=torch.long)
    visible[1, 5:] = 0
    states = model.embed_tokens(ids) + model.embed_token_types.weight[0]
    states = model.embed_norm(states + model.embed_positions.weight[:7])
    for layer in torch_layers:
        states = layer(states, src_key_padding_mask=visible == 0)
    found = model(ids, attention_mask=visible).last_hidden_state
    torch.testing.assert_close(found[visible == 1], states[visible == 1])


def test_the_names_on_disk_are_the_hubs() -> None:
    body = {
        "embeddings.word_embeddings.weight",
        "embeddings.position_embeddings.weight",
        "embeddings.token_type_embeddings.weight",
        "embeddings.LayerNorm.weight",
        "embeddings.LayerNorm.bias",
        "pooler.dense.weight",
        "pooler.dense.bias",
    }
    for part in (
        "attention.self.query",
        "attention.self.key",
        "attention.self.value",
        "attention.output.dense",
        "attention.output.LayerNorm",
        "intermediate.dense",
        "output.dense",
        "output.LayerNorm",
    ):
        body |= {f"encoder.layer.{i}.{part}.{leaf}" for i in (0, 1) for leaf in ("weight", "bias")}
    heads = {
        "cls.predictions.bias",
        "cls.predictions.decoder.bias",
        "cls.predictions.decoder.weight",
        "cls.predictions.transform.LayerNorm.bias",
        "cls.predictions.transform.LayerNorm.weight",
        "cls.predictions.transform.dense.bias",
        "cls.predictions.transform.dense.weight",
        "cls.seq_relationship.bias",
        "cls.seq_relationship.weight",
    }
    assert build().hub_state_dict().keys() == body
    pretraining = build("BertForPreTraining").hub_state_dict()
    assert pretraining.keys() == {f"bert.{name}" for name in body} | heads


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("head", HEADS)
def test_names_are_unambiguous_and_a_save_loses_nothing(
    head: str, position: str, tied: bool, tmp_path: Path
) -> None:
    config = {"position_embedding_type": position, "tie_word_embeddings": tied}
    model = build(head, **config, is_decoder=True, add_cross_attention=True)
    names = model.weight_names(model.config)
    names.check(model.state_dict())
    model.save_pretrained(tmp_path)
    again, info = type(model).from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values())
    state = again.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in model.state_dict().items())
    if "lm_head.weight" in state:
        assert (again.lm_head.weight is again.bert.embed_tokens.weight) == tied


@pytest.mark.parametrize("position", POSITIONS)
def test_padding_changes_nothing(position: str) -> None:
    model = build(position_embedding_type=position)
    ids = tokens(1, 5)
    alone = model(ids).last_hidden_state
    padded = torch.cat([ids, torch.zeros(1, 3, dtype=torch.long)], dim=1)
    visible = torch.tensor([[1] * 5 + [0] * 3])
    together = model(padded, attention_mask=visible).last_hidden_state
    torch.testing.assert_close(together[:, :5], alone)


@pytest.mark.parametrize("position", POSITIONS)
@torch.no_grad()
def test_a_cache_changes_nothing(position: str) -> None:
    config = {"is_decoder": True, "add_cross_attention": True}
    model = build("BertLMHeadModel", position_embedding_type=position, **config)
    ids, states = tokens(2, 8), torch.randn(2, 3, 16)
    whole = model(ids, encoder_hidden_states=states, use_cache=False).logits
    cache, found = None, []
    for part in ids.split([3, 1, 2, 1, 1], dim=1):
        output = model(part, encoder_hidden_states=states, past_key_values=cache)
        cache = output.past_key_values
        found.append(output.logits)
    torch.testing.assert_close(torch.cat(found, dim=1), whole)


@pytest.mark.parametrize("position", POSITIONS)
def test_a_decoder_generates_its_likeliest_tokens(position: str) -> None:
    model = build("BertLMHeadModel", is_decoder=True, position_embedding_type=position)
    ids = tokens(2, 3)
    expected = ids
    for _ in range(6):
        following = model(expected, use_cache=False).logits[:, -1].argmax(dim=-1)
        expected = torch.cat([expected, following[:, None]], dim=1)
    assert model.generate(ids, max_new_tokens=6, do_sample=False).tolist() == expected.tolist()


def test_an_encoder_continues_a_cache_and_generates_with_one() -> None:
    model = build("BertModel")
    ids, cache = tokens(2, 6), DynamicCache()
    model(ids[:, :4], past_key_values=cache)
    model(ids[:, 4:], past_key_values=cache)
    assert cache.get_seq_length() == 6
    writer = build("BertLMHeadModel")
    assert writer.generate(ids, max_new_tokens=2, min_new_tokens=2).shape == (2, 8)


def test_a_decoder_sees_no_later_token() -> None:
    model = build(is_decoder=True)
    ids = tokens(1, 6)
    changed = ids.clone()
    changed[:, 4:] = 30
    states, others = (model(each).last_hidden_state for each in (ids, changed))
    torch.testing.assert_close(states[:, :4], others[:, :4])
    assert not torch.allclose(states[:, 4:], others[:, 4:])


def test_first_values() -> None:
    torch.manual_seed(0)
    model = BertForMaskedLM(BertConfig(**{**SMALL, "hidden_size": 64}, initializer_range=0.05))
    assert 0.045 < model.bert.embed_positions.weight.std() < 0.055
    assert 0.045 < model.bert.stack.layers[0].mlp.up_proj.weight.std() < 0.055
    assert not model.bert.embed_tokens.weight[0].any()
    assert not model.lm_head.bias.any()
    assert model.bert.embed_norm.weight.eq(1).all()
    assert model.lm_head.weight is model.get_input_embeddings().weight


def test_the_body_has_its_name_on_the_hub() -> None:
    model = build("BertForMaskedLM")
    assert model.bert is model.base_model is model.model
    assert build().base_model is not None


def test_contradictions_are_named(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ConfigurationError, match="is_decoder=True"):
        build(add_cross_attention=True)
    with pytest.raises(InputError, match="either input_ids or inputs_embeds"):
        build("BertForMultipleChoice")()
    BertLMHeadModel(BertConfig(**SMALL))
    assert "is_decoder=True" in caplog.text
    caplog.clear()
    BertForMaskedLM(BertConfig(**SMALL, is_decoder=True))
    assert "earlier tokens" in caplog.text


def test_a_model_is_built_without_memory() -> None:
    with torch.device("meta"):
        model = BertModel(BertConfig(hidden_size=8192, num_attention_heads=64))
    assert all(parameter.is_meta for parameter in model.parameters())
    assert not list(model.buffers())
