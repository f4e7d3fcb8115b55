"""Image encoders and text decoders of several architectures, joined, against the reference."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor

import automodel_core.auto.models
import automodel_vision_encoder_decoder
from automodel_core import AutoModelForImageTextToText, AutoModelForVision2Seq
from automodel_vision_encoder_decoder import VisionEncoderDecoderModel
from support.composites import CompositeFamily, CompositeParity, part
from support.family import Case, settled
from support.images import ImageCase
from support.parity import IS_5
from support.reference import assert_same_outputs, usual_name

WIDE = {"hidden_size": 24, "num_attention_heads": 3}

CASES = {
    "vit to gpt2": Case({"encoder": part("vit"), "decoder": part("gpt2")}),
    "vit to gpt2, two sizes": Case(
        {"encoder": part("vit", **WIDE), "decoder": part("gpt2", reorder_and_upcast_attn=True)},
        generation={"no_repeat_ngram_size": 2, "length_penalty": 0.5, "early_stopping": True},
    ),
    "vit to bert": Case(
        {"encoder": part("vit", qkv_bias=False), "decoder": part("bert")}, padding="left"
    ),
    "vit to bert, two sizes, output layer of its own": Case(
        {"encoder": part("vit", **WIDE), "decoder": part("bert", tie_word_embeddings=False)},
        untied=True,
    ),
    "vit to bert, high images": ImageCase(
        {
            "encoder": part("vit", image_size=[12, 8], num_channels=1),
            "decoder": part("bert", num_hidden_layers=1),
        }
    ),
    "vit to gpt2, larger images": ImageCase(
        {"encoder": part("vit", num_hidden_layers=1), "decoder": part("gpt2")},
        pixels=(12, 16),
    ),
    "vit to bart": Case({"encoder": part("vit"), "decoder": part("bart")}, padding="none"),
    "vit to trocr": Case({"encoder": part("vit"), "decoder": part("trocr")}),
    "deit to trocr, its attention as wide as images": Case(
        {
            "encoder": part("deit", **WIDE),
            "decoder": part(
                "trocr",
                cross_attention_hidden_size=24,
                layernorm_embedding=False,
                scale_embedding=True,
            ),
        }
    ),
    "deit to bert": Case({"encoder": part("deit", **WIDE), "decoder": part("bert")}),
}


class TestVisionEncoderDecoder(CompositeParity):
    family = CompositeFamily(
        package=automodel_vision_encoder_decoder,
        heads=("VisionEncoderDecoderModel",),
        small={"decoder_start_token_id": 1, "pad_token_id": 0, "eos_token_id": 2},
        cases=CASES,
        pad=0,
        encoder_decoder=True,
    )


FAMILY = TestVisionEncoderDecoder.family
HEAD = FAMILY.heads[0]


def pixels(rows: int = 2, size: int = 8) -> Tensor:
    return torch.randn(rows, 3, size, size, generator=torch.Generator().manual_seed(4))


# Of what a decoder can be turned into, 5.x finds BERT alone to have the keys that it asks for.
@pytest.mark.parametrize("decoder", ["bert"] if IS_5 else ["bert", "gpt2"])
def test_two_checkpoints_join_as_in_the_reference(decoder: str, tmp_path: Path) -> None:
    head = {"bert": "BertForMaskedLM", "gpt2": "GPT2LMHeadModel"}[decoder]
    for side, name, kind in (
        ("encoder", "ViTForImageClassification", "vit"),
        ("decoder", head, decoder),
    ):
        values = {key: value for key, value in part(kind).items() if key != "model_type"}
        values |= WIDE if kind == "vit" else {}
        model_class = getattr(transformers, name)
        settled(model_class(model_class.config_class(**values))).save_pretrained(tmp_path / side)
    names = str(tmp_path / "encoder"), str(tmp_path / "decoder")
    given = {"encoder_layer_norm_eps": 1e-3, "decoder_num_labels": 4}
    theirs, ours = (
        kind.from_encoder_decoder_pretrained(*names, **given)
        for kind in (transformers.VisionEncoderDecoderModel, VisionEncoderDecoderModel)
    )
    assert ours.config.tie_word_embeddings is theirs.config.tie_word_embeddings is False
    assert ours.config.encoder.layer_norm_eps == theirs.config.encoder.layer_norm_eps == 1e-3
    weights, found = ours.weight_names(ours.config), ours.hub_state_dict()
    new = set(ours.load_report.initialised)
    assert {name.partition(".")[0] for name in new} == {"encoder", "decoder", "enc_to_dec_proj"}
    assert {n for n in new if n.startswith("encoder")} == {
        "encoder.pooler.dense.weight",
        "encoder.pooler.dense.bias",
    }
    state = theirs.state_dict()
    for name, tensor in state.items():
        usual = usual_name(weights, name, found)
        assert usual in new or torch.equal(found[usual], tensor), name
    ours.load_hub_state_dict(state)
    batch = FAMILY.batch(CASES["vit to gpt2"], HEAD)
    with torch.no_grad():
        assert_same_outputs(ours(**batch), theirs.eval()(**batch))


def released(folder: Path, config: Mapping[str, Any], state: Mapping[str, Tensor]) -> None:
    """Write a checkpoint as they were in the days of pickles."""
    (folder / "config.json").write_text(json.dumps(config))
    torch.save(
        {name: tensor.clone() for name, tensor in state.items()}, folder / "pytorch_model.bin"
    )


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_released_captioner(tmp_path: Path) -> None:
    """The files of nlpconnect/vit-gpt2-image-captioning: masks stored, the pooler not."""
    case = CASES["vit to gpt2"]
    reference = FAMILY.reference(case, HEAD)
    weights = FAMILY.ours_from(reference)
    state = weights.hub_state_dict()
    state = {n: t for n, t in state.items() if not n.startswith("encoder.pooler")}
    for layer in range(2):
        prefix = f"decoder.transformer.h.{layer}"
        for attention in ("attn", "crossattention"):
            state[f"{prefix}.{attention}.bias"] = torch.ones(1, 1, 32, 32, dtype=torch.uint8)
            state[f"{prefix}.{attention}.masked_bias"] = torch.tensor(-1e4)
    legacy = {"do_sample": False, "max_length": 20, "num_beams": 1, "torchscript": False}
    decoder = {
        **part("gpt2"), **legacy, "is_decoder": True, "add_cross_attention": True,
        "task_specific_params": {"text-generation": {"do_sample": True, "max_length": 50}},
    }  # fmt: skip
    config = {
        "architectures": ["VisionEncoderDecoderModel"], "bos_token_id": 1, "pad_token_id": 0,
        "decoder": decoder, "decoder_start_token_id": 1, "eos_token_id": 2, "max_length": 12,
        "encoder": {**part("vit"), **legacy}, "is_encoder_decoder": True, "num_beams": 3,
        "model_type": "vision-encoder-decoder", "tie_word_embeddings": False,
    }  # fmt: skip
    released(tmp_path, config, state)
    for auto_class in (AutoModelForVision2Seq, AutoModelForImageTextToText):
        ours, info = auto_class.from_pretrained(tmp_path, output_loading_info=True)
        assert info["missing_keys"] == ["encoder.pooler.dense.weight", "encoder.pooler.dense.bias"]
        assert not info["unexpected_keys"]
    theirs = transformers.VisionEncoderDecoderModel.from_pretrained(tmp_path).eval()
    expected = theirs.generate(pixels()).tolist()
    assert ours.generate(pixels()).tolist() == expected
    ours.save_pretrained(tmp_path / "again")
    again = transformers.VisionEncoderDecoderModel.from_pretrained(tmp_path / "again").eval()
    assert again.generate(pixels()).tolist() == expected


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_released_reader_of_handwriting(tmp_path: Path) -> None:
    """The files of microsoft/trocr-base-handwritten: the decoder knows where texts begin."""
    case = CASES["deit to trocr, its attention as wide as images"]
    sides = {"encoder": part("vit", **WIDE, qkv_bias=False), "decoder": case.settings["decoder"]}
    reference = FAMILY.reference(Case(sides), HEAD)
    state = FAMILY.ours_from(reference).hub_state_dict()
    state = {n: t for n, t in state.items() if not n.startswith("encoder.pooler")}
    legacy = {
        "decoder_start_token_id": None, "max_length": 20, "num_beams": 1, "use_bfloat16": False,
        "pad_token_id": None, "eos_token_id": None, "bos_token_id": None, "top_k": 50,
    }  # fmt: skip
    ends = {"decoder_start_token_id": 2, "eos_token_id": 2, "pad_token_id": 1, "bos_token_id": 0}
    config = {
        "architectures": ["VisionEncoderDecoderModel"], "is_encoder_decoder": True,
        "decoder": {**sides["decoder"], **legacy, **ends, "is_decoder": True,
                    "add_cross_attention": True, "activation_function": "relu"},
        "encoder": {**sides["encoder"], **legacy, "is_decoder": False},
        "model_type": "vision-encoder-decoder", "processor_class": "TrOCRProcessor",
        "tie_word_embeddings": False,
    }  # fmt: skip
    released(tmp_path, config, state)
    ours, info = AutoModelForVision2Seq.from_pretrained(tmp_path, output_loading_info=True)
    assert all(name.startswith("encoder.pooler") for name in info["missing_keys"])
    assert not info["unexpected_keys"]
    assert ours.enc_to_dec_proj is None
    theirs = transformers.VisionEncoderDecoderModel.from_pretrained(tmp_path).eval()
    written = ours.generate(pixels(), max_new_tokens=9)
    assert written[0, 0] == 2
    assert written.tolist() == theirs.generate(pixels(), max_new_tokens=9).tolist()
    labels = torch.tensor([[5, 6, 2], [7, 2, 1]])
    assert ours.prepare_decoder_input_ids_from_labels(labels).tolist() == [[2, 5, 6], [2, 7, 2]]


def test_the_same_auto_classes_find_it(tmp_path: Path) -> None:
    FAMILY.reference(CASES["vit to bert"], HEAD).save_pretrained(tmp_path)
    for name, auto_class in vars(automodel_core.auto.models).items():
        if not name.startswith("AutoModel") or name == "AutoModelBase":
            continue
        theirs = vars(transformers).get(name) or getattr(transformers, name, None)
        served = type(loaded(auto_class, tmp_path)).__name__
        if theirs is not None:
            assert served == type(loaded(theirs, tmp_path)).__name__, name


def loaded(auto_class: Any, folder: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return auto_class.from_pretrained(folder)
        except ValueError:
            return None
