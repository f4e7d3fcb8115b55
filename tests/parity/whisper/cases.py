"""Whisper's heads and configurations, and small models that write, for both sides."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import transformers
from torch import Tensor

import automodel_whisper
from automodel_core import GenerationConfig
from automodel_core.testing import model_names
from support.family import ROWS, Case, Family
from support.parity import IS_5

__all__ = ["SETTINGS", "WHISPER", "spectrograms", "writers"]


@dataclass(frozen=True)
class SpeechFamily(Family):
    """An architecture whose encoder reads spectrograms of one length."""

    def batch(self, case: Case, head: str, rows: int = ROWS, seed: int = 0) -> dict[str, Any]:
        settings = {**self.small, **case.settings}
        mels, frames = settings["num_mel_bins"], 2 * settings["max_source_positions"]
        chance = torch.Generator().manual_seed(seed)
        features = torch.randn(rows, mels, frames, generator=chance)
        if head.endswith("ForAudioClassification"):
            return {"input_features": features}
        given = super().batch(case, head, rows, seed)
        if head.endswith("ForCausalLM"):
            # Version 4 fails where a decoder alone keeps a cache beside an encoder's states.
            if IS_5 and case.lengths != Case().lengths:
                size = settings["max_source_positions"], settings["d_model"]
                given["encoder_outputs"] = torch.randn(rows, *size, generator=chance)
            return given
        decoder = {key: value for key, value in given.items() if key.startswith("decoder_")}
        return {"input_features": features, **decoder}


WHISPER = SpeechFamily(
    package=automodel_whisper,
    heads=model_names("whisper"),
    small={
        "vocab_size": 40, "d_model": 16, "num_mel_bins": 6,
        "max_source_positions": 7, "max_target_positions": 24,
        "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 24, "decoder_ffn_dim": 24,
        "encoder_attention_heads": 2, "decoder_attention_heads": 2, "classifier_proj_size": 11,
        "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 3,
        "begin_suppress_tokens": None,
    },
    cases={
        "plain": Case(),
        "unpadded": Case(padding="none"),
        "padded left": Case({"activation_function": "relu"}, padding="left"),
        "asymmetric": Case({
            "encoder_layers": 3, "decoder_layers": 1, "encoder_ffn_dim": 20,
            "decoder_ffn_dim": 36, "encoder_attention_heads": 4, "decoder_attention_heads": 1,
        }),
        "scaled, and not": Case({"scale_embedding": True, "activation_function": "silu"}),
        "untied": Case({"tie_word_embeddings": False}, untied=True),
        "odd sizes": Case({
            "d_model": 18, "encoder_attention_heads": 9, "decoder_attention_heads": 3,
            "num_mel_bins": 5, "max_source_positions": 11,
        }, lengths=(11, 13)),
        "one layer": Case({"encoder_layers": 1, "decoder_layers": 3}, lengths=(5, 12)),
        "a mean of all layers": Case({"use_weighted_layer_sum": True, "num_labels": 5}),
        "a number": Case({"num_labels": 1, "median_filter_width": 3}),
    },
    # Without an encoder, transformers 5 sizes the cache by the encoder's layers all the same.
    by_head={"WhisperForCausalLM": {"encoder_layers": 3}},
    encoder_decoder=True,
    one_stack=("WhisperForCausalLM", "WhisperForAudioClassification"),
)  # fmt: skip

# 0 to 39 are text, 40 ends it; 51 to 61 are times.
END, START, UNTIMED = 40, 41, 50
SIZES = {
    "vocab_size": 62, "d_model": 16, "num_mel_bins": 8,
    "max_source_positions": 10, "max_target_positions": 48,
    "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 24, "decoder_ffn_dim": 24,
    "encoder_attention_heads": 2, "decoder_attention_heads": 2,
    "pad_token_id": END, "bos_token_id": END, "eos_token_id": END,
    "decoder_start_token_id": START, "begin_suppress_tokens": None,
}  # fmt: skip
SETTINGS: dict[str, Any] = {
    "pad_token_id": END, "bos_token_id": END, "eos_token_id": END,
    "decoder_start_token_id": START, "max_length": 48, "is_multilingual": True,
    "lang_to_id": {"<|en|>": 42, "<|de|>": 43, "<|fr|>": 44},
    "task_to_id": {"translate": 45, "transcribe": 46},
    "no_timestamps_token_id": UNTIMED, "prev_sot_token_id": 48,
    "suppress_tokens": [41, 42, 43, 44, 45, 46, 47, 48, 49], "begin_suppress_tokens": [5, END],
    "max_initial_timestamp_index": 4, "alignment_heads": [[0, 1], [1, 0]],
}  # fmt: skip


def writers(seed: int, **settings: Any) -> tuple[Any, Any]:
    """Return a random model of the reference and ours, with the settings of a released one."""
    torch.manual_seed(seed)
    config = transformers.WhisperConfig(**SIZES)
    config._attn_implementation = "eager"
    reference = transformers.WhisperForConditionalGeneration(config).eval()
    with torch.no_grad():
        for parameter in reference.parameters():
            parameter.normal_(0.0, 0.25)
        # So that what is written depends on where it stands.
        reference.proj_out.weight.normal_(0.0, 0.6)
        reference.model.decoder.embed_positions.weight.normal_(0.0, 1.0)
    values = {**config.to_dict(), "dtype": None, "torch_dtype": None}
    model = automodel_whisper.WhisperForConditionalGeneration.from_pretrained(
        None,
        config=automodel_whisper.WhisperConfig.from_dict(values),
        state_dict=reference.state_dict(),
    )
    chosen = {**copy.deepcopy(SETTINGS), **settings}
    reference.generation_config = transformers.GenerationConfig.from_dict(chosen)
    model.generation_config = GenerationConfig.from_dict(copy.deepcopy(chosen))
    return reference, model


def spectrograms(lengths: Sequence[int], seed: int) -> dict[str, Tensor]:
    """Return features of several lengths, and the mask that says where each ends if need be."""
    chance = torch.Generator().manual_seed(seed)
    features = 2 * torch.randn(len(lengths), 8, max(lengths), generator=chance)
    if len(lengths) == 1 or max(lengths) <= 20:
        return {"input_features": features}
    ends = torch.tensor(lengths)[:, None]
    mask = (torch.arange(max(lengths))[None] < ends).long()
    return {"input_features": features, "attention_mask": mask}
