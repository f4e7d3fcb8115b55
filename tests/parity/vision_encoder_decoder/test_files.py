"""Checkpoints of TrOCR and Donut as the hub has them: from an image to text, as the reference."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from tokenizers import ByteLevelBPETokenizer

import automodel_donut
import automodel_trocr
from automodel_core import AutoModelForImageTextToText, AutoModelForVision2Seq, AutoProcessor
from support.composites import unshifted_loss
from support.family import settled
from support.parity import IS_5, generated
from support.reference import assert_close
from support.sentencepieces import NASTY, train

if IS_5:
    from transformers.models.deit.image_processing_pil_deit import DeiTImageProcessorPil as DeiT
    from transformers.models.donut.image_processing_pil_donut import DonutImageProcessorPil as Donut
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil as ViT
else:
    from transformers import (
        DeiTImageProcessor as DeiT,
        DonutImageProcessor as Donut,
        ViTImageProcessor as ViT,
    )

SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
SEES = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 20,
    "image_size": 16, "patch_size": 4,
}  # fmt: skip
WRITES = {
    "d_model": 12, "decoder_layers": 2, "decoder_attention_heads": 2, "decoder_ffn_dim": 20,
    "max_position_embeddings": 32, "is_decoder": True, "add_cross_attention": True,
}  # fmt: skip
PREPROCESSED = {
    "do_normalize": True, "do_resize": True, "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5], "resample": 2, "size": 16,
}  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """A checkpoint: its parts' configurations, tokenizer, image processor, and what files say."""

    encoder: Any
    decoder: Any
    tokenizer: str
    image_processor: Any
    preprocessor: dict[str, Any]
    processor: str
    prompt: str | None = None


KINDS = {
    "base": Kind(
        transformers.ViTConfig(**SEES, qkv_bias=False),
        # The hub's base models say how wide the encoder is.
        transformers.TrOCRConfig(**WRITES, cross_attention_hidden_size=16),
        "RobertaTokenizer",
        ViT,
        {**PREPROCESSED, "feature_extractor_type": "ViTFeatureExtractor"},
        "TrOCRProcessor",
    ),
    "small": Kind(
        transformers.DeiTConfig(**SEES),
        transformers.TrOCRConfig(
            **WRITES, cross_attention_hidden_size=16, scale_embedding=True,
            activation_function="relu", layernorm_embedding=True,
        ),
        "XLMRobertaTokenizer",
        DeiT,
        {
            **PREPROCESSED,
            "feature_extractor_type": "DeiTFeatureExtractor",
            "do_center_crop": False,
            "crop_size": 16,
            "resample": 3,
        },
        "TrOCRProcessor",
    ),
    "donut": Kind(
        transformers.DonutSwinConfig(
            image_size=[16, 12], patch_size=2, embed_dim=6, depths=[2, 1], num_heads=[2, 3],
            window_size=2,
        ),
        transformers.MBartConfig(
            **WRITES, scale_embedding=True, add_final_layer_norm=True, encoder_attention_heads=2
        ),
        "XLMRobertaTokenizer",
        Donut,
        {
            **PREPROCESSED,
            "feature_extractor_type": "DonutFeatureExtractor",
            "do_pad": True,
            "do_align_long_axis": False,
            "do_thumbnail": True,
            "size": [12, 16],
        },
        "DonutProcessor",
        prompt="<s_read>",
    ),
}  # fmt: skip


def write_tokenizer(name: str, folder: Path) -> None:
    if name == "RobertaTokenizer":
        trained = ByteLevelBPETokenizer()
        trained.train_from_iterator(NASTY, 300, special_tokens=SPECIAL, show_progress=False)
        trained.save_model(str(folder))
    else:
        train(folder / "sentencepiece.bpe.model")


@dataclass(frozen=True)
class Checkpoint:
    """A folder, and the reference's model and processor of the same content."""

    kind: Kind
    folder: Path
    model: Any
    processor: Any


@pytest.fixture(scope="module", params=KINDS)
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    kind = KINDS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    write_tokenizer(kind.tokenizer, folder)
    tokenizer = getattr(transformers, kind.tokenizer).from_pretrained(folder)
    if kind.prompt is not None:
        tokenizer.add_tokens([kind.prompt, "</s_read>"], special_tokens=True)
        tokenizer.save_pretrained(folder)
        (folder / "processor_config.json").unlink(missing_ok=True)
    kind.decoder.vocab_size = len(tokenizer)
    config = transformers.VisionEncoderDecoderConfig.from_encoder_decoder_configs(
        kind.encoder, kind.decoder
    )
    config.decoder_start_token_id, config.eos_token_id, config.pad_token_id = 2, 2, 1
    model = settled(transformers.VisionEncoderDecoderModel(config))
    model.generation_config.decoder_start_token_id = 2
    model.save_pretrained(folder)
    settings = json.loads((folder / "tokenizer_config.json").read_text()) if kind.prompt else {}
    settings |= {"tokenizer_class": kind.tokenizer, "processor_class": kind.processor}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    (folder / "preprocessor_config.json").write_text(json.dumps(kind.preprocessor))
    known = {k: v for k, v in kind.preprocessor.items() if k != "feature_extractor_type"}
    processor = getattr(transformers, kind.processor)(
        image_processor=kind.image_processor(**known), tokenizer=tokenizer
    )
    return Checkpoint(kind, folder, model, processor)


