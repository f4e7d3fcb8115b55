"""Every head of ProphetNet against the reference.

Where both of its versions have the same flaw (the paper's own code gives each position its own
scores of distances, a whole pass here does not), the numbers are theirs, unless a promise of all
architectures forbids: attention weights sum to one, and padding stays hidden behind a cache.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import pytest

transformers = pytest.importorskip("transformers")

import torch  # noqa: E402
from transformers.cache_utils import DynamicCache, EncoderDecoderCache  # noqa: E402

from automodel_core.layers.caches.base import Cache  # noqa: E402
from parity.prophetnet.cases import CASES, PROPHETNET  # noqa: E402
from support.parity import ArchitectureParity, assert_same_generation, generated  # noqa: E402
from support.reference import assert_close, assert_same_gradients, assert_same_outputs  # noqa: E402

SEEN = {"output_attentions": True, "output_hidden_states": True}
TWO, THREE = CASES["usual, 2 streams"], CASES["usual, 3 streams"]
CONTINUING, ANSWERING = "ProphetNetForCausalLM", "ProphetNetForConditionalGeneration"


def encoder_states(rows: int, size: int = 16) -> dict[str, torch.Tensor]:
    """Return what an encoder of somebody else's gives a decoder."""
    states = torch.randn(rows, 7, size, generator=torch.Generator().manual_seed(2))
    mask = torch.ones(rows, 7, dtype=torch.long)
    mask[1:, 5:] = 0
    return {"encoder_hidden_states": states, "encoder_attention_mask": mask}


class TestProphetNet(ArchitectureParity):
    family = PROPHETNET

    def prompt(self, case: Any, writer: str, rows: int) -> dict[str, Any]:
        """Return what ``generate`` reads; a decoder's is unpadded.

        With a cache the reference forgets what is padding.
        """
        if writer == ANSWERING:
            return super().prompt(case, writer, rows)
        return self.family.batch(replace(case, padding="none"), writer, rows)

    def test_cached_steps_equal_one_pass(self, name: str, writer: str) -> None:
        """Each step equals the reference's: with its order of positions a whole pass is another."""
        case = CASES[name]
        reference, model = self.family.pair(case, writer)
        given = {k: v for k, v in self.arguments(case, writer).items() if "decoder_att" not in k}
        key = "input_ids" if writer == CONTINUING else "decoder_input_ids"
        if writer == CONTINUING:
            given.pop("attention_mask", None)
        ids = given.pop(key)
        for first in (1, 3):
            theirs: Any = EncoderDecoderCache(DynamicCache(), DynamicCache())
            shown, plain, decoding = Cache(), Cache(), Cache(decoding=True)
            start = 0
            for end in range(first, min(ids.shape[1], first + 5)):
                step = {key: ids[:, start:end], "use_cache": True, **given}
                with torch.no_grad():
                    expected = reference(past_key_values=theirs, **step, **SEEN)
                    assert_same_outputs(model(past_key_values=shown, **step, **SEEN), expected)
                    for cache in (plain, decoding):
                        found = model(past_key_values=cache, **step).logits
                        assert_close(found, expected.logits, f"{start}:{end}")
                theirs, start = expected.past_key_values, end


@pytest.mark.parametrize("padding", ["left", "right"])
@pytest.mark.parametrize("streams", [2, 3])
def test_padding_stays_hidden_behind_a_cache(streams: int, padding: str) -> None:
    """The main stream's states are those of one pass; several steps at once are those in turn."""
    case = replace(CASES[f"usual, {streams} streams"], padding=padding)
    reference, model = PROPHETNET.pair(case, "ProphetNetDecoder")
    given = PROPHETNET.batch(case, "ProphetNetDecoder")
    ids, mask = given["input_ids"], given["attention_mask"]
    found: dict[str, list[Any]] = {"steps": [], "chunks": []}
    with torch.no_grad():
        expected = reference(**given).last_hidden_state
        for plan, ends in (("steps", range(1, 10)), ("chunks", (1, 4, 9))):
            for decoding in (False, True):
                cache, start, parts = Cache(decoding=decoding), 0, []
                for end in ends:
                    output = model(
                        ids[:, start:end], mask[:, :end], past_key_values=cache, use_cache=True
                    )
                    streams_of = output.last_hidden_state_ngram[:, : end - start]
                    parts.append((output.last_hidden_state, streams_of))
                    start = end
                found[plan].append([torch.cat(part, dim=1) for part in zip(*parts, strict=True)])
    for main, first in found["steps"] + found["chunks"]:
        assert_close(main[mask.bool()], expected[mask.bool()])
        assert_close(first[mask.bool()], found["steps"][0][1][mask.bool()])


