"""TrOCR's decoder alone: its embeddings, its layers, what it attends to, files, training."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core import AutoModelForCausalLM
from automodel_trocr import TrOCRForCausalLM

Make = Callable[..., Any]


def sines(count: int, size: int, padding: int) -> Tensor:
    """Return rows of sines, then cosines, by the definition; padding's is empty."""
    half = size // 2
    table = torch.zeros(count, size)
    for position in range(count):
        for wave in range(half):
            angle = position * math.exp(-wave * math.log(10_000) / (half - 1))
            table[position, wave], table[position, half + wave] = math.sin(angle), math.cos(angle)
    table[padding] = 0.0
    return table


@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("learned", [True, False])
@pytest.mark.parametrize("normed", [True, False])
def test_embeddings(
    make: Make, input_ids: Tensor, scaled: bool, learned: bool, normed: bool
) -> None:
    model = make(
        scale_embedding=scaled,
        use_learned_position_embeddings=learned,
        layernorm_embedding=normed,
    )
    part = model.model.decoder.embeddings
    expected = part.embed_tokens.weight[input_ids] * (4.0 if scaled else 1.0)
    expected = expected + (part.embed_positions.weight if learned else sines(22, 16, 1))[2:9]
    if normed:
        expected = F.layer_norm(expected, (16,), part.norm.weight, part.norm.bias)
    states = model(input_ids, output_hidden_states=True).hidden_states
    torch.testing.assert_close(states[0], expected)


def test_padding_has_no_sine(make: Make, input_ids: Tensor) -> None:
    model = make(use_learned_position_embeddings=False, layernorm_embedding=False)
    part = model.model.decoder.embeddings
    input_ids[0, 2:4] = 1
    rows = sines(22, 16, 1)[torch.tensor([2, 3, 1, 1, 4, 5, 6])]
    states = model(input_ids, output_hidden_states=True).hidden_states[0]
    torch.testing.assert_close(states[0], part.embed_tokens.weight[input_ids[0]] + rows)


def test_layers_are_torchs_post_norm_decoder_layers(make: Make, input_ids: Tensor) -> None:
    model = make()
    context = torch.randn(2, 5, 16)
    output = model(input_ids, encoder_hidden_states=context, output_hidden_states=True)
    states = output.hidden_states[0]
    causal = nn.Transformer.generate_square_subsequent_mask(7)
    for layer, expected in zip(
        model.model.decoder.stack.layers, output.hidden_states[1:], strict=True
    ):
        one = nn.TransformerDecoderLayer(16, 2, 24, 0.0, "gelu", batch_first=True).eval()
        state = {}
        for ours, theirs in (("self_attn", "self_attn"), ("cross_attn", "multihead_attn")):
            part = getattr(layer, ours)
            parts = (part.q_proj, part.k_proj, part.v_proj)
            state[f"{theirs}.in_proj_weight"] = torch.cat([each.weight for each in parts])
            state[f"{theirs}.in_proj_bias"] = torch.cat([each.bias for each in parts])
            state[f"{theirs}.out_proj.weight"] = part.o_proj.weight
            state[f"{theirs}.out_proj.bias"] = part.o_proj.bias
        for ours, theirs in (
            ("mlp.up_proj", "linear1"), ("mlp.down_proj", "linear2"),
            ("self_attn_norm", "norm1"), ("cross_attn_norm", "norm2"), ("mlp_norm", "norm3"),
        ):  # fmt: skip
            part = layer.get_submodule(ours)
            state |= {f"{theirs}.weight": part.weight, f"{theirs}.bias": part.bias}
        one.load_state_dict(state)
        states = one(states, context, tgt_mask=causal, tgt_is_causal=True)
        torch.testing.assert_close(expected, states)
    torch.testing.assert_close(output.logits, F.linear(states, model.lm_head.weight))


def test_the_encoder_may_have_another_width(make: Make, input_ids: Tensor) -> None:
    model = make(cross_attention_hidden_size=12)
    assert model.model.decoder.stack.layers[0].cross_attn.k_proj.in_features == 12
    context = torch.randn(2, 5, 12)
    seen = model(input_ids, encoder_hidden_states=context).logits
    assert not torch.allclose(seen, model(input_ids, encoder_hidden_states=context + 1).logits)


def test_labels_are_compared_in_their_place(make: Make, input_ids: Tensor) -> None:
    model = make()
    output = model(input_ids, labels=input_ids)
    expected = F.cross_entropy(output.logits.flatten(0, 1), input_ids.flatten())
    torch.testing.assert_close(output.loss, expected)


@pytest.mark.parametrize("settings", [{}, {"use_learned_position_embeddings": False}])
def test_names_are_unambiguous_and_a_save_loses_nothing(
    make: Make, settings: dict[str, Any], input_ids: Tensor, tmp_path: Path
) -> None:
    model = make(**settings, tie_word_embeddings=False)
    model.weight_names(model.config).check(model.state_dict())
    model.save_pretrained(tmp_path)
    again, info = AutoModelForCausalLM.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values())
    assert torch.equal(again(input_ids).logits, model(input_ids).logits)


def test_the_names_on_disk_are_the_hubs(make: Make) -> None:
    names = set(make().hub_state_dict())
    assert names >= {
        "model.decoder.embed_tokens.weight",
        "model.decoder.embed_positions.weight",
        "model.decoder.layernorm_embedding.bias",
        "model.decoder.layers.1.encoder_attn.out_proj.weight",
        "model.decoder.layers.1.encoder_attn_layer_norm.weight",
        "model.decoder.layers.1.final_layer_norm.weight",
        "output_projection.weight",
    }
    assert len(names) == 2 * 26 + 5


def test_buffers_of_older_checkpoints_are_no_surprise(make: Make) -> None:
    model = make(use_learned_position_embeddings=False)
    state = {
        **model.hub_state_dict(),
        "model.decoder.embed_positions._float_tensor": torch.zeros(1),
        "model.decoder.version": torch.zeros(1),
    }
    _, info = TrOCRForCausalLM.from_pretrained(
        None, config=model.config, state_dict=state, output_loading_info=True
    )
    assert not any(info.values())


def test_sines_go_on_beyond_what_was_computed_ahead(make: Make, input_ids: Tensor) -> None:
    short = make(use_learned_position_embeddings=False, max_position_embeddings=3)
    long = make(use_learned_position_embeddings=False, max_position_embeddings=300)
    found, expected = (
        model.generate(input_ids, max_new_tokens=30, do_sample=False, eos_token_id=None)
        for model in (short, long)
    )
    assert found.tolist() == expected.tolist()
    with pytest.raises(ValueError, match="positions"):
        make(max_position_embeddings=5)(input_ids)
