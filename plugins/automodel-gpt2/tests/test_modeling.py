"""GPT-2 alone: against torch's own layers, on disk and back, padded, cached, trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from automodel_core.errors import ConfigurationError, InputError
from automodel_core.layers import Cache
from automodel_core.testing import model_names
from automodel_gpt2 import GPT2Config, GPT2LMHeadModel, GPT2Model

HEADS = (*model_names("gpt2"), "GPT2DoubleHeadsModel")


def test_a_layer_is_torchs_pre_norm_layer(make: Any, input_ids: Tensor) -> None:
    model = make("GPT2Model", activation_function="gelu", n_inner=24)
    states = model.embed_tokens(input_ids) + model.embed_positions.weight[:7]
    for layer in model.stack.layers:
        one = nn.TransformerEncoderLayer(16, 2, 24, 0.0, "gelu", batch_first=True, norm_first=True)
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
        mask = nn.Transformer.generate_square_subsequent_mask(7)
        states = one(states, mask)
    found = model(input_ids).last_hidden_state
    torch.testing.assert_close(found, model.stack.norm(states))


def test_the_names_on_disk_are_the_hubs(make: Any) -> None:
    body = {"wte.weight", "wpe.weight", "ln_f.weight", "ln_f.bias"}
    parts = {
        "ln_1": (16,), "attn.c_attn": (16, 48), "attn.c_proj": (16, 16), "ln_2": (16,),
        "mlp.c_fc": (16, 64), "mlp.c_proj": (64, 16),
    }  # fmt: skip
    cross = {
        "crossattention.c_attn": (16, 32), "crossattention.q_attn": (16, 16),
        "crossattention.c_proj": (16, 16), "ln_cross_attn": (16,),
    }  # fmt: skip
    for more, expected in (({}, parts), ({"add_cross_attention": True}, parts | cross)):
        leaves = {
            f"h.{i}.{p}.{leaf}" for i in (0, 1) for p in expected for leaf in ("weight", "bias")
        }
        state = make("GPT2Model", **more).hub_state_dict()
        assert state.keys() == body | leaves
        assert all(state[f"h.1.{part}.weight"].shape == shape for part, shape in expected.items())
        head = make("GPT2LMHeadModel", **more).hub_state_dict()
        assert head.keys() == {f"transformer.{name}" for name in state} | {"lm_head.weight"}


def test_projections_are_joined_in_the_hubs_order(make: Any) -> None:
    model = make("GPT2Model", add_cross_attention=True)
    state, layer = model.hub_state_dict(), model.stack.layers[1]
    own, cross = layer.self_attn, layer.cross_attn
    joined = torch.cat([own.q_proj.weight, own.k_proj.weight, own.v_proj.weight]).T
    assert torch.equal(state["h.1.attn.c_attn.weight"], joined)
    joined = torch.cat([cross.k_proj.weight, cross.v_proj.weight]).T
    assert torch.equal(state["h.1.crossattention.c_attn.weight"], joined)
    assert torch.equal(state["h.1.mlp.c_fc.weight"], layer.mlp.up_proj.weight.T)


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("head", HEADS)
def test_names_are_unambiguous_and_a_save_loses_nothing(
    make: Any, head: str, tied: bool, tmp_path: Path
) -> None:
    model = make(head, tie_word_embeddings=tied, add_cross_attention=True)
    model.weight_names(model.config).check(model.state_dict())
    model.save_pretrained(tmp_path)
    again, info = type(model).from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values())
    state = again.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in model.state_dict().items())
    if "lm_head.weight" in state:
        assert (again.lm_head.weight is again.transformer.embed_tokens.weight) == tied


def test_padding_on_either_side_changes_nothing(make: Any, input_ids: Tensor) -> None:
    model, ids = make("GPT2Model"), input_ids[:1]
    alone = model(ids).last_hidden_state
    padding = torch.zeros(1, 3, dtype=torch.long)
    shown = torch.ones_like(ids)
    right = model(torch.cat([ids, padding], 1), attention_mask=torch.cat([shown, padding], 1))
    torch.testing.assert_close(right.last_hidden_state[:, :7], alone)
    left = model(
        torch.cat([padding, ids], 1),
        attention_mask=torch.cat([padding, shown], 1),
        position_ids=torch.cat([padding, torch.arange(7)[None]], 1),
    )
    torch.testing.assert_close(left.last_hidden_state[:, 3:], alone)


@pytest.mark.parametrize("decoding", [False, True])
@torch.no_grad()
def test_a_cache_changes_nothing(make: Any, input_ids: Tensor, decoding: bool) -> None:
    model = make("GPT2LMHeadModel", add_cross_attention=True)
    states, types = torch.randn(2, 3, 16), input_ids % 3
    given = {"encoder_hidden_states": states}
    whole = model(input_ids, token_type_ids=types, use_cache=False, **given).logits
    cache, found = Cache(decoding=decoding), []
    for part, kinds in zip(
        input_ids.split([3, 1, 1, 2], 1), types.split([3, 1, 1, 2], 1), strict=True
    ):
        output = model(part, token_type_ids=kinds, past_key_values=cache, use_cache=True, **given)
        found.append(output.logits)
    assert output.past_key_values is cache
    torch.testing.assert_close(torch.cat(found, dim=1), whole)


@pytest.mark.parametrize("head", ["GPT2LMHeadModel", "GPT2DoubleHeadsModel"])
def test_it_generates_its_likeliest_tokens(make: Any, input_ids: Tensor, head: str) -> None:
    model = make(head, eos_token_id=None)
    expected = input_ids
    for _ in range(6):
        following = model(expected, use_cache=False).logits[:, -1].argmax(dim=-1)
        expected = torch.cat([expected, following[:, None]], dim=1)
    assert (
        model.generate(input_ids, max_new_tokens=6, do_sample=False).tolist() == expected.tolist()
    )


def test_rows_padded_on_the_left_are_continued_as_alone(make: Any, input_ids: Tensor) -> None:
    model = make("GPT2LMHeadModel", eos_token_id=None)
    ids, mask = input_ids.clone(), torch.ones_like(input_ids)
    ids[0, :3] = mask[0, :3] = 0
    for settings in ({}, {"num_beams": 3}):
        together = model.generate(ids, attention_mask=mask, max_new_tokens=8, **settings)
        alone = model.generate(ids[:1, 3:], max_new_tokens=8, **settings)
        assert together[0, 3:].tolist() == alone[0].tolist()


def test_token_types_come_from_the_tokens_table(make: Any, input_ids: Tensor) -> None:
    model = make("GPT2Model")
    types = torch.full_like(input_ids, 5)
    typed = model(input_ids, token_type_ids=types).last_hidden_state
    summed = model.embed_tokens(input_ids) + model.embed_tokens.weight[5]
    torch.testing.assert_close(typed, model(inputs_embeds=summed).last_hidden_state)


def test_a_text_is_classified_by_its_last_token(make: Any, input_ids: Tensor) -> None:
    model = make("GPT2ForSequenceClassification")
    ids = input_ids.clone()
    ids[0, 4:] = 0
    body = model.transformer(ids).last_hidden_state
    expected = model.classifier(torch.stack([body[0, 3], body[1, 6]]))
    torch.testing.assert_close(model(ids).logits, expected)


def test_a_text_without_padding_tokens_must_be_alone(
    make: Any, input_ids: Tensor, caplog: pytest.LogCaptureFixture
) -> None:
    model = make("GPT2ForSequenceClassification", pad_token_id=None)
    assert model(input_ids[:1]).logits.shape == (1, 2)
    with pytest.raises(InputError, match=r"config\.pad_token_id is not set"):
        model(input_ids)
    model.config.pad_token_id = 0
    model(inputs_embeds=torch.randn(2, 3, 16))
    assert "do not show padding" in caplog.text


def test_choices_keep_their_shape(make: Any) -> None:
    model = make("GPT2DoubleHeadsModel")
    ids = torch.randint(3, 47, (2, 3, 5))
    output = model(ids, mc_token_ids=torch.tensor([[4, 1, 0], [2, 2, 2]]))
    assert output.logits.shape == (2, 3, 5, 47)
    assert output.mc_logits.shape == (2, 3)
    one = model(ids[1, 2][None], mc_token_ids=torch.tensor([2]))
    torch.testing.assert_close(output.logits[1, 2], one.logits[0])
    torch.testing.assert_close(output.mc_logits[1, 2], one.mc_logits[0])
    embeds = model.get_input_embeddings()(ids)
    torch.testing.assert_close(model(inputs_embeds=embeds).logits, output.logits)


def test_first_values_shrink_with_depth() -> None:
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(64, 64, 64, 8, 2, initializer_range=0.04))
    layer = model.transformer.stack.layers[3]
    assert 0.036 < model.lm_head.weight.std() < 0.044
    assert 0.036 < layer.mlp.up_proj.weight.std() < 0.044
    for residual in (layer.self_attn.o_proj, layer.mlp.down_proj):
        assert 0.009 < residual.weight.std() < 0.011
        assert not residual.bias.any()
    assert layer.mlp_norm.weight.eq(1).all()
    assert model.lm_head.weight is model.get_input_embeddings().weight


def test_the_vocabulary_grows_on_both_sides(make: Any, input_ids: Tensor) -> None:
    model = make("GPT2LMHeadModel")
    before = model(input_ids).logits
    model.resize_token_embeddings(50)
    assert model.lm_head.weight is model.transformer.embed_tokens.weight
    after = model(input_ids).logits
    assert after.shape[-1] == model.config.vocab_size == 50
    torch.testing.assert_close(after[..., :47], before)


def test_contradictions_are_named(make: Any, input_ids: Tensor) -> None:
    with pytest.raises(InputError, match="either input_ids or inputs_embeds"):
        make("GPT2DoubleHeadsModel")()
    with pytest.raises(InputError, match="add_cross_attention=True"):
        make("GPT2Model")(input_ids, encoder_hidden_states=torch.randn(2, 3, 16))
    with pytest.raises(InputError, match="25 positions are more than"):
        make("GPT2Model")(torch.ones(1, 25, dtype=torch.long))
    with pytest.raises(ConfigurationError, match="summary_type='attn'"):
        make("GPT2DoubleHeadsModel", summary_type="attn")


def test_a_model_is_built_without_memory() -> None:
    with torch.device("meta"):
        model = GPT2Model(GPT2Config(n_embd=8192, n_head=64))
    assert all(parameter.is_meta for parameter in model.parameters())
    assert not list(model.buffers())


def test_the_body_is_what_writes(make: Any) -> None:
    for head in HEADS:
        model = make(head)
        assert model.get_decoder() is model.base_model
