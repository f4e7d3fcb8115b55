"""Attributes of transformers' objects that are called otherwise here, and what an error says."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = [
    "CONFIGURATIONS",
    "FORWARD_ARGUMENTS",
    "IMAGE_PROCESSORS",
    "MODELS",
    "TOKENIZERS",
    "UNSET_KEYS",
    "missing_attribute",
]

_HEADS = "attention keeps all its heads"
_MASKS = "automodel_core.layers has the masks: padding_mask, decoder_mask, context_mask"
_NO_CODE = "code from a checkpoint is never run: publish a plugin, or call {}.register"
_KERNELS = "choose a kernel with attn_implementation="
_PLACES = "place parts of the model with device_map="
_SDPA = "attention uses torch's fused kernels as it is"
_IMAGES = "automodel_core.vision.{} does it for one image tensor"
_GENERATION = "settings of generation are those of model.generation_config"

MODELS: Mapping[str, str] = {
    "create_extended_attention_mask_for_decoder": _MASKS,
    "deparallelize": _PLACES,
    "dequantize": "load the checkpoint without weights= for whole weights",
    "generate_batch": "generate takes a batch, padded on the left",
    "get_extended_attention_mask": _MASKS,
    "get_head_mask": _HEADS,
    "gradient_checkpointing": "model.is_gradient_checkpointing says it",
    "init_continuous_batching": "generate takes a batch, padded on the left",
    "invert_attention_mask": _MASKS,
    "kernelize": _KERNELS,
    "load_custom_generate": "publish a decoding strategy as a plugin, and name it: strategy=",
    "load_tf_weights": "from_pretrained(name, from_tf=True) reads them, with automodel-tensorflow",
    "loss_function": "forward computes the loss from labels; for another one, leave them out and "
    "compute it from the logits",
    "parallelize": _PLACES,
    "prune_heads": _HEADS,
    "register_for_auto_class": _NO_CODE.format("AutoModel"),
    "reverse_bettertransformer": _SDPA,
    "set_use_kernels": _KERNELS,
    "tie_embeddings_and_encoder_decoder": "call tie_weights()",
    "to_bettertransformer": _SDPA,
    "use_kernels": _KERNELS,
}
CONFIGURATIONS: Mapping[str, str] = {
    "pruned_heads": _HEADS,
    "register_for_auto_class": _NO_CODE.format("AutoConfig"),
    **dict.fromkeys(
        (
            *("bad_words_ids", "begin_suppress_tokens", "diversity_penalty", "do_sample"),
            *("early_stopping", "encoder_no_repeat_ngram_size"),
            *("exponential_decay_length_penalty", "forced_bos_token_id", "forced_eos_token_id"),
            *("length_penalty", "max_length", "min_length", "no_repeat_ngram_size"),
            *("num_beam_groups", "num_beams", "num_return_sequences", "output_scores"),
            *("remove_invalid_values", "repetition_penalty", "return_dict_in_generate"),
            *("suppress_tokens", "temperature", "top_k", "top_p", "typical_p"),
        ),
        _GENERATION,
    ),
}
UNSET_KEYS = frozenset(
    {"_commit_hash", "finetuning_task", "prefix", "task_specific_params", "transformers_version"}
)
"""Keys of a configuration that callers ask for, whether a file has them or not."""
TOKENIZERS: Mapping[str, str] = {
    "decoder": "the tokenizers library has it: backend_tokenizer.decoder",
    "model": "the tokenizers library has it: backend_tokenizer.model",
    "prepare_for_tokenization": "the tokenizer's normalizer prepares texts: "
    "backend_tokenizer.normalizer",
    "register_for_auto_class": _NO_CODE.format("AutoTokenizer"),
    "sanitize_special_tokens": "special tokens are added to the vocabulary when they are set",
    "set_truncation_and_padding": "give truncation= and padding= to a call",
}
IMAGE_PROCESSORS: Mapping[str, str] = {
    "convert_to_rgb": "automodel_core.vision.image_tensor(image, convert_rgb=True) does it",
    "fetch_images": "nothing is fetched: load the image and pass it",
    "pad_image": _IMAGES.format("pad"),
    "register_for_auto_class": _NO_CODE.format("AutoImageProcessor"),
    **{
        name: _IMAGES.format(name)
        for name in ("center_crop", "normalize", "pad", "rescale", "resize")
    },
}
FORWARD_ARGUMENTS: Mapping[str, str] = dict.fromkeys(
    ("head_mask", "decoder_head_mask", "cross_attn_head_mask"), _HEADS
)


def missing_attribute(owner: object, name: str, known: Mapping[str, str]) -> AttributeError:
    """Return the error for an attribute that there is not, with the advice that is known for it."""
    advice = f": {known[name]}" if name in known else ""
    return AttributeError(f"{type(owner).__name__} has no attribute {name!r}{advice}")
