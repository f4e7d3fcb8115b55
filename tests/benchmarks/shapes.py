"""Models at real sizes with random weights: how each is made, what it reads, who else runs it.

An output layer that is the embeddings makes random models repeat one token for ever. Signs drawn
for the decoder's last norm end that, and the likeliest token still stands out by more than rounding
makes of it: that two models write the same then says something.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor

import automodel_core
from benchmarks.third_party import generator, translator

__all__ = ["CASES", "NEW_TOKENS", "SHAPES", "SOURCE", "Shape"]

SOURCE, NEW_TOKENS = 64, 128
CASES = {"batch 1": (1, 1), "batch 8": (8, 1), "beam 4": (1, 4)}
"""Rows and beams."""

LAST_NORM = re.compile(r"(decoder\.|decoder\.layers\.5\.)final_layer_norm\.weight|ln_f\.weight")

Run = Callable[[], object]


def text(config: Any, rows: int) -> dict[str, Tensor]:
    """Return random tokens, none of them special."""
    return {"input_ids": torch.randint(3, config.vocab_size - 1, (rows, SOURCE))}


def image(config: Any, rows: int) -> dict[str, Tensor]:
    """Return random pixels."""
    size = config.encoder.image_size
    return {"pixel_values": torch.randn(rows, config.encoder.num_channels, size, size)}


@dataclass(frozen=True)
class Shape:
    """A configuration, and what is done with models of it."""

    config: Any
    auto: str = "AutoModelForSeq2SeqLM"
    """The Auto class that makes the model, of ours and of the reference's."""
    inputs: Callable[[Any, int], dict[str, Tensor]] = text
    """Makes what so many rows read."""
    third: Callable[..., Run] | None = translator
    """CTranslate2's way of writing, if it has one."""
    specials: tuple[str, ...] = ("<pad>", "</s>", "<unk>")
    """The first tokens of the vocabulary."""

    def checkpoint(self, folder: Path) -> Path:
        """Return the folder of a checkpoint, written into ``folder`` unless it is there."""
        target = folder / next(name for name, shape in SHAPES.items() if shape is self)
        if not (target / "model.safetensors").exists():
            torch.manual_seed(0)
            self.drawn().save_pretrained(target)
            if self.third is not None:
                write_vocabulary(target, self.specials, self.config)
        return target

    def drawn(self) -> Any:
        """Return the reference's model with new weights."""
        model = getattr(transformers, self.auto).from_config(self.config)
        (last,) = (norm for name, norm in model.named_parameters() if LAST_NORM.search(name))
        last.detach().copy_(torch.randn_like(last).sign())
        return model

    def ours(self, folder: Path, **options: Any) -> Any:
        """Return our model of the checkpoint; ``options`` say how weights are held."""
        auto: Any = getattr(automodel_core, self.auto)
        return auto.from_pretrained(self.checkpoint(folder), **options)

    def theirs(self, folder: Path, **options: Any) -> Any:
        """Return the reference's model of the checkpoint."""
        auto = getattr(transformers, self.auto)
        return auto.from_pretrained(self.checkpoint(folder), **options).eval()

    def third_party(
        self, folder: Path, inputs: dict[str, Tensor], beams: int, compute_type: str = "default"
    ) -> dict[str, Run]:
        """Return how CTranslate2 writes ``NEW_TOKENS`` tokens, by that name; empty if it cannot."""
        if self.third is None:
            return {}
        words = [[f"word{token}" for token in row] for row in inputs["input_ids"].tolist()]
        run = self.third(self.checkpoint(folder), words, beams, NEW_TOKENS, compute_type)
        return {"CTranslate2": run}


def write_vocabulary(folder: Path, specials: tuple[str, ...], config: Any) -> None:
    """Write a tokenizer of made-up words; Marian's padding is its last token."""
    size = config.vocab_size
    words = [*specials, *(f"word{index}" for index in range(len(specials), size))]
    words[config.pad_token_id] = "<pad>"
    tokenizer: dict[str, Any] = {
        "version": "1.0",
        "model": {
            "type": "WordLevel",
            "vocab": {word: index for index, word in enumerate(words)},
            "unk_token": "<unk>",
        },
        "pre_tokenizer": {"type": "Whitespace"},
        "added_tokens": [],
    }
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": "<pad>",
        "bos_token": "</s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
    }
    for name, content in (("tokenizer", tokenizer), ("tokenizer_config", settings)):
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")


def t5(width: int, wide: int, layers: int, heads: int) -> Shape:
    return Shape(
        transformers.T5Config(
            d_model=width,
            d_kv=64,
            d_ff=wide,
            num_layers=layers,
            num_heads=heads,
            decoder_start_token_id=0,
        )
    )


def gpt2_config(**more: Any) -> Any:
    """Return the configuration of GPT-2 with 124 million parameters."""
    return transformers.GPT2Config(bos_token_id=1, eos_token_id=1, pad_token_id=0, **more)


def fairseq(kind: type[Any], width: int, wide: int, heads: int, **more: Any) -> Any:
    """Return the configuration of six layers on each side, without settings of generation."""
    sides = ("encoder", "decoder")
    return kind(
        d_model=width,
        **{f"{side}_layers": 6 for side in sides},
        **{f"{side}_attention_heads": heads for side in sides},
        **{f"{side}_ffn_dim": wide for side in sides},
        normalize_before=False,
        forced_eos_token_id=None,
        **more,
    )


SHAPES: dict[str, Shape] = {
    "t5-small": t5(512, 2048, 6, 8),
    "t5-base": t5(768, 3072, 12, 12),
    "bart-base": Shape(
        fairseq(
            transformers.BartConfig, 768, 3072, 12,
            vocab_size=50265, activation_function="gelu", normalize_embedding=True,
        ),
        specials=("<s>", "<pad>", "</s>", "<unk>"),
    ),
    "marian": Shape(
        fairseq(
            transformers.MarianConfig, 512, 2048, 8,
            vocab_size=58101, activation_function="swish", scale_embedding=True,
            max_position_embeddings=512, pad_token_id=58100, decoder_start_token_id=58100,
        ),
        specials=("</s>", "<unk>"),
    ),
    "gpt2": Shape(gpt2_config(), "AutoModelForCausalLM", third=generator),
    "vit-gpt2": Shape(
        transformers.VisionEncoderDecoderConfig.from_encoder_decoder_configs(
            transformers.ViTConfig(),
            gpt2_config(is_decoder=True, add_cross_attention=True),
            decoder_start_token_id=1,
            eos_token_id=1,
            pad_token_id=0,
        ),
        "AutoModelForImageTextToText",
        inputs=image,
        third=None,
    ),
}  # fmt: skip
