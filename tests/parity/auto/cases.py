"""An architecture for each Auto class: what makes it tiny, and inputs if the suite has none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from automodel_core.testing.tiny import tiny

__all__ = ["ARCHITECTURES", "Chosen"]


@dataclass(frozen=True)
class Chosen:
    """A model type, keys beside those that make it tiny, and what makes inputs of a task."""

    model_type: str
    keys: Mapping[str, Any] = field(default_factory=dict)
    inputs: Callable[[str, Any], dict[str, Any]] | None = None


def spectrograms(task: str, config: Any) -> dict[str, Any]:
    """Return recordings as they are heard, and the beginnings of what is said in them."""
    shape = (2, config.num_mel_bins, 2 * config.max_source_positions)
    features = torch.randn(shape, generator=torch.Generator().manual_seed(2))
    return {"input_features": features, "decoder_input_ids": torch.tensor([[3, 5, 7], [4, 6, 8]])}


def speakers(task: str, config: Any) -> dict[str, Any]:
    """Return texts, the beginnings of their sounds, and who speaks."""
    chance = torch.Generator().manual_seed(2)
    return {
        "input_ids": torch.tensor([[4, 5, 6, 7], [8, 7, 6, 5]]),
        "decoder_input_values": torch.randn(2, 5, config.num_mel_bins, generator=chance),
        "speaker_embeddings": torch.randn(2, config.speaker_embedding_dim, generator=chance),
    }


PAIR = {
    "encoder": {"model_type": "vit", **tiny("vit")},
    "decoder": {
        "model_type": "gpt2", **tiny("gpt2"), "is_decoder": True, "add_cross_attention": True,
    },
    "decoder_start_token_id": 2,
}  # fmt: skip
FEATURES = {
    "conv_dim": [8, 8], "conv_stride": [10, 4], "conv_kernel": [12, 4],
    "num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2, "vocab_size": 20,
    "mask_time_prob": 0.0, "hidden_size": 16,
}  # fmt: skip
HEARD = {
    **FEATURES, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
    "classifier_proj_size": 12, "tdnn_dim": [8, 12], "tdnn_kernel": [3, 1],
    "tdnn_dilation": [1, 1], "xvector_output_dim": 10,
}  # fmt: skip
SPOKEN = {
    **FEATURES, "encoder_layers": 2, "encoder_attention_heads": 2, "encoder_ffn_dim": 24,
    "decoder_layers": 2, "decoder_attention_heads": 2, "decoder_ffn_dim": 20, "num_mel_bins": 6,
    "speech_decoder_prenet_units": 10,
    "speech_decoder_postnet_layers": 2, "speech_decoder_postnet_units": 7,
    "speaker_embedding_dim": 5, "encoder_max_relative_position": 4, "max_speech_positions": 60,
    "max_text_positions": 40,
}  # fmt: skip
SILENT = {"noise_scale": 0.0, "noise_scale_duration": 0.0}

ARCHITECTURES: Mapping[str, Chosen] = {
    "base": Chosen("distilbert"),
    "pretraining": Chosen("bert"),
    "causal-lm": Chosen("gpt2"),
    "masked-lm": Chosen("roberta"),
    "seq2seq-lm": Chosen("t5"),
    "sequence-classification": Chosen("electra"),
    "multiple-choice": Chosen("bert"),
    "next-sentence-prediction": Chosen("bert"),
    "token-classification": Chosen("mpnet"),
    "question-answering": Chosen("albert"),
    "text-encoding": Chosen("t5"),
    "image-classification": Chosen("resnet"),
    "masked-image-modeling": Chosen("vit"),
    "vision2seq": Chosen("vision-encoder-decoder", PAIR),
    "image-text-to-text": Chosen("vision-encoder-decoder", PAIR),
    "mask-generation": Chosen("sam"),
    "depth-estimation": Chosen("glpn"),
    "video-classification": Chosen("videomae"),
    "keypoint-detection": Chosen("superpoint", {"border_on_all_sides": False}),
    "object-detection": Chosen("yolos"),
    "image-segmentation": Chosen("detr"),
    "image-to-image": Chosen("swin2sr"),
    "semantic-segmentation": Chosen("segformer"),
    "instance-segmentation": Chosen("maskformer"),
    "universal-segmentation": Chosen("maskformer"),
    "zero-shot-image-classification": Chosen("clip"),
    "zero-shot-object-detection": Chosen("owlvit"),
    "audio-classification": Chosen("wav2vec2", HEARD),
    "audio-frame-classification": Chosen("wav2vec2", HEARD),
    "ctc": Chosen("wav2vec2", HEARD),
    "speech-seq2seq": Chosen("whisper", {}, spectrograms),
    "audio-xvector": Chosen("wav2vec2", HEARD),
    "text-to-spectrogram": Chosen("speecht5", SPOKEN, speakers),
    "text-to-waveform": Chosen("vits", SILENT),
    "table-question-answering": Chosen("tapas"),
    "document-question-answering": Chosen("layoutlm"),
    "visual-question-answering": Chosen("vilt"),
}
"""What each Auto class is tried with, by its task."""