def image() -> Any:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 15, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def test_images_become_the_text_that_the_reference_writes(checkpoint: Checkpoint) -> None:
    processor: Any = AutoProcessor.from_pretrained(checkpoint.folder)
    assert type(processor).__name__ == checkpoint.kind.processor
    pixels = processor(image(), return_tensors="pt").pixel_values
    theirs = checkpoint.processor(image(), return_tensors="pt").pixel_values
    assert torch.equal(pixels, theirs)
    for auto_class in (AutoModelForVision2Seq, AutoModelForImageTextToText):
        model, info = auto_class.from_pretrained(checkpoint.folder, output_loading_info=True)
        assert not any(info.values()), info
    given: dict[str, Any] = {"pixel_values": pixels}
    prompt = checkpoint.kind.prompt
    if prompt is not None:
        ids = processor.tokenizer(prompt, add_special_tokens=False, return_tensors="pt").input_ids
        given["decoder_input_ids"] = ids
    for beams in (1, 3):
        settings = {"max_new_tokens": 9, "num_beams": beams, "do_sample": False}
        expected = generated(checkpoint.model, given, settings)
        found = generated(model, given, settings)
        assert found.sequences.tolist() == expected.sequences.tolist()
        written = processor.batch_decode(found.sequences, skip_special_tokens=True)
        assert written == checkpoint.processor.batch_decode(
            expected.sequences, skip_special_tokens=True
        )


def test_images_and_texts_train_as_in_the_reference(checkpoint: Checkpoint) -> None:
    processor: Any = AutoProcessor.from_pretrained(checkpoint.folder)
    texts = ["a b c", "The cat"]
    for options in ({"padding": True}, {"padding": "max_length", "max_length": 9}):
        given = {"images": [image()] * 2, "text": texts, "return_tensors": "pt", **options}
        found, expected = processor(**given), checkpoint.processor(**given)
        # 4.x leaves the prompt's mask out.
        assert set(expected) <= set(found) <= {*expected, "attention_mask"}
        for key in expected:
            assert torch.equal(found[key], expected[key]), key
    assert processor(text=texts) == checkpoint.processor(text=texts)
    names = checkpoint.processor.model_input_names
    assert set(names) <= set(processor.model_input_names) <= {*names, "attention_mask"}
    model: Any = AutoModelForVision2Seq.from_pretrained(checkpoint.folder)
    batch = {"pixel_values": found["pixel_values"], "labels": found["labels"]}
    checkpoint.model.config.decoder_start_token_id = 2
    checkpoint.model.loss_function = unshifted_loss  # 4.x shifts labels once more
    theirs, ours = checkpoint.model(**batch), model(**batch)
    assert_close(ours.logits, theirs.logits, "logits")
    assert_close(ours.loss, theirs.loss, "loss")


def test_processors_go_both_ways(checkpoint: Checkpoint, tmp_path: Path) -> None:
    checkpoint.processor.save_pretrained(tmp_path / "theirs")
    here: Any = AutoProcessor.from_pretrained(tmp_path / "theirs")
    assert type(here).__name__ == checkpoint.kind.processor
    here.save_pretrained(tmp_path / "ours")
    there = transformers.AutoProcessor.from_pretrained(tmp_path / "ours", use_fast=False)
    assert type(there).__name__ == checkpoint.kind.processor
    expected = checkpoint.processor(image(), return_tensors="pt").pixel_values
    ids = checkpoint.processor(text="a b The cat")["input_ids"]
    for processor in (here, there):
        assert torch.equal(processor(image(), return_tensors="pt").pixel_values, expected)
        assert processor(text="a b The cat")["input_ids"] == ids


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
def test_targets_as_older_code_gives_them(checkpoint: Checkpoint) -> None:
    processor: Any = AutoProcessor.from_pretrained(checkpoint.folder)
    with processor.as_target_processor():
        found = processor("a b")
    assert dict(found) == dict(checkpoint.processor(text="a b"))
    if not IS_5:  # where it is gone
        with checkpoint.processor.as_target_processor():
            assert dict(checkpoint.processor("a b")) == dict(found)
    assert processor.feature_extractor is processor.image_processor


def drawn_text(chance: random.Random) -> str:
    """Return a text of fields, some of them damaged."""
    parts = [
        "<s_a>",
        "</s_a>",
        "<s_b>",
        "</s_b>",
        "<s_A>",
        "<sep/>",
        "<yes/>",
        "x",
        " ",
        "<s_",
        ">",
    ]
    return "".join(chance.choice(parts) for _ in range(chance.randint(1, 12)))


def test_fields_are_read_as_the_reference_reads_them() -> None:
    theirs = transformers.DonutProcessor.token2json
    ours = automodel_donut.DonutProcessor.token2json
    chance = random.Random(0)
    known = {"<yes/>": 1}
    holder = type("Holder", (), {"token2json": theirs})()
    our_holder: Any = object.__new__(automodel_donut.DonutProcessor)
    for _ in range(4000):
        text = drawn_text(chance)
        expected = theirs(holder, text, added_vocab=known)
        assert ours(our_holder, text, added_vocab=known) == expected, text


def test_both_plugins_name_one_tokenizer() -> None:
    one, other = automodel_trocr.XLMRobertaTokenizer, automodel_donut.XLMRobertaTokenizer
    assert one.__mro__[1] is other.__mro__[1]
