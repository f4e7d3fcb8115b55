"""Models of ours and of transformers with the same weights, to put adapters on."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
import transformers
from torch import Tensor

import automodel_bart
import automodel_bert
import automodel_encoder_decoder
import automodel_gpt2
import automodel_t5
import automodel_vit
from support.composites import part
from support.reference import randomise

__all__ = ["CASES", "Case", "flat", "logits", "trained"]


@dataclass(frozen=True)
class Case:
    """A class on both sides, and modules to adapt by the hub's names, by ours, and all of them."""

    package: ModuleType
    kind: str
    settings: dict[str, Any]
    hub: tuple[str, ...]
    own: tuple[str, ...]
    usual: tuple[str, ...] = ("q_proj", "v_proj")
    task: str | None = None

    def bases(self, folder: Path) -> tuple[Any, Any]:
        """Return a model of theirs and of ours, with the same weights."""
        theirs = getattr(transformers, self.kind)
        model = theirs(theirs.config_class(**copy.deepcopy(self.settings)))
        randomise(model)
        model.save_pretrained(folder)
        return theirs.from_pretrained(folder), self.ours(folder)

    def ours(self, folder: Path) -> Any:
        return getattr(self.package, self.kind).from_pretrained(folder)

    def inputs(self) -> dict[str, Tensor]:
        chance = torch.Generator().manual_seed(3)
        if "image_size" in self.settings:
            return {"pixel_values": torch.randn(2, 3, 8, 8, generator=chance)}
        given = {"input_ids": torch.randint(3, 40, (2, 7), generator=chance)}
        if "Conditional" in self.kind or "Decoder" in self.kind:
            given["decoder_input_ids"] = torch.randint(3, 40, (2, 5), generator=chance)
        return given


def flat(model_type: str) -> dict[str, Any]:
    return {key: value for key, value in part(model_type).items() if key != "model_type"}


PAIR = {
    "encoder": part("bert"),
    "decoder": part("gpt2", is_decoder=True, add_cross_attention=True),
}
CASES = {
    "gpt2": Case(
        automodel_gpt2, "GPT2LMHeadModel", flat("gpt2"), ("c_attn", "mlp.c_proj"),
        ("q_proj", "v_proj", "up_proj"), ("q_proj", "k_proj", "v_proj"), "CAUSAL_LM",
    ),
    "bert": Case(
        automodel_bert, "BertForSequenceClassification", flat("bert"), ("query", "dense"),
        ("k_proj", "up_proj"), task="SEQ_CLS",
    ),
    "t5": Case(
        automodel_t5, "T5ForConditionalGeneration", {**flat("t5"), "decoder_start_token_id": 0},
        ("q", "wi", "EncDecAttention.o"), ("v_proj", "down_proj"), task="SEQ_2_SEQ_LM",
    ),
    "bart": Case(
        automodel_bart, "BartForConditionalGeneration", flat("bart"), ("out_proj", "fc1"),
        ("q_proj", "down_proj"), task="SEQ_2_SEQ_LM",
    ),
    "vit": Case(
        automodel_vit, "ViTForImageClassification", flat("vit"), ("q_proj", "fc2"),
        ("v_proj", "o_proj"),
    ),
    "composite": Case(
        automodel_encoder_decoder, "EncoderDecoderModel", PAIR, ("query", "c_attn", "q_attn"),
        ("k_proj", "up_proj"),
    ),
}  # fmt: skip


@torch.no_grad()
def trained(model: Any, seed: int = 0) -> Any:
    """Return a model with an adapter whose trainable weights are others than at its start."""
    chance = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.add_(torch.randn(parameter.shape, generator=chance), alpha=0.2)
    return model.eval()


@torch.no_grad()
def logits(model: Any, case: Case) -> Tensor:
    found: Tensor = model(**case.inputs()).logits
    return found
