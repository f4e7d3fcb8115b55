"""BERT as a decoder: causal, over an encoder's states, cached, and generating, as the reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

transformers = pytest.importorskip("transformers")
if not transformers.__version__.startswith("5."):
    pytest.skip("compares with transformers 5", allow_module_level=True)

import torch  # noqa: E402
from torch import Tensor  # noqa: E402

from automodel_bert import BertLMHeadModel, BertModel  # noqa: E402
from support.reference import (  # noqa: E402
    assert_close,
    assert_same_gradients,
    assert_same_outputs,
    randomise,
    reload,
)

SMALL: dict[str, Any] = {
    "vocab_size": 41,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 28,
    "max_position_embeddings": 40,
    "is_decoder": True,
    "add_cross_attention": True,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
CONFIGS: dict[str, dict[str, Any]] = {
    "small": {},
    "alone": {"add_cross_attention": False},
    "one layer": {"num_hidden_layers": 1},
    "four layers": {"num_hidden_layers": 4},
    "one head": {"num_attention_heads": 1},
    "three heads": {"num_attention_heads": 3, "hidden_size": 24},
    "five heads": {"num_attention_heads": 5, "hidden_size": 35, "num_hidden_layers": 1},
    "gelu_new": {"hidden_act": "gelu_new"},
    "relu": {"hidden_act": "relu"},
    "silu": {"hidden_act": "silu"},
    "one token type": {"type_vocab_size": 1},
    "large epsilon": {"layer_norm_eps": 1e-3},
    "output layer of its own": {"tie_word_embeddings": False},
    "output layer of its own, alone": {"tie_word_embeddings": False, "add_cross_attention": False},
}
ROWS, LENGTH, CONTEXT = 3, 7, 5


def pair(folder: Path, config: str = "small", **more: Any) -> tuple[Any, Any]:
    settings = {**SMALL, **CONFIGS[config], **more}
    reference = transformers.BertLMHeadModel(
        transformers.BertConfig(**settings, attn_implementation="eager")
    ).eval()
    randomise(reference, seed=len(config), spread=0.3)
    return reload(reference, folder, BertLMHeadModel), reference


def inputs_for(config: Any, padding: str = "right") -> dict[str, Tensor]:
    chance = torch.Generator().manual_seed(4)
    ids = torch.randint(3, config.vocab_size, (ROWS, LENGTH), generator=chance)
    visible = torch.ones_like(ids)
    visible[1, 4:], visible[2, 6:] = 0, 0
    if padding == "left":
        visible = visible.flip(1)
    inputs = {"input_ids": ids.masked_fill(visible == 0, 0), "attention_mask": visible}
    if config.add_cross_attention:
        states = torch.randn(ROWS, CONTEXT, config.hidden_size, generator=chance)
        seen = torch.ones(ROWS, CONTEXT, dtype=torch.long)
        seen[0, 3:] = 0
        inputs |= {"encoder_hidden_states": states, "encoder_attention_mask": seen}
    return inputs


@pytest.mark.parametrize("config", CONFIGS)
def test_outputs_loss_and_gradients(config: str, tmp_path: Path) -> None:
    model, reference = pair(tmp_path, config)
    inputs = inputs_for(model.config)
    inputs["labels"] = inputs["input_ids"].masked_fill(inputs["attention_mask"] == 0, -100)
    seen = {"output_attentions": True, "output_hidden_states": True}
    ours, theirs = model(**inputs, **seen), reference(**inputs, **seen)
    assert_same_outputs(ours, theirs)
    assert (ours.cross_attentions is not None) == model.config.add_cross_attention
    assert ours.past_key_values is None
    ours.loss.backward()
    theirs.loss.backward()
    assert_same_gradients(model, reference)


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("padding", ["none", "left"])
@torch.no_grad()
def test_a_cache_changes_nothing(padding: str, attention: str, config: str, tmp_path: Path) -> None:
    model, reference = pair(tmp_path, config)
    model.set_attn_implementation(attention)
    inputs = inputs_for(model.config, padding)
    ids, visible = inputs.pop("input_ids"), inputs.pop("attention_mask")
    if padding == "none":
        visible = torch.ones_like(visible)
    whole = reference(ids, attention_mask=visible, **inputs, use_cache=False).logits
    assert_close(model(ids, attention_mask=visible, **inputs, use_cache=False).logits, whole)

    cache, found = None, []
    for start, end in ((0, 3), (3, 4), (4, 6), (6, 7)):
        mask = visible[:, :end] if padding == "left" or start == 3 else None
        output = model(
            ids[:, start:end], attention_mask=mask, **inputs, past_key_values=cache, use_cache=True
        )
        cache = output.past_key_values
        assert cache.get_seq_length() == end
        found.append(output.logits)
    # A position of padding sees nothing, and what comes of that depends on how much there is.
    seen = visible.bool()
    assert_close(torch.cat(found, dim=1)[seen], whole[seen])


@torch.no_grad()
def test_the_cache_is_the_configurations_choice(tmp_path: Path) -> None:
    model, _ = pair(tmp_path, "alone")
    ids = inputs_for(model.config)["input_ids"]
    assert model(ids).past_key_values.get_seq_length() == LENGTH
    assert model(ids, use_cache=False).past_key_values is None
    model.config.use_cache = False
    assert model(ids).past_key_values is None


@torch.no_grad()
def test_scores_of_some_positions(tmp_path: Path) -> None:
    model, reference = pair(tmp_path)
    inputs = inputs_for(model.config)
    for kept in (0, 1, 3, torch.tensor([0, 4])):
        ours = model(**inputs, logits_to_keep=kept)
        assert_close(ours.logits, reference(**inputs, logits_to_keep=kept).logits)


def test_uneven_batches_share_a_divisor(tmp_path: Path) -> None:
    model, reference = pair(tmp_path)
    inputs = inputs_for(model.config)
    inputs["labels"] = inputs["input_ids"]
    ours, theirs = (m(**inputs, num_items_in_batch=17) for m in (model, reference))
    assert_close(ours.loss, theirs.loss)


def test_gradients_reach_the_encoder_and_through_the_cache(tmp_path: Path) -> None:
    model, reference = pair(tmp_path)
    inputs = inputs_for(model.config)
    ids = inputs["input_ids"]
    gradients = []
    for either in (model, reference):
        states = inputs["encoder_hidden_states"].clone().requires_grad_()
        first = either(ids[:, :4], encoder_hidden_states=states, use_cache=True)
        past = first.past_key_values
        output = either(ids[:, 4:], encoder_hidden_states=states, past_key_values=past)
        output.logits.square().sum().backward()
        gradients.append(states.grad)
    assert_close(*gradients)
    assert_same_gradients(model, reference)


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("padding", ["none", "left"])
def test_generated_tokens(padding: str, beams: int, config: str, tmp_path: Path) -> None:
    model, reference = pair(tmp_path, config)
    inputs = inputs_for(model.config, padding)
    if padding == "none":
        inputs["attention_mask"] = torch.ones_like(inputs["attention_mask"])
    settings = {"max_new_tokens": 12, "num_beams": beams, "do_sample": False}
    ours = model.generate(**inputs, **settings)
    if model.config.add_cross_attention:  # the reference's own choice has no room for it
        caches = transformers.DynamicCache(), transformers.DynamicCache()
        settings["past_key_values"] = transformers.EncoderDecoderCache(*caches)
    assert ours.tolist() == reference.generate(**inputs, **settings).tolist()


def test_an_encoder_becomes_a_decoder(tmp_path: Path) -> None:
    settings = {**SMALL, "is_decoder": False, "add_cross_attention": False}
    encoder = transformers.BertForMaskedLM(transformers.BertConfig(**settings))
    randomise(encoder)
    encoder.save_pretrained(tmp_path)
    model, info = BertLMHeadModel.from_pretrained(
        tmp_path, is_decoder=True, add_cross_attention=True, output_loading_info=True
    )
    assert info["missing_keys"]
    assert all("crossattention" in key for key in info["missing_keys"])
    assert not info["unexpected_keys"]
    reference = transformers.BertLMHeadModel.from_pretrained(tmp_path, is_decoder=True).eval()
    ids = inputs_for(model.config)["input_ids"]
    assert_close(model(ids).logits, reference(ids).logits)


@pytest.mark.parametrize("rows", [1, 2])
@torch.no_grad()
def test_rows_may_share_an_encoders_states(rows: int, tmp_path: Path) -> None:
    model = BertModel(pair(tmp_path)[0].config).eval()
    inputs = inputs_for(model.config)
    states = inputs["encoder_hidden_states"][:rows]
    ids = inputs["input_ids"][:1].repeat(2 * rows, 1)
    shared = model(ids, encoder_hidden_states=states).last_hidden_state
    repeated = states.repeat_interleave(2, dim=0)
    assert_close(shared, model(ids, encoder_hidden_states=repeated).last_hidden_state)
