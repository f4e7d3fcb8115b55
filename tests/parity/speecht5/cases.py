"""SpeechT5's heads and configurations, to compare with the reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import transformers
from torch import Tensor, nn

import automodel_speecht5

__all__ = ["CASES", "HEADS", "ROWS", "arguments", "ours_from", "pair", "reference_of", "settled"]

ROWS = 3
HEADS = (
    "SpeechT5Model",
    "SpeechT5ForSpeechToText",
    "SpeechT5ForTextToSpeech",
    "SpeechT5ForSpeechToSpeech",
)
SMALL: dict[str, Any] = {
    "vocab_size": 40, "hidden_size": 16, "encoder_layers": 2, "encoder_attention_heads": 2,
    "encoder_ffn_dim": 24, "decoder_layers": 2, "decoder_ffn_dim": 20,
    "decoder_attention_heads": 4, "conv_dim": [8, 8], "conv_stride": [5, 2],
    "conv_kernel": [10, 3], "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2,
    "num_mel_bins": 6, "speech_decoder_prenet_units": 10, "speaker_embedding_dim": 5,
    "speech_decoder_postnet_layers": 3, "speech_decoder_postnet_units": 7,
    "encoder_max_relative_position": 4, "max_speech_positions": 90, "max_text_positions": 40,
}  # fmt: skip
CASES: Mapping[str, Mapping[str, Any]] = {
    "plain": {},
    "layer norms in the stem": {"feat_extract_norm": "layer", "conv_bias": True},
    "three frames a step": {"reduction_factor": 3, "speech_decoder_postnet_layers": 1},
    "untied, scaled": {"tie_word_embeddings": False, "scale_embedding": True},
    "without guidance": {"use_guided_attention_loss": False, "hidden_act": "relu"},
    "guided by all heads but one": {
        "guided_attention_loss_num_heads": -1, "guided_attention_loss_sigma": 0.2,
    },
    "odd positions": {
        "num_conv_pos_embeddings": 5, "encoder_max_relative_position": 30, "layer_norm_eps": 1e-3,
    },
    "one layer, three before the decoder": {
        "encoder_layers": 1, "decoder_layers": 1, "speech_decoder_prenet_layers": 3,
        "conv_dim": [8, 4, 8], "conv_stride": [3, 2, 2], "conv_kernel": [5, 4, 2],
    },
    "nothing to hide": {"mask_time_prob": 0.0, "encoder_attention_heads": 4},
}  # fmt: skip


@torch.no_grad()
def settled(model: nn.Module, seed: int = 0) -> Any:
    """Draw every weight and every statistic of a model, and turn to evaluation."""
    chance = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.normal_(0.0, 0.25, generator=chance)
    for module in model.modules():
        if isinstance(module, nn.LayerNorm | nn.BatchNorm1d | nn.GroupNorm):
            module.weight.add_(1.0)
        if isinstance(module, nn.BatchNorm1d):
            module.running_mean.normal_(0.0, 0.3, generator=chance)
            module.running_var.uniform_(0.5, 1.5, generator=chance)
    return model.eval()


def reference_of(case: str, head: str, seed: int = 0) -> Any:
    kind = getattr(transformers, head)
    config = transformers.SpeechT5Config(**{**SMALL, **CASES[case]})
    config._attn_implementation = "eager"
    return settled(kind(config), seed)


def ours_from(reference: Any, **more: Any) -> Any:
    kind = getattr(automodel_speecht5, type(reference).__name__)
    values = {**reference.config.to_dict(), "dtype": None, "torch_dtype": None}
    config = kind.config_class.from_dict(values)
    state = reference.state_dict()
    return kind.from_pretrained(None, config=config, state_dict=state, **more)


def pair(case: str, head: str, seed: int = 0) -> tuple[Any, Any]:
    """Return the reference's model and ours."""
    reference = reference_of(case, head, seed)
    return reference, ours_from(reference)


def arguments(config: Any, head: str, *, labels: bool) -> dict[str, Any]:
    """Return what a head's forward takes, rows padded to different lengths."""
    chance = torch.Generator().manual_seed(1)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(ROWS, *shape, generator=chance)

    def mask(length: int) -> Tensor:
        ends = torch.tensor([length, length * 3 // 4, length // 2])
        return (torch.arange(length) < ends[:, None]).long()

    tokens = torch.randint(3, config.vocab_size, (ROWS, 9), generator=chance)
    tokens = tokens.masked_fill(mask(9) == 0, config.pad_token_id)
    if head == "SpeechT5Model":
        return {
            "input_values": drawn(9, config.hidden_size), "attention_mask": mask(9),
            "decoder_input_values": drawn(6, config.hidden_size),
            "decoder_attention_mask": mask(6),
        }  # fmt: skip
    given: dict[str, Any] = {"input_values": drawn(240), "attention_mask": mask(240)}
    if head == "SpeechT5ForSpeechToText":
        if labels:
            return given | {"labels": tokens.masked_fill(tokens == config.pad_token_id, -100)}
        return given | {"decoder_input_ids": tokens, "decoder_attention_mask": mask(9)}
    if head == "SpeechT5ForTextToSpeech":
        given = {"input_ids": tokens, "attention_mask": mask(9)}
    given["speaker_embeddings"] = drawn(config.speaker_embedding_dim)
    length = 8 * config.reduction_factor
    if labels:
        shown = mask(8).repeat_interleave(config.reduction_factor, 1)
        frames = drawn(length, config.num_mel_bins)
        return given | {
            "labels": frames.masked_fill(shown[..., None] == 0, -100.0),
            "decoder_attention_mask": shown,
        }
    return given | {"decoder_input_values": drawn(8, config.num_mel_bins)}