@pytest.mark.parametrize("streams", [2, 3])
@pytest.mark.parametrize("beams", [1, 3])
def test_a_decoder_that_attends_to_another_encoder(streams: int, beams: int) -> None:
    case = CASES[f"usual, {streams} streams"]
    reference, model = PROPHETNET.pair(case, CONTINUING, add_cross_attention=True)
    given = {**PROPHETNET.batch(case, CONTINUING), **encoder_states(3)}
    with torch.no_grad():
        assert_same_outputs(model(**given, **SEEN), reference(**given, **SEEN))
    labels = given["input_ids"].clone()
    labels[0, :2] = -100
    theirs, ours = reference(**given, labels=labels), model(**given, labels=labels)
    assert_close(ours.loss, theirs.loss)
    theirs.loss.backward()
    ours.loss.backward()
    assert_same_gradients(model, reference)
    settings = {"max_new_tokens": 6, "num_beams": beams}
    given = {"input_ids": given["input_ids"][:2, :4], **encoder_states(2)}
    # By itself the reference would mix the encoder's keys with the decoder's.
    theirs = {**given, "past_key_values": EncoderDecoderCache(DynamicCache(), DynamicCache())}
    expected = generated(reference, theirs, settings)
    assert_same_generation(generated(model, given, settings), expected)


def test_a_decoder_with_cross_attention_and_nothing_to_attend_to() -> None:
    reference, model = PROPHETNET.pair(TWO, "ProphetNetDecoder", add_cross_attention=True)
    given = PROPHETNET.batch(TWO, "ProphetNetDecoder")
    with torch.no_grad():
        assert_same_outputs(model(**given), reference(**given))


@pytest.mark.parametrize("head", ["ProphetNetModel", "ProphetNetEncoder", "ProphetNetDecoder"])
def test_positions_begin_behind_the_padding_token(head: str) -> None:
    settings = {"pad_token_id": 5, "max_position_embeddings": 20}
    reference, model = PROPHETNET.pair(THREE, head, **settings)
    given = PROPHETNET.batch(THREE, head)
    with torch.no_grad():
        assert_same_outputs(model(**given, **SEEN), reference(**given, **SEEN))


def test_steps_work_with_any_padding_token() -> None:
    """The reference's steps stop at an assertion unless the padding token is 0."""
    reference, model = PROPHETNET.pair(TWO, ANSWERING, pad_token_id=3, decoder_start_token_id=3)
    given = PROPHETNET.batch(TWO, ANSWERING)
    given = {"input_ids": given["input_ids"], "decoder_input_ids": given["decoder_input_ids"]}
    with torch.no_grad():
        expected = reference(**given, **SEEN).decoder_hidden_states[-1]
        cache, parts = Cache(), []
        for position in range(6):
            token = given["decoder_input_ids"][:, position : position + 1]
            step = {**given, "decoder_input_ids": token}
            output = model(**step, past_key_values=cache, output_hidden_states=True)
            parts.append(output.decoder_hidden_states[-1])
    assert_close(torch.cat(parts, dim=1), expected)


def test_texts_longer_than_the_encoder_has_positions() -> None:
    settings = {"max_position_embeddings": 12}
    ids = torch.randint(3, 40, (2, 19), generator=torch.Generator().manual_seed(0))
    reference, model = PROPHETNET.pair(TWO, "ProphetNetEncoder", **settings)
    with torch.no_grad():
        assert_same_outputs(model(ids), reference(ids))
    reference, model = PROPHETNET.pair(TWO, ANSWERING, **settings)
    expected = generated(reference, {"input_ids": ids}, {"max_new_tokens": 6})
    found = generated(model, {"input_ids": ids}, {"max_new_tokens": 6})
    assert_same_generation(found, expected)


