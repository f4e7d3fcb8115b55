"""An architecture to compare: its heads and configurations, models and inputs for both sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import torch
import transformers
from torch import Tensor, nn

__all__ = ["CHOICES", "ROWS", "WRITES", "Case", "Family", "drawn_labels"]

WRITES = (
    "LMHeadModel",
    "ForCausalLM",
    "ForConditionalGeneration",
    "MTModel",
    "EncoderDecoderModel",
)
ROWS = 3
CHOICES = 2


@dataclass(frozen=True)
class Case:
    """A configuration, the lengths of encoder and decoder, and where inputs are padded.

    ``untied`` gives the output layer values of its own. ``more`` are settings that only ours takes,
    ``generation`` those of ``generate``.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    untied: bool = False
    lengths: tuple[int, int] = (9, 6)
    padding: str = "right"
    generation: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Family:
    """One architecture: where it is, its heads, its configurations.

    ``heads`` are class names in our package and in the reference. ``by_head`` holds settings that a
    head needs, as two labels for a question. ``vocabulary`` bounds the drawn ids, ``pad`` and
    ``end`` are ids of padding and of the end of a sequence; ids are drawn from above those of the
    two that lie within the bound.
    ``encoder_decoder`` heads take the decoder's tokens too, unless named in ``one_stack``.
    """

    package: ModuleType
    heads: tuple[str, ...]
    small: Mapping[str, Any]
    cases: Mapping[str, Case]
    by_head: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    vocabulary: int = 40
    pad: int = 1
    end: int = 2
    encoder_decoder: bool = False
    one_stack: tuple[str, ...] = ()

    def is_encoder_decoder(self, head: str) -> bool:
        return self.encoder_decoder and head not in self.one_stack

    @property
    def writers(self) -> tuple[str, ...]:
        """The heads that generate."""
        return tuple(head for head in self.heads if head.endswith(WRITES))

    def settings(self, case: Case, head: str) -> dict[str, Any]:
        """Return the keys of a head's configuration."""
        return {**self.small, **case.settings, **self.by_head.get(head, {})}

    def reference(self, case: Case, head: str, seed: int = 0, **more: Any) -> Any:
        """Return a random model of the reference, whose attentions can be seen."""
        kind = getattr(transformers, head)
        config = kind.config_class(**{**self.settings(case, head), **more})
        config._attn_implementation = "eager"
        return settled(kind(config), seed, untied=case.untied)

    def ours_from(self, reference: Any, **more: Any) -> Any:
        """Return our model of the same class name, with the same configuration and weights."""
        kind = getattr(self.package, type(reference).__name__)
        values = {**reference.config.to_dict(), "dtype": None, "torch_dtype": None}
        config = kind.config_class.from_dict(values)
        return kind.from_pretrained(None, config=config, state_dict=reference.state_dict(), **more)

    def pair(self, case: Case, head: str, seed: int = 0, **more: Any) -> tuple[Any, Any]:
        """Return the reference's model and ours."""
        reference = self.reference(case, head, seed, **more)
        return reference, self.ours_from(reference)

    def batch(self, case: Case, head: str, rows: int = ROWS, seed: int = 0) -> dict[str, Tensor]:
        """Return ids and masks, each row padded to another length and closed by one end token."""
        if head.endswith("ForMultipleChoice"):
            flat = self.batch(case, "", rows * CHOICES, seed)
            return {name: tensor.unflatten(0, (rows, CHOICES)) for name, tensor in flat.items()}
        pad = case.settings.get("pad_token_id", self.pad)
        pad = self.pad if pad is None else pad
        chance = torch.Generator().manual_seed(seed)
        tensors = {}
        sides = ("", "decoder_") if self.is_encoder_decoder(head) else ("",)
        for side, length in zip(sides, case.lengths, strict=False):
            lowest = 1 + max(index for index in (pad, self.end) if index < self.vocabulary)
            ids = torch.randint(lowest, self.vocabulary, (rows, length), generator=chance)
            mask = torch.ones_like(ids)
            for row in range(rows):
                hidden = 0 if case.padding == "none" else (row * length) // (2 * rows)
                columns = slice(length - hidden, None) if case.padding == "right" else slice(hidden)
                ids[row, columns], mask[row, columns] = pad, 0
                if not side:
                    ids[row, int(mask[row].nonzero().max())] = self.end
            tensors[f"{side}input_ids"] = ids
            if case.padding != "none":
                tensors[f"{side}attention_mask"] = mask
        return tensors


@torch.no_grad()
def settled(model: nn.Module, seed: int = 0, *, untied: bool = False) -> nn.Module:
    """Draw every parameter, biases, norms and biases kept as buffers too; turn to evaluation."""
    chance = torch.Generator().manual_seed(seed)
    head = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
    if untied and head is not None:
        head.weight = nn.Parameter(torch.empty_like(head.weight))
    for module in model.modules():
        fixed = "Sinusoidal" in type(module).__name__
        for parameter in () if fixed else module.parameters(recurse=False):
            parameter.normal_(0.0, 0.25, generator=chance)
            if isinstance(module, nn.LayerNorm) and parameter is module.weight:
                parameter.add_(1.0)
    bias = dict(model.named_buffers()).get("final_logits_bias")
    if bias is not None:
        bias.normal_(0.0, 0.25, generator=chance)
    return model.eval()


def drawn_labels(head: str, given: Mapping[str, Tensor], config: Any) -> dict[str, Tensor]:
    """Return what a head learns from; some labels do not count."""
    ids = given["decoder_input_ids" if "decoder_input_ids" in given else "input_ids"]
    rows, *_, length = ids.shape
    chance = torch.Generator().manual_seed(9)

    def drawn(limit: int, *shape: int) -> Tensor:
        return torch.randint(0, limit, shape, generator=chance)

    if head.endswith(WRITES):
        labels = ids.clone()
        mask = given.get("decoder_attention_mask", given.get("attention_mask"))
        if mask is not None and mask.shape == labels.shape:
            # What sees nothing but padding has a gradient that depends on the kernel.
            labels[mask == 0] = -100
        labels[0, -2:] = -100
        return {"labels": labels}
    if head.endswith("ForMaskedLM"):
        labels = drawn(config.vocab_size, rows, length)
        labels[0, 1:3] = -100
        return {"labels": labels}
    if head.endswith("ForTokenClassification"):
        labels = drawn(config.num_labels, rows, length)
        labels[1, :3] = -100
        return {"labels": labels}
    if head.endswith("ForSequenceClassification"):
        return {"labels": drawn(config.num_labels, rows)}
    if head.endswith("ForMultipleChoice"):
        return {"labels": drawn(CHOICES, rows)}
    if head.endswith("ForQuestionAnswering"):
        # One start lies beyond the text and does not count.
        starts = torch.tensor([0, 2, 10_000])[:rows]
        return {"start_positions": starts, "end_positions": torch.tensor([[1], [3], [4]])[:rows]}
    return {}
