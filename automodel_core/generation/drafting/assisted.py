"""Assisted decoding: a model with a smaller one as assistant, or with its own lower layers."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor

from automodel_core.errors import GenerationArgumentError
from automodel_core.generation.arguments import Settings
from automodel_core.generation.drafting.speculative import Draft, decode_with_draft
from automodel_core.generation.drafting.text_drafts import SharedVocabularyDraft, TextDraft
from automodel_core.generation.drafting.vocabulary_drafts import VocabularyDraft
from automodel_core.generation.session.early_exit import without_upper_layers
from automodel_core.generation.session.inputs import DecodingInputs, prepare_inputs
from automodel_core.generation.session.outputs import GenerateOutput
from automodel_core.generation.session.protocol import (
    GenerativeModel,
    Tokenizer,
    vocabulary_size,
)
from automodel_core.generation.session.session import DecodingSession
from automodel_core.generation.settings.generation import DEFAULTS
from automodel_core.generation.strategies.request import Assistant, DecodingRequest

__all__ = ["assisted_decoding", "prepare_assistant"]

_SETTINGS = (
    "num_assistant_tokens", "num_assistant_tokens_schedule", "assistant_confidence_threshold",
    "assistant_lookbehind", "target_lookbehind",
)  # fmt: skip

_TARGET_ONLY = ("past_key_values", "encoder_outputs", "inputs_embeds")
"""Arguments computed by the model that verifies, which an assistant cannot use."""


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
    settings: Settings,
    assistant_model: GenerativeModel | None,
    inputs: Tensor | None,
    tokenizer: Tokenizer | None = None,
    assistant_tokenizer: Tokenizer | None = None,
) -> Assistant | None:
    """Return the assistant that the arguments of ``generate`` ask for, if they do.

    Its own generation config holds the settings that the caller did not give. Raise
    `GenerationArgumentError` for an assistant that does not fit the model.
    """
    config = settings.config
    if config.assistant_early_exit:
        if assistant_model is not None:
            raise GenerationArgumentError(
                "give an assistant_model or assistant_early_exit, not both"
            )
        assistant_model = without_upper_layers(model, config.assistant_early_exit)
    if assistant_model is None:
        if assistant_tokenizer is not None:
            raise GenerationArgumentError("assistant_tokenizer needs an assistant_model")
        return None
    _check_kind(model, assistant_model)
    if not _needs_translation(model, assistant_model, tokenizer, assistant_tokenizer):
        assistant_tokenizer = None
    found = {name: _setting(name, settings, assistant_model) for name in _SETTINGS}
    return Assistant(
        model=assistant_model,
        inputs=_inputs(assistant_model, settings, inputs, tokenizer, assistant_tokenizer),
        vocabulary=vocabulary_size(model),
        num_tokens=found["num_assistant_tokens"],
        schedule=found["num_assistant_tokens_schedule"],
        confidence=found["assistant_confidence_threshold"],
        tokenizer=tokenizer,
        own_tokenizer=assistant_tokenizer,
        lookbehind=found["assistant_lookbehind"],
        target_lookbehind=found["target_lookbehind"],
    )


def _setting(name: str, settings: Settings, assistant_model: GenerativeModel) -> Any:
    if name in settings.explicit:
        return vars(settings.config)[name]
    value = vars(assistant_model.generation_config).get(name)
    return DEFAULTS[name] if value is None else value


def _check_kind(model: GenerativeModel, assistant: GenerativeModel) -> None:
    kinds = ("decoder-only", "encoder-decoder")
    ours, theirs = (bool(m.config.is_encoder_decoder) for m in (model, assistant))
    if ours != theirs and not (ours and _reads_states(assistant)):
        raise GenerationArgumentError(
            f"{type(model).__name__} is {kinds[ours]} and its assistant {type(assistant).__name__} "
            f"{kinds[theirs]}: an assistant must read the same inputs"
        )


def _reads_states(assistant: GenerativeModel) -> bool:
    """Return whether an assistant is a decoder alone that reads the states of a given encoder."""
    takes = inspect.signature(assistant.forward).parameters
    return not assistant.config.is_encoder_decoder and "encoder_outputs" in takes


def _needs_translation(
    model: GenerativeModel,
    assistant: GenerativeModel,
    tokenizer: Tokenizer | None,
    assistant_tokenizer: Tokenizer | None,
) -> bool:
    """Return whether tokens must be translated between tokenizers; raise if one is missing."""
    if assistant_tokenizer is not None and tokenizer is not None:
        return bool(tokenizer.get_vocab() != assistant_tokenizer.get_vocab())
    ours, theirs = vocabulary_size(model), vocabulary_size(assistant)
    if ours != theirs or assistant_tokenizer is not None:
        raise GenerationArgumentError(
            f"{type(model).__name__} has {ours} tokens and its assistant {theirs}: if their "
            "tokenizers differ, give both: tokenizer=..., assistant_tokenizer=..."
        )
    return False


def _inputs(
    assistant: GenerativeModel,
    settings: Settings,
    inputs: Tensor | None,
    tokenizer: Tokenizer | None,
    assistant_tokenizer: Tokenizer | None,
) -> DecodingInputs:
    """Return the assistant's inputs; with its own tokenizer only its encoder's, if it has one."""
    given = dict(settings.model_arguments)
    if _reads_states(assistant) and given.get("encoder_outputs") is not None:
        shared = {"input_ids": given.get("decoder_input_ids"), **given}
        shared["attention_mask"] = given.get("decoder_attention_mask")
        kept = ("input_ids", "attention_mask", "encoder_outputs")
        return prepare_inputs(assistant, settings.config, None, {k: shared[k] for k in kept})
    ids = given.get(assistant.main_input_name) if inputs is None else inputs
    for name in _TARGET_ONLY:
        if given.pop(name, None) is None:
            continue
        if ids is None:
            raise GenerationArgumentError(f"an assistant needs the input's tokens, not {name}")
        if name == "past_key_values":
            given.pop("attention_mask", None)  # it may count what only the model has read
    if assistant_tokenizer is None or tokenizer is None:
        return prepare_inputs(assistant, settings.config, inputs, given)
    if ids is None or not assistant.config.is_encoder_decoder:
        return DecodingInputs(prompt=torch.zeros(1, 0, dtype=torch.long))
    text = tokenizer.decode(ids[0], skip_special_tokens=True)
    read = assistant_tokenizer(text, return_tensors="pt")["input_ids"]
    return prepare_inputs(assistant, assistant.generation_config, read, {})