@pytest.mark.parametrize("streams", [2, 3])
def test_prompts_of_the_decoder(streams: int) -> None:
    case = CASES[f"usual, {streams} streams"]
    reference, model = PROPHETNET.pair(case, ANSWERING, seed=3)
    given = PROPHETNET.batch(case, ANSWERING)
    del given["decoder_attention_mask"]
    for settings in (
        {"num_beams": 2},
        {"num_beams": 4, "length_penalty": 2.0, "no_repeat_ngram_size": 3, "early_stopping": True},
        {"min_length": 9, "repetition_penalty": 1.3},
        {"use_cache": False},
    ):
        settings = {"max_new_tokens": 7, **settings}
        expected = generated(reference, given, settings)
        assert_same_generation(generated(model, given, settings), expected, settings)


@pytest.mark.parametrize("kept", [1, 3])
def test_the_scores_of_the_last_positions(kept: int) -> None:
    reference, model = PROPHETNET.pair(THREE, CONTINUING)
    given = PROPHETNET.batch(THREE, CONTINUING)
    with torch.no_grad():
        expected, found = reference(**given), model(**given, logits_to_keep=kept)
    assert_close(found.logits, expected.logits[:, -kept:])
    assert_close(found.logits_ngram, expected.logits_ngram[:, :, -kept:])


@pytest.mark.parametrize("size", [33, 50])
def test_resized_vocabulary(size: int) -> None:
    for case in (TWO, CASES["untied, 2 streams"]):
        reference, model = PROPHETNET.pair(case, ANSWERING)
        given = {
            k: v.clamp(max=32) if "ids" in k else v
            for k, v in PROPHETNET.batch(case, ANSWERING).items()
        }
        with torch.no_grad():
            expected = reference(**given).logits
            returned = model.resize_token_embeddings(size)
            assert returned is model.get_input_embeddings()
            found = model(**given).logits
        kept = min(size, 40)
        assert found.shape[-1] == model.config.vocab_size == size
        assert_close(found[..., :kept], expected[..., :kept])


def test_training_continues_as_it_does_there() -> None:
    """Some steps of an optimiser lead to the same losses."""
    reference, model = PROPHETNET.pair(THREE, ANSWERING, seed=5)
    given = PROPHETNET.batch(THREE, ANSWERING)
    labels = given.pop("decoder_input_ids")
    del given["decoder_attention_mask"]
    losses: list[list[float]] = []
    for each in (reference, model):
        optimizer = torch.optim.SGD(each.parameters(), lr=0.05)
        losses.append([])
        for _ in range(4):
            loss = each(**given, labels=labels).loss
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses[-1].append(loss.item())
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    assert losses[1][-1] < losses[1][0]


@pytest.mark.parametrize("suffix", ["safetensors", "bin"])
def test_files_with_every_name_of_the_shared_embeddings(tmp_path, suffix: str) -> None:
    """As the hub's older files have them: whole state dicts."""
    reference = PROPHETNET.reference(TWO, ANSWERING)
    reference.config.save_pretrained(tmp_path)
    state = {name: tensor.clone() for name, tensor in reference.state_dict().items()}
    if suffix == "bin":
        torch.save(state, tmp_path / "pytorch_model.bin")
    else:
        from safetensors.torch import save_file

        save_file(state, tmp_path / "model.safetensors", {"format": "pt"})
    given = PROPHETNET.batch(TWO, ANSWERING)
    kind = type(PROPHETNET.ours_from(reference))
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        model, info = kind.from_pretrained(tmp_path, output_loading_info=True)
        assert not any(info.values())
        assert_same_outputs(model(**given), reference(**given))
    shared = model.get_input_embeddings().weight
    assert all(layer.weight is shared for layer in model.token_layers())
