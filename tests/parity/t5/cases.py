"""T5 twice: a random model of the reference, and ours with its weights; and inputs for both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import transformers
from torch import Tensor, nn

import automodel_t5
from automodel_core.testing import model_names

__all__ = [
    "CASES",
    "HEADS",
    "IS_5",
    "SMALL",
    "Case",
    "batch",
    "ours_from",
    "pair",
    "reference_model",
    "settled",
]

HEADS = tuple(name.removeprefix("T5") for name in model_names("t5"))
SMALL = {
    "vocab_size": 47, "d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 2, "num_heads": 2,
    "relative_attention_num_buckets": 8, "relative_attention_max_distance": 16,
    "decoder_start_token_id": 0, "pad_token_id": 0, "eos_token_id": 1, "num_labels": 3,
}  # fmt: skip
IS_5 = transformers.__version__.startswith("5.")


@dataclass(frozen=True)
class Case:
    """A configuration, the lengths that it is tried with, and where its inputs are padded.

    ``untied`` gives the output layer values of its own, whatever the configuration says.
    """

    settings: dict[str, Any]
    family: str = "T5"
    untied: bool = False
    lengths: tuple[int, int] = (9, 6)
    padding: str = "right"

    def config(self, **more: Any) -> Any:
        """Return the reference's configuration."""
        kind = getattr(transformers, f"{self.family}Config")
        return kind(**{**SMALL, **self.settings, **more})


GATED = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}
CASES = {
    "1.0": Case({}),
    "1.0 unpadded": Case({"feed_forward_proj": "gelu"}, padding="none"),
    "1.1": Case(GATED, untied=True),
    "1.1 padded left": Case({**GATED, "num_heads": 4, "d_kv": 4}, untied=True, padding="left"),
    "gated silu, odd heads": Case(
        {"feed_forward_proj": "gated-silu", "num_heads": 3, "d_kv": 5}, padding="left"
    ),
    "gated relu, one head": Case({"feed_forward_proj": "gated-relu", "num_heads": 1, "d_kv": 3}),
    "deep encoder": Case({"num_layers": 3, "num_decoder_layers": 1, "num_heads": 5, "d_kv": 7}),
    "deep decoder": Case({"num_layers": 1, "num_decoder_layers": 3}, padding="left"),
    "longer than the distance": Case(
        {"num_layers": 1, "relative_attention_num_buckets": 16, "num_heads": 4}, lengths=(40, 37)
    ),
    "usual buckets": Case(
        {
            "num_layers": 1,
            "relative_attention_num_buckets": 32,
            "relative_attention_max_distance": 128,
        },
        lengths=(150, 140),
        padding="none",
    ),
    "epsilon and silu": Case({"layer_norm_epsilon": 1e-2, "feed_forward_proj": "silu"}),
    "mt5": Case({"tie_word_embeddings": False, "num_heads": 3}, "MT5", untied=True),
    "mt5 not gated": Case(
        {"feed_forward_proj": "relu", "tie_word_embeddings": False},
        "MT5", untied=True, padding="left",
    ),
    "umt5": Case({}, "UMT5", padding="left"),
    "umt5 uneven": Case(
        {"num_layers": 3, "num_decoder_layers": 2, "num_heads": 5, "d_kv": 3},
        "UMT5", lengths=(21, 19),
    ),
}  # fmt: skip


@torch.no_grad()
def settled(model: nn.Module, seed: int = 0, *, untied: bool = False) -> nn.Module:
    """Draw every parameter, biases and norms too, and turn to evaluation."""
    generator = torch.Generator().manual_seed(seed)
    if untied and "lm_head" in dict(model.named_children()):
        model.lm_head.weight = nn.Parameter(torch.empty_like(model.lm_head.weight))
    for name, parameter in model.named_parameters():
        parameter.normal_(0.0, 0.25, generator=generator)
        if "layer_norm" in name:
            parameter.add_(1.0)
    return model.eval()


def reference_model(case: Case, head: str, seed: int = 0, **more: Any) -> Any:
    """Return a random model of the reference, whose attentions can be seen."""
    config = case.config(**more)
    config._attn_implementation = "eager"
    model = getattr(transformers, f"{case.family}{head}")(config)
    return settled(model, seed, untied=case.untied)


def ours_from(reference: Any, **more: Any) -> Any:
    """Return our model of the same class name, with the reference's configuration and weights."""
    kind = getattr(automodel_t5, type(reference).__name__)
    values = {**reference.config.to_dict(), "dtype": None, "torch_dtype": None}
    config = kind.config_class.from_dict(values)
    return kind.from_pretrained(None, config=config, state_dict=reference.state_dict(), **more)


def pair(case: Case, head: str, seed: int = 0, **more: Any) -> tuple[Any, Any]:
    """Return the reference's model and ours."""
    reference = reference_model(case, head, seed, **more)
    return reference, ours_from(reference)


def batch(case: Case, rows: int = 3, seed: int = 0) -> dict[str, Tensor]:
    """Return token ids and masks for encoder and decoder, each row padded to another length.

    The last visible token of the encoder is the end of the sequence.
    """
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for prefix, length in zip(("", "decoder_"), case.lengths, strict=True):
        ids = torch.randint(2, 47, (rows, length), generator=generator)
        mask = torch.ones_like(ids)
        for row in range(rows):
            if case.padding != "none":
                hidden = (row * length) // (2 * rows)
                columns = slice(length - hidden, None) if case.padding == "right" else slice(hidden)
                ids[row, columns], mask[row, columns] = 0, 0
            if not prefix:
                ids[row, int(mask[row].nonzero().max())] = 1
        tensors[f"{prefix}input_ids"] = ids
        if case.padding != "none":
            tensors[f"{prefix}attention_mask"] = mask
    return tensors
