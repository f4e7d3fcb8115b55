"""Marian's models alone: positions, vocabularies, files of every age, cached decoding."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

import automodel_marian
from automodel_core.errors import InputError
from automodel_core.layers import Cache
from automodel_core.testing import model_names
from automodel_marian import MarianMTModel

KINDS: dict[str, dict[str, Any]] = {
    "shared": {},
    "scaled": {"scale_embedding": True, "decoder_layers": 1},
    "untied": {"tie_word_embeddings": False},
    "separate": {"share_encoder_decoder_embeddings": False, "tie_word_embeddings": False},
    "two vocabularies": {
        "share_encoder_decoder_embeddings": False, "vocab_size": 60, "decoder_vocab_size": 47,
    },
}  # fmt: skip
HEADS = model_names("marian")


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> dict[str, Any]:
    return KINDS[request.param]


def test_positions_are_sines_and_cosines(make) -> None:
    weight = make("MarianModel").encoder.embeddings.embed_positions.weight
    assert weight.shape == (24, 16)
    for position in (0, 1, 23):
        for feature in range(8):
            angle = position / 10_000 ** (2 * feature / 16)
            assert weight[position, feature].item() == pytest.approx(math.sin(angle), abs=1e-6)
            assert weight[position, 8 + feature].item() == pytest.approx(math.cos(angle), abs=1e-6)


def test_computed_positions_are_not_saved(make, tmp_path: Path) -> None:
    model = make("MarianMTModel")
    table = model.model.encoder.embeddings.embed_positions
    table.weight += 1
    model.save_pretrained(tmp_path)
    names = load_file(tmp_path / "model.safetensors").keys()
    assert [name for name in names if "positions" in name] == [
        "model.encoder.embed_positions.weight"
    ]
    again = MarianMTModel.from_pretrained(tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(again.buffers(), model.buffers(), strict=True))


def test_a_prompt_is_of_the_decoders_vocabulary(make, input_ids) -> None:
    own = {"share_encoder_decoder_embeddings": False, "tie_word_embeddings": False}
    for source, target in ((47, 90), (90, 47)):
        model = make("MarianMTModel", vocab_size=source, decoder_vocab_size=target, **own)
        start, last = model.config.decoder_start_token_id, target - 1
        prompt = torch.tensor([[start, last], [start, 3]])
        written = model.generate(input_ids, decoder_input_ids=prompt, max_new_tokens=2)
        assert written[:, :2].tolist() == prompt.tolist()
        with pytest.raises(InputError, match=f"the model's are 0 to {last}"):
            model.generate(input_ids, decoder_input_ids=prompt + 1, max_new_tokens=2)


def test_too_long_a_text_is_refused(make) -> None:
    with pytest.raises(ValueError, match=r"25 positions are more than the 24"):
        make("MarianModel").encoder(torch.ones(1, 25, dtype=torch.long))


def test_a_loss_and_its_gradients(make, input_ids, kind) -> None:
    model = make("MarianMTModel", **kind)
    labels = input_ids[:, :5].clone()
    labels[0, -2:] = -100
    output = model(input_ids=input_ids, labels=labels)
    assert output.logits.shape == (2, 5, 47)
    expected = F.cross_entropy(output.logits.flatten(0, 1), labels.flatten())
    torch.testing.assert_close(output.loss, expected)
    start = torch.full((2, 1), 46)
    shifted = torch.cat([start, labels[:, :-1]], dim=1).masked_fill(labels.roll(1) == -100, 46)
    again = model(input_ids=input_ids, decoder_input_ids=shifted).logits
    torch.testing.assert_close(again, output.logits)
    output.loss.backward()
    assert not [name for name, p in model.named_parameters() if p.grad is None]


def test_the_bias_of_the_scores_counts(make, input_ids) -> None:
    model = make("MarianMTModel")
    given = {"input_ids": input_ids, "decoder_input_ids": input_ids[:, :3]}
    before = model(**given).logits
    model.final_logits_bias[0, 5] = 3.0
    torch.testing.assert_close((model(**given).logits - before)[..., 5], torch.full((2, 3), 3.0))
    model.final_logits_bias[0, 5] = 1e6
    assert model.generate(input_ids, max_new_tokens=3)[:, 1:3].eq(5).all()


@pytest.mark.parametrize("head", HEADS)
def test_saved_and_loaded_again(make, tmp_path: Path, head: str, kind) -> None:
    model = make(head, **kind)
    model.save_pretrained(tmp_path)
    again, info = type(model).from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values())
    expected = model.state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in again.state_dict().items())
    model.weight_names(model.config).check(dict(model.named_parameters()))
    assert not any("stack" in hub for hub in model.hub_state_dict())


def test_files_without_positions_or_bias(make, input_ids) -> None:
    """As the reference writes them today, and as it once did."""
    model = make("MarianMTModel")
    given = {"input_ids": input_ids, "decoder_input_ids": input_ids}
    for left_out in ("embed_positions", "final_logits_bias", "lm_head"):
        state = {k: v for k, v in model.hub_state_dict().items() if left_out not in k}
        for dtype in (torch.float32, torch.bfloat16):
            again, info = MarianMTModel.from_pretrained(
                None, config=model.config, state_dict=state, dtype=dtype, output_loading_info=True
            )
            assert not any(info.values())
            assert again(**given).logits.dtype == dtype
        again = MarianMTModel.from_pretrained(None, config=model.config, state_dict=state)
        assert torch.equal(again(**given).logits, model(**given).logits)


def test_what_a_checkpoint_holds_decides_what_is_tied(make, input_ids) -> None:
    model = make("MarianMTModel", tie_word_embeddings=False)
    assert model.lm_head.weight is not model.model.embed_tokens.weight
    state, config = model.hub_state_dict(), model.config
    config.tie_word_embeddings = True
    again = MarianMTModel.from_pretrained(None, config=config, state_dict=state)
    assert not again.config.tie_word_embeddings
    assert torch.equal(again.lm_head.weight, model.lm_head.weight)
    embeddings = (again.model.encoder, again.model.decoder)
    weights = {id(stack.embeddings.embed_tokens.weight) for stack in embeddings}
    assert weights == {id(again.model.embed_tokens.weight)}


@pytest.mark.parametrize("head", ["MarianMTModel", "MarianForCausalLM"])
@torch.no_grad()
def test_cached_steps_equal_one_pass(make, input_ids, head: str, kind) -> None:
    model = make(head, **kind)
    if head == "MarianMTModel":
        side, given = "decoder_", {"encoder_outputs": model.get_encoder()(input_ids)}
    else:
        side, given = "", {"encoder_hidden_states": torch.randn(2, 3, 16)}
    expected = model(**{f"{side}input_ids": input_ids}, **given).logits
    for decoding in (False, True):
        cache = Cache(decoding=decoding)
        found = [
            model(**{f"{side}input_ids": part}, past_key_values=cache, **given).logits
            for part in input_ids.split(1, dim=1)
        ]
        torch.testing.assert_close(torch.cat(found, dim=1), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("beams", [1, 3])
def test_generation(make, input_ids, beams: int, kind) -> None:
    model = make("MarianMTModel", bad_words_ids=[[46]], **kind)
    given = {"input_ids": input_ids, "num_beams": beams, "max_new_tokens": 6}
    found = model.generate(**given)
    assert found[:, 0].tolist() == [46, 46]
    assert found.tolist() == model.generate(**given, use_cache=False).tolist()
    texts = found[:, 1:].tolist()
    assert all(46 not in text[: text.index(0) if 0 in text else None] for text in texts)


def test_vocabularies_are_resized(make, input_ids) -> None:
    model = make("MarianMTModel")
    model.resize_token_embeddings(50)
    assert (model.config.vocab_size, model.config.decoder_vocab_size) == (50, 50)
    assert model(input_ids=input_ids, labels=input_ids).logits.shape == (2, 7, 50)
    with pytest.raises(InputError, match="resize_token_embeddings"):
        model.resize_decoder_token_embeddings(60)

    model = make("MarianMTModel", share_encoder_decoder_embeddings=False)
    model.resize_token_embeddings(50)
    assert (model.config.vocab_size, model.config.decoder_vocab_size) == (50, 47)
    assert model(input_ids=input_ids, labels=input_ids).logits.shape == (2, 7, 47)
    tied = model.lm_head.weight is model.model.decoder.embeddings.embed_tokens.weight
    assert tied
    model.resize_decoder_token_embeddings(60)
    assert (model.config.vocab_size, model.config.decoder_vocab_size) == (50, 60)
    assert model(input_ids=input_ids, labels=input_ids).logits.shape == (2, 7, 60)
    assert model.lm_head.weight is model.model.decoder.embeddings.embed_tokens.weight


def test_every_public_model_is_exported() -> None:
    assert {*HEADS, "MarianPreTrainedModel"} <= set(automodel_marian.__all__)
