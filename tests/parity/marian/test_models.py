"""Marian against the reference."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from automodel_core import AutoModelForSeq2SeqLM
from automodel_core.layers.caches.base import Cache
from automodel_marian import MarianMTModel
from parity.marian.cases import MARIAN
from support.family import Case, settled
from support.parity import IS_5, ArchitectureParity, assert_same_generation, generated
from support.reference import assert_close, assert_same_gradients, assert_same_outputs

SEPARATE = {"share_encoder_decoder_embeddings": False}


class TestMarian(ArchitectureParity):
    family = MARIAN


@pytest.mark.skipif(not IS_5, reason="4.57 gives the decoder as many embeddings as the encoder")
@pytest.mark.parametrize("untied", [False, True])
def test_vocabularies_of_different_size(untied: bool) -> None:
    settings = {**SEPARATE, "vocab_size": 55, "decoder_vocab_size": 40}
    case = Case({**settings, "tie_word_embeddings": not untied}, untied=untied)
    reference, model = MARIAN.pair(case, "MarianMTModel")
    given = MARIAN.batch(case, "MarianMTModel")
    with torch.no_grad():
        assert_same_outputs(model(**given), reference(**given))
    labelled = {
        "input_ids": given["input_ids"],
        "attention_mask": given["attention_mask"],
        "labels": given["decoder_input_ids"],
    }
    theirs, ours = reference(**labelled), model(**labelled)
    assert ours.logits.shape == (3, 6, 40)
    assert_same_outputs(ours, theirs)
    theirs.loss.backward()
    ours.loss.backward()
    assert_same_gradients(model, reference)
    source = {key: given[key] for key in ("input_ids", "attention_mask")}
    for beams in (1, 3):
        options = {"max_new_tokens": 8, "num_beams": beams}
        expected = generated(reference, source, options)
        assert_same_generation(generated(model, source, options), expected)


@pytest.mark.skipif(not IS_5, reason="4.57 gives the decoder as many embeddings as the encoder")
def test_a_decoder_alone_has_the_decoders_vocabulary_though_files_say_shared() -> None:
    case = Case({"vocab_size": 55, "decoder_vocab_size": 40})
    reference, model = MARIAN.pair(case, "MarianForCausalLM")
    tokens = torch.tensor([[2, 3, 39]])
    with torch.no_grad():
        found = model(input_ids=tokens).logits
        assert_close(found, reference(input_ids=tokens).logits)
    assert found.shape == (1, 3, 40)
    model.resize_token_embeddings(44)
    assert model(input_ids=tokens).logits.shape == (1, 3, 44)


def test_a_decoder_alone_scales_what_it_is_given() -> None:
    """The reference's decoder multiplies given embeddings too, its encoder only its own."""
    case = MARIAN.cases["plain"]
    reference, model = MARIAN.pair(case, "MarianForCausalLM")
    embeds = torch.randn(2, 5, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = reference(inputs_embeds=embeds).logits
        assert_close(model(inputs_embeds=embeds).logits, expected)
        cache = Cache(decoding=True)
        parts = [
            model(inputs_embeds=part, past_key_values=cache).logits for part in embeds.split(1, 1)
        ]
        assert_close(torch.cat(parts, dim=1), expected)


@pytest.fixture
def published(tmp_path: Path) -> tuple[Any, Path]:
    """Return a model of the reference and a folder with the keys that old conversions wrote."""
    kind = transformers.MarianMTModel
    reference = settled(kind(kind.config_class(**MARIAN.small)))
    state = reference.state_dict()
    torch.save(state, tmp_path / "pytorch_model.bin")
    values = reference.config.to_dict()
    for key in ("dtype", "torch_dtype", "share_encoder_decoder_embeddings", "decoder_vocab_size"):
        values.pop(key, None)
    values |= {
        "_num_labels": 3, "add_bias_logits": False, "add_final_layer_norm": False,
        "bad_words_ids": [[39]], "bos_token_id": 0, "classif_dropout": 0.0, "max_length": 12,
        "model_type": "marian", "normalize_before": False, "normalize_embedding": False,
        "num_beams": 4, "num_hidden_layers": 2, "static_position_embeddings": True,
        "architectures": ["MarianMTModel"],
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(values), encoding="utf-8")
    return reference, tmp_path


def test_an_old_conversion_translates_the_same(published: tuple[Any, Path]) -> None:
    """Positions, bias and every tied copy are in the file, generation settings in the config."""
    reference, folder = published
    model, info = AutoModelForSeq2SeqLM.from_pretrained(folder, output_loading_info=True)
    assert type(model) is MarianMTModel
    assert not any(info.values())
    given = MARIAN.batch(MARIAN.cases["plain"], "MarianMTModel")
    source = {key: given[key] for key in ("input_ids", "attention_mask")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = transformers.MarianMTModel.from_pretrained(folder)
        expected = theirs.generate(**source)
    assert model.generate(**source).tolist() == expected.tolist()
    with torch.no_grad():
        assert_same_outputs(model(**given), reference(**given))


@pytest.mark.parametrize("separate", [False, True])
def test_vocabularies_are_resized_alike(separate: bool) -> None:
    case = Case(SEPARATE if separate else {})
    reference, model = MARIAN.pair(case, "MarianMTModel")
    with torch.no_grad():
        reference.final_logits_bias.fill_(0.5)
        model.final_logits_bias.fill_(0.5)
    for size in (44, 40):
        for side in (reference, model):
            if separate:
                side.resize_decoder_token_embeddings(size)
            else:
                side.resize_token_embeddings(size)
        keys = ("vocab_size", "decoder_vocab_size")
        assert [getattr(model.config, k) for k in keys] == [
            getattr(reference.config, k) for k in keys
        ]
        given = MARIAN.batch(case, "MarianMTModel")
        theirs, ours = reference(**given), model(**given)
        assert ours.logits.shape == theirs.logits.shape
        assert_close(ours.logits[..., :40], theirs.logits[..., :40])
