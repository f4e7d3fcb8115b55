"""Assisted decoding: a model with a smaller one as assistant, or with its own lower layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from automodel_core.errors import GenerationArgumentError
from automodel_core.generation.drafting.speculative import Draft, decode_with_draft
from automodel_core.generation.drafting.text_drafts import SharedVocabularyDraft, TextDraft
from automodel_core.generation.drafting.vocabulary_drafts import VocabularyDraft
from automodel_core.generation.session.early_exit import without_upper_layers
from automodel_core.generation.session.inputs import DecodingInputs, prepare_inputs
from automodel_core.generation.session.outputs import GenerateOutput
from automodel_core.generation.session.protocol import GenerativeModel
from automodel_core.generation.session.session import DecodingSession
from automodel_core.generation.settings.generation import DEFAULTS, GenerationConfig
from automodel_core.generation.strategies.request import Assistant, DecodingRequest

__all__ = ["assisted_decoding", "prepare_assistant"]

_OF_THE_MODEL = ("past_key_values", "encoder_outputs", "inputs_embeds")


def assisted_decoding(session: DecodingSession, request: DecodingRequest) -> GenerateOutput:
    """Continue every row, with drafts of the request's assistant."""
    assistant = request.assistant
    if assistant is None:
        raise GenerationArgumentError(
            "assisted decoding needs an assistant_model, or assistant_early_exit"
        )
    draft: Draft
    if assistant.own_tokenizer is None:
        draft = VocabularyDraft(assistant, request, session.rows_per_item)
    elif session.prompt.shape[0] > 1:
        raise GenerationArgumentError(
            "an assistant with another tokenizer drafts for one sequence at a time, not for "
            f"{session.prompt.shape[0]}"
        )
    elif request.config.do_sample:
        draft = SharedVocabularyDraft(assistant, request)
    else:
        draft = TextDraft(assistant, request)
    return decode_with_draft(session, request, draft)


def prepare_assistant(
    model: GenerativeModel,
    config: GenerationConfig,
    assistant_model: Any,
    inputs: Tensor | None,
    model_kwargs: Mapping[str, Any],
    *,
    own: set[str],
    tokenizer: Any = None,
    assistant_tokenizer: Any = None,
) -> Assistant | None:
    """Return the assistant that the arguments of ``generate`` mean; None if they mean none.

    ``own`` are the settings that the caller made; the assistant's generation config has the others.
    Raise `GenerationArgumentError` for an assistant that does not fit the model.
    """
    if assistant_model is None and not config.assistant_early_exit:
        if assistant_tokenizer is not None:
            raise GenerationArgumentError("assistant_tokenizer needs an assistant_model")
        return None
    if config.assistant_early_exit:
        if assistant_model is not None:
            raise GenerationArgumentError(
                "give an assistant_model or assistant_early_exit, not both"
            )
        assistant_model = without_upper_layers(model, config.assistant_early_exit)
    _check_kind(model, assistant_model)
    if not _has_other_vocabulary(model, assistant_model, tokenizer, assistant_tokenizer):
        assistant_tokenizer = None
    settings = {
        name: _setting(name, config, assistant_model.generation_config, own)
        for name in (
            "num_assistant_tokens", "num_assistant_tokens_schedule",
            "assistant_confidence_threshold", "assistant_lookbehind", "target_lookbehind",
        )
    }  # fmt: skip
    return Assistant(
        model=assistant_model,
        inputs=_inputs(
            assistant_model, config, inputs, model_kwargs, tokenizer, assistant_tokenizer
        ),
        vocabulary=_vocabulary(model),
        num_tokens=settings["num_assistant_tokens"],
        schedule=settings["num_assistant_tokens_schedule"],
        confidence=settings["assistant_confidence_threshold"],
        tokenizer=tokenizer,
        own_tokenizer=assistant_tokenizer,
        lookbehind=settings["assistant_lookbehind"],
        target_lookbehind=settings["target_lookbehind"],
    )


def _setting(name: str, config: GenerationConfig, others: GenerationConfig, own: set[str]) -> Any:
    if name in own:
        return vars(config)[name]
    value = vars(others).get(name)
    return DEFAULTS[name] if value is None else value


def _vocabulary(model: GenerativeModel) -> int:
    return int(model.config.get_text_config(decoder=True).vocab_size)


def _check_kind(model: GenerativeModel, assistant: Any) -> None:
    kinds = ("decoder-only", "encoder-decoder")
    ours, theirs = (bool(m.config.is_encoder_decoder) for m in (model, assistant))
    if ours != theirs:
        raise GenerationArgumentError(
            f"{type(model).__name__} is {kinds[ours]} and its assistant {type(assistant).__name__} "
            f"{kinds[theirs]}: an assistant must read the same inputs"
        )


def _has_other_vocabulary(
    model: GenerativeModel, assistant: Any, tokenizer: Any, assistant_tokenizer: Any
) -> bool:
    """Return whether tokens must be translated; raise if they cannot be."""
    if assistant_tokenizer is not None and tokenizer is not None:
        return bool(tokenizer.get_vocab() != assistant_tokenizer.get_vocab())
    ours, theirs = _vocabulary(model), _vocabulary(assistant)
    if ours != theirs or assistant_tokenizer is not None:
        raise GenerationArgumentError(
            f"{type(model).__name__} has {ours} tokens and its assistant {theirs}: if their "
            "tokenizers differ, give both: tokenizer=..., assistant_tokenizer=..."
        )
    return False


def _inputs(
    assistant: Any,
    config: GenerationConfig,
    inputs: Tensor | None,
    model_kwargs: Mapping[str, Any],
    tokenizer: Any,
    assistant_tokenizer: Any,
) -> DecodingInputs:
    """Return what the assistant reads; with another tokenizer, what its encoder reads, if any."""
    given = dict(model_kwargs)
    ids = given.get(assistant.main_input_name) if inputs is None else inputs
    for name in _OF_THE_MODEL:
        if given.pop(name, None) is None:
            continue
        if ids is None:
            raise GenerationArgumentError(f"an assistant needs the input's tokens, not {name}")
        if name == "past_key_values":
            given.pop("attention_mask", None)  # it may count what only the model has read
    if assistant_tokenizer is None:
        return prepare_inputs(assistant, config, inputs, given)
    if ids is None or not assistant.config.is_encoder_decoder:
        return DecodingInputs(prompt=torch.zeros(1, 0, dtype=torch.long))
    text = tokenizer.decode(ids[0], skip_special_tokens=True)
    read = assistant_tokenizer(text, return_tensors="pt")["input_ids"]
    return prepare_inputs(assistant, assistant.generation_config, read, {})
