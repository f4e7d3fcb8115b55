"""Which architectures have classes of TensorFlow or Flax, and small models of each.

The tables serve the tests that compare with the frameworks, and the script that writes the files of
the default tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["CASES", "Case"]

TEXT = {"vocab_size": 40, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2}
BERT = {**TEXT, "intermediate_size": 12, "max_position_embeddings": 20}
FAIRSEQ = {
    "vocab_size": 40,
    "d_model": 8,
    "max_position_embeddings": 20,
    "encoder_layers": 1,
    "decoder_layers": 2,
    **{f"{side}_attention_heads": 2 for side in ("encoder", "decoder")},
    **{f"{side}_ffn_dim": 12 for side in ("encoder", "decoder")},
    "pad_token_id": 1,
    "decoder_start_token_id": 2,
}
CELLS = {**BERT, "type_vocab_sizes": [3, 6, 6, 2, 6, 6, 10]}
GPT2 = {"vocab_size": 40, "n_positions": 20, "n_embd": 8, "n_layer": 2, "n_head": 2}
T5 = {
    "vocab_size": 40,
    "d_model": 8,
    "d_kv": 4,
    "d_ff": 12,
    "num_layers": 2,
    "num_heads": 2,
    "decoder_start_token_id": 0,
}
DISTILBERT = {
    "vocab_size": 40,
    "dim": 8,
    "n_layers": 2,
    "n_heads": 2,
    "hidden_dim": 12,
    "max_position_embeddings": 20,
}
DEBERTA = {
    **BERT,
    "relative_attention": True,
    "pos_att_type": ["c2p", "p2c"],
    "type_vocab_size": 0,
}
DEBERTA_2 = {
    **DEBERTA,
    "position_buckets": 8,
    "share_att_key": True,
    "norm_rel_ebd": "layer_norm",
}
TOWER = {key: BERT[key] for key in BERT if key not in ("vocab_size", "max_position_embeddings")}
IMAGE = {**TOWER, "image_size": 8, "patch_size": 4}
CLIP = {
    "text_config": {**BERT, "eos_token_id": 39, "projection_dim": 6},
    "vision_config": {**IMAGE, "projection_dim": 6},
    "projection_dim": 6,
}
SEGFORMER = {
    "num_encoder_blocks": 2,
    "depths": [1, 1],
    "sr_ratios": [2, 1],
    "hidden_sizes": [8, 12],
    "patch_sizes": [3, 3],
    "strides": [2, 2],
    "num_attention_heads": [2, 2],
    "mlp_ratios": [2, 2],
    "decoder_hidden_size": 8,
}
RESNET = {"embedding_size": 8, "hidden_sizes": [8, 12], "depths": [1, 2], "layer_type": "basic"}
SWIN = {
    "image_size": 8,
    "patch_size": 2,
    "embed_dim": 4,
    "depths": [1, 2],
    "num_heads": [2, 2],
    "window_size": 2,
    "mlp_ratio": 2,
}
SAM = {
    "vision_config": {
        **IMAGE,
        "mlp_dim": 12,
        "output_channels": 32,
        "window_size": 2,
        "global_attn_indexes": [1],
        "num_pos_feats": 16,
    },
    "prompt_encoder_config": {
        "hidden_size": 32,
        "image_size": 8,
        "patch_size": 4,
        "mask_input_channels": 4,
    },
    "mask_decoder_config": {
        "hidden_size": 32,
        "layer_norm_eps": 1e-5,  # of the last norm always in torch, and as given in TensorFlow
        "mlp_dim": 12,
        "num_attention_heads": 2,
        "attention_downsample_rate": 2,
        "iou_head_hidden_dim": 12,
    },
}
HEARING = {
    **TEXT,
    "intermediate_size": 12,
    "conv_dim": [8, 8],
    "conv_kernel": [4, 3],
    "conv_stride": [2, 2],
    "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
    "classifier_proj_size": 6,
}
STABLE = {
    **HEARING,
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
    "conv_bias": True,
}
WHISPER = {
    **FAIRSEQ,
    "num_mel_bins": 6,
    "max_source_positions": 10,
    "max_target_positions": 20,
    "bos_token_id": 1,
    "eos_token_id": 3,
    "classifier_proj_size": 6,
}
DICTATION = {
    "encoder": {**STABLE, "model_type": "wav2vec2"},
    # Flax builds it with as many tokens as 1024 samples have frames.
    "decoder": {
        **GPT2,
        "n_positions": 256,
        "model_type": "gpt2",
        "is_decoder": True,
        "add_cross_attention": True,
    },
    "decoder_start_token_id": 2,
    "pad_token_id": 0,
}
PAIR = {
    "encoder": {**BERT, "model_type": "bert"},
    "decoder": {**BERT, "model_type": "bert", "is_decoder": True, "add_cross_attention": True},
    "decoder_start_token_id": 2,
    "pad_token_id": 0,
}
CAPTIONS = {
    "encoder": {**IMAGE, "model_type": "vit"},
    "decoder": {**GPT2, "model_type": "gpt2", "is_decoder": True, "add_cross_attention": True},
    "decoder_start_token_id": 2,
    "pad_token_id": 0,
}


@dataclass(frozen=True)
class Case:
    """A head of an architecture, named as ``AutoModelFor`` names it, and what it is given.

    ``model`` is the beginning of the classes' names in transformers, ``tf`` and ``flax`` say
    whether the frameworks have the head. ``inputs`` says what the model reads.
    """

    model_type: str
    head: str
    keys: Mapping[str, Any]
    inputs: str = "text"
    tf: bool = True
    flax: bool = False
    flags: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        more = "".join(f"-{key}" for key in self.flags)
        return f"{self.model_type}-{self.head or 'base'}{more}"


def _heads(
    model_type: str, keys: Mapping[str, Any], both: str, tf_only: str = "", inputs: str = "text"
) -> list[Case]:
    """Return a case for each head; the base is called ``Model``."""
    return [
        Case(model_type, "" if head == "Model" else head, keys, inputs, flax=head in both.split())
        for head in (*both.split(), *tf_only.split())
    ]


_CLASSIFIERS = "SequenceClassification TokenClassification QuestionAnswering MultipleChoice"
_ALL = f"Model MaskedLM {_CLASSIFIERS}"
_PADDED = {**BERT, "pad_token_id": 1}
_NARROW = {**BERT, "embedding_size": 6}
_GATED = {**T5, "feed_forward_proj": "gated-gelu"}
_PAIR = "Model Seq2SeqLM"
_HEARD = "Model CTC"

CASES = [
    *_heads("bert", BERT, f"{_ALL} PreTraining NextSentencePrediction"),
    Case("bert", "CausalLM", BERT, flax=True, flags={"is_decoder": True}),
    *_heads("roberta", _PADDED, _ALL),
    *_heads("xlm-roberta", _PADDED, _ALL),
    *_heads("camembert", _PADDED, "", _ALL),
    *_heads("distilbert", DISTILBERT, _ALL),
    *_heads("mpnet", _PADDED, "", _ALL),
    *_heads("electra", _NARROW, f"Model PreTraining {_CLASSIFIERS}", "MaskedLM"),
    *_heads("albert", {**_NARROW, "num_hidden_groups": 1}, f"{_ALL} PreTraining"),
    *_heads("deberta", DEBERTA, "", _ALL.removesuffix(" MultipleChoice")),
    *_heads("deberta-v2", DEBERTA_2, "", _ALL),
    *_heads(
        "layoutlm",
        {**BERT, "max_2d_position_embeddings": 64},
        "",
        "Model MaskedLM SequenceClassification TokenClassification",
        "layout",
    ),
    *_heads("tapas", CELLS, "", "Model MaskedLM SequenceClassification"),
    *_heads("gpt2", GPT2, "Model CausalLM", "SequenceClassification"),
    *_heads("t5", T5, _PAIR, "TextEncoding", "seq2seq"),
    Case("t5", "Seq2SeqLM", _GATED, "seq2seq", flax=True, flags={"tie_word_embeddings": False}),
    *_heads("mt5", T5, _PAIR, "", "seq2seq"),
    *_heads("bart", FAIRSEQ, _PAIR, "SequenceClassification", "seq2seq"),
    *_heads("mbart", FAIRSEQ, _PAIR, "", "seq2seq"),
    *_heads("marian", {**FAIRSEQ, "pad_token_id": 39}, _PAIR, "", "seq2seq"),
    *_heads("blenderbot", FAIRSEQ, _PAIR, "", "seq2seq"),
    *_heads("blenderbot-small", FAIRSEQ, _PAIR, "", "seq2seq"),
    *_heads("vit", IMAGE, "Model ImageClassification", "", "image"),
    # Its head for hidden patches drops other tokens than those it added, in transformers 4.
    *_heads("deit", IMAGE, "", "Model ImageClassification", "image"),
    *_heads("clip", CLIP, "Model", "", "image and text"),
    *_heads("segformer", SEGFORMER, "", "Model ImageClassification SemanticSegmentation", "image"),
    Case("dinov2", "", {**IMAGE, "mlp_ratio": 2}, "image", tf=False, flax=True),
    Case("dinov2", "ImageClassification", {**IMAGE, "mlp_ratio": 2}, "image", tf=False, flax=True),
    *_heads("resnet", RESNET, "Model ImageClassification", "", "image"),
    *_heads("swin", SWIN, "", "Model ImageClassification", "image"),
    *_heads("sam", SAM, "", "Model MaskGeneration", "image and points"),
    *_heads("wav2vec2", HEARING, "", f"{_HEARD} AudioClassification", "sound"),
    *_heads("wav2vec2", STABLE, _HEARD, "", "sound"),
    *_heads("hubert", HEARING, "", _HEARD, "sound"),
    *_heads("whisper", WHISPER, "Model SpeechSeq2Seq", "", "spectrum to text"),
    Case("whisper", "AudioClassification", WHISPER, "spectrum", tf=False, flax=True),
    Case("speech-encoder-decoder", "SpeechSeq2Seq", DICTATION, "sound to text", False, True),
    Case("encoder-decoder", "Seq2SeqLM", PAIR, "seq2seq", flax=True),
    Case("vision-encoder-decoder", "Vision2Seq", CAPTIONS, "image to text", flax=True),
]
