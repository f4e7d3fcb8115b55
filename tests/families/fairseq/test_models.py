"""The family's models: embeddings that are shared or not, the bias of scores, decoding, files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from automodel_core.errors import InputError
from automodel_core.layers.caches.base import Cache

KINDS = ("post-norm", "sinusoidal", "padded")
TOKENS = "model.{}.embed_tokens.weight"


@pytest.fixture
def input_ids() -> torch.Tensor:
    ids = torch.randint(3, 31, (2, 7), generator=torch.Generator().manual_seed(1))
    ids[:, -1] = 2
    return ids


def close(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("decoding", [True, False])
def test_steps_equal_one_pass(make, input_ids, kind: str, decoding: bool) -> None:
    for name in ("ForConditionalGeneration", "ForCausalLM"):
        model = make(name, kind=kind)
        side = "decoder_" if name == "ForConditionalGeneration" else ""
        given = {"input_ids": input_ids} if side else {}
        cache, found = Cache(decoding=decoding), []
        with torch.no_grad():
            expected = model(**given, **{f"{side}input_ids": input_ids}).logits
            for column in input_ids.split([3, 1, 1, 2], dim=1):
                step = {f"{side}input_ids": column, "past_key_values": cache}
                found.append(model(**given, **step).logits)
        close(torch.cat(found, dim=1), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_left_padding_changes_only_positions(make, input_ids, kind: str) -> None:
    model = make("Model", kind=kind)
    padded = nn.functional.pad(input_ids, (2, 0), value=1)
    with torch.no_grad():
        alone = model(input_ids).encoder_last_hidden_state
        found = model(padded, (padded != 1).long()).encoder_last_hidden_state[:, 2:]
    same = torch.allclose(found, alone, atol=1e-4)
    assert same == (kind == "padded")


def test_scores_get_a_bias_that_is_not_trained(make, input_ids) -> None:
    model = make("ForConditionalGeneration")
    scores = model(input_ids).logits
    close(scores - model.final_logits_bias, model.lm_head(model.model(input_ids)[0]))
    assert "final_logits_bias" not in dict(model.named_parameters())


@pytest.mark.parametrize("size", [20, 40])
@pytest.mark.parametrize("tied", [True, False])
def test_a_vocabulary_is_resized_everywhere(make, input_ids, size: int, tied: bool) -> None:
    model = make("ForConditionalGeneration", tie_word_embeddings=tied)
    ids = input_ids.clamp(max=19)
    before, kept = model(ids).logits, min(size, 31)
    embeddings = model.resize_token_embeddings(size)
    assert embeddings is model.get_input_embeddings()
    stacks = (model.model.encoder, model.model.decoder)
    assert all(s.embeddings.embed_tokens.weight is embeddings.weight for s in stacks)
    assert model.model.embed_tokens.weight is embeddings.weight
    assert (model.lm_head.weight is embeddings.weight) == tied
    assert model.final_logits_bias.shape == (1, size)
    assert model.config.vocab_size == size
    close(model(ids).logits[..., :kept], before[..., :kept])


def test_new_embeddings_are_used_everywhere(make, input_ids) -> None:
    model = make("ForConditionalGeneration")
    fresh = nn.Embedding(31, 12)
    model.set_input_embeddings(fresh)
    for holder in (model.model.encoder, model.model.decoder):
        assert holder.embeddings.embed_tokens is fresh
    assert model.model.embed_tokens is fresh


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["Model", "ForConditionalGeneration", "ForCausalLM"])
def test_files(make, kind: str, name: str, tmp_path: Path) -> None:
    model = make(name, kind=kind)
    model.save_pretrained(tmp_path)
    again, info = type(model).from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values()), info
    state = again.hub_state_dict()
    for key, tensor in model.hub_state_dict().items():
        assert torch.equal(state[key], tensor), key
    model.weight_names(model.config).check(dict(model.named_parameters()))


def test_one_table_in_the_file_is_enough(make, load) -> None:
    state = make("ForConditionalGeneration").hub_state_dict()
    names = [TOKENS.format(side) for side in ("encoder", "decoder")]
    for kept in ("model.shared.weight", *names, "lm_head.weight"):
        others = {"model.shared.weight", "lm_head.weight", *names} - {kept}
        model = load(
            "ForConditionalGeneration", {k: v for k, v in state.items() if k not in others}
        )
        assert not model.load_report.missing
        assert torch.equal(model.lm_head.weight, state[kept])
        assert model.lm_head.weight is model.model.encoder.embeddings.embed_tokens.weight


@pytest.mark.parametrize("tied", [True, False])
def test_what_a_file_holds_apart_stays_apart(make, load, tied: bool, tmp_path: Path) -> None:
    state = make("ForConditionalGeneration").hub_state_dict()
    for name in (TOKENS.format("encoder"), TOKENS.format("decoder"), "lm_head.weight"):
        state[name] = torch.randn_like(state[name])
    model = load("ForConditionalGeneration", state, tie_word_embeddings=tied)
    model.save_pretrained(tmp_path)
    for each in (model, type(model).from_pretrained(tmp_path)):
        found = each.hub_state_dict()
        assert all(torch.equal(found[name], tensor) for name, tensor in state.items())


def test_the_bias_may_be_absent(make, load) -> None:
    state = make("ForConditionalGeneration").hub_state_dict()
    del state["final_logits_bias"]
    model = load("ForConditionalGeneration", state)
    assert not model.load_report.missing
    assert not model.final_logits_bias.any()


@pytest.mark.parametrize("name", ["Model", "ForConditionalGeneration"])
@pytest.mark.parametrize("shared", [True, False])
def test_the_decoder_alone_is_found_in_the_whole(make, load, name: str, shared: bool) -> None:
    settings = {} if shared else {"decoder_vocab_size": 23}
    whole = make(name, **settings)
    state = whole.hub_state_dict()
    if shared:
        state = {key: tensor for key, tensor in state.items() if "embed_tokens" not in key}
    alone = load("ForCausalLM", state, **settings)
    body = whole if name == "Model" else whole.model
    ids = torch.tensor([[4, 5, 6]])
    expected = body.decoder(ids).last_hidden_state
    close(alone(ids, output_hidden_states=True).hidden_states[-1], expected)
    assert {"lm_head.weight"} >= set(alone.load_report.missing)
    assert not [key for key in alone.load_report.unexpected if "encoder" in key]


def test_vocabularies_may_be_separate(make, input_ids, tmp_path: Path) -> None:
    model = make("ForConditionalGeneration", decoder_vocab_size=23, kind="sinusoidal")
    assert "model.shared.weight" not in model.hub_state_dict()
    assert model.lm_head.weight is model.model.decoder.embeddings.embed_tokens.weight
    assert model(input_ids, decoder_input_ids=input_ids.clamp(max=22)).logits.shape == (2, 7, 23)
    assert model.resize_token_embeddings(40).weight.shape == (40, 12)
    assert model.lm_head.weight.shape == (23, 12)
    model.save_pretrained(tmp_path)
    again, info = type(model).from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values()), info
    assert again.lm_head.weight is again.model.decoder.embeddings.embed_tokens.weight


def test_a_decoder_without_input_reads_the_encoders(make, input_ids) -> None:
    model = make("ForConditionalGeneration")
    shifted = torch.cat([torch.full((2, 1), 2), input_ids[:, :-1]], dim=1)
    close(model(input_ids).logits, model(input_ids, decoder_input_ids=shifted).logits)
    with pytest.raises(InputError, match="input_ids are needed"):
        model(inputs_embeds=torch.zeros(1, 3, 12))
    model.model.decodes_its_input = False
    with pytest.raises(InputError, match="decoder_input_ids"):
        model(input_ids)


def test_the_decoder_alone_leaves_the_callers_configuration(make) -> None:
    whole = make("Model")
    alone = type(make("ForCausalLM"))(whole.config)
    assert (alone.config.is_decoder, alone.config.is_encoder_decoder) == (True, False)
    assert (whole.config.is_decoder, whole.config.is_encoder_decoder) == (False, True)


def test_labels_of_the_decoder_alone_are_not_shifted(make, input_ids) -> None:
    model = make("ForCausalLM")
    output = model(input_ids, labels=input_ids, logits_to_keep=0)
    expected = nn.functional.cross_entropy(output.logits.flatten(0, 1), input_ids.flatten())
    torch.testing.assert_close(output.loss, expected)
    assert model(input_ids, logits_to_keep=1).logits.shape == (2, 1, 31)


def test_layers_are_left_out_in_training_alone(make, input_ids) -> None:
    model = make("Model", encoder_layerdrop=1.0, decoder_layerdrop=0.5)
    assert model.encoder.stack.layerdrop == 1.0
    first = model(input_ids, output_hidden_states=True)
    assert torch.equal(first[0], model(input_ids)[0])
    model.train()
    states = model(input_ids, output_hidden_states=True).encoder_hidden_states
    assert len(states) == 3
    assert torch.equal(states[0], states[-1])


@pytest.mark.parametrize("kind", KINDS)
def test_half_precision_in_every_part(make, load, input_ids, kind: str) -> None:
    state = make("ForConditionalGeneration", kind=kind).hub_state_dict()
    model = load("ForConditionalGeneration", state, kind=kind, dtype="bfloat16")
    assert {t.dtype for t in model.hub_state_dict().values()} == {torch.bfloat16}
    assert model(input_ids).logits.dtype == torch.bfloat16


def test_generation(make, input_ids) -> None:
    settings: dict[str, Any] = {"max_new_tokens": 6, "do_sample": False}
    model = make("ForConditionalGeneration")
    greedy = model.generate(input_ids, **settings)
    ids = greedy[:, :1]
    with torch.no_grad():
        for _ in range(greedy.shape[1] - 1):
            chosen = model(input_ids, decoder_input_ids=ids).logits[:, -1:].argmax(dim=-1)
            ended = (ids[:, 1:] == 2).any(dim=1, keepdim=True)
            ids = torch.cat([ids, chosen.masked_fill(ended, 1)], dim=1)
    assert torch.equal(ids, greedy)
