"""``generate``, for every model with a language-modelling head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor

from automodel_core.errors import GenerationArgumentError
from automodel_core.generation.arguments import (
    GENERATE_ARGUMENTS,
    reject_unknown,
    resolve_settings,
    set_lengths,
)
from automodel_core.generation.drafting.assisted import prepare_assistant
from automodel_core.generation.processors.build import (
    build_logits_processors,
    build_stopping_criteria,
)
from automodel_core.generation.session.cache_choice import decoding_cache, taken_over
from automodel_core.generation.session.compiled import compiled_decoding
from automodel_core.generation.session.inputs import (
    DecodingInputs,
    check_ids,
    check_mask,
    prepare_inputs,
    token_ids,
)
from automodel_core.generation.session.outputs import GenerateOutput
from automodel_core.generation.session.peers import Peers, find_peers
from automodel_core.generation.session.progress import ProgressLine
from automodel_core.generation.session.protocol import GenerativeModel
from automodel_core.generation.session.session import DecodingSession
from automodel_core.generation.settings.generation import FIELDS, GenerationConfig
from automodel_core.generation.strategies.choice import find_strategy
from automodel_core.generation.strategies.custom_loop import (
    own_arguments,
    published_strategy,
    run_custom,
)
from automodel_core.generation.strategies.request import DecodingRequest
from automodel_core.generation.token_healing import healed
from automodel_core.generation.transition_scores import transition_scores
from automodel_core.layers.kernels.decode_steps import score_tokens

__all__ = ["GenerationMixin"]


class GenerationMixin:
    """Add ``generate`` to a model; `GenerativeModel` says what the model must have."""

    @torch.no_grad()
    def generate(
        self,
        inputs: Tensor | None = None,
        generation_config: GenerationConfig | None = None,
        logits_processor: Sequence[Any] | None = None,
        stopping_criteria: Sequence[Any] | None = None,
        prefix_allowed_tokens_fn: Callable[[int, Tensor], Sequence[int]] | None = None,
        synced_gpus: bool | None = None,
        assistant_model: Any = None,
        streamer: Any = None,
        negative_prompt_ids: Tensor | None = None,
        negative_prompt_attention_mask: Tensor | None = None,
        use_model_defaults: bool | None = None,
        custom_generate: Callable[..., Any] | str | None = None,
        progress: bool = False,
        strategy: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Return token ids (batch * num_return_sequences, length) that continue the inputs.

        ``inputs`` is the prompt of a decoder, or the input of the encoder. Settings may stand in
        ``generation_config`` or be given by keyword, which wins; what neither sets is taken from
        ``model.generation_config``. Other keywords go to the model's ``forward``. With
        ``return_dict_in_generate=True`` the result is a `GenerateOutput`. ``progress`` shows a line
        on stderr. ``assistant_model`` drafts tokens for this one to verify. ``strategy`` names a
        decoding strategy, which plugins may add.
        ``custom_generate`` is a loop of your own: a function of the model and its ids, which is
        given processors, criteria and the model's arguments by keyword. ``synced_gpus`` lets all
        processes of a sharded model run as many forwards.

        Raises `GenerationArgumentError` before the model runs if an argument cannot be right.
        """
        model = cast(GenerativeModel, self)
        tokenizer = kwargs.pop("tokenizer", None)
        assistant_tokenizer = kwargs.pop("assistant_tokenizer", None)
        strategy = strategy or published_strategy(custom_generate)
        kwargs.pop("trust_remote_code", None)  # nothing from a hub is ever run
        own = own_arguments(custom_generate, kwargs, {*FIELDS, *GENERATE_ARGUMENTS})
        kwargs = {name: value for name, value in kwargs.items() if name not in own}
        settings = resolve_settings(model, generation_config, kwargs, use_model_defaults)
        config = settings.config
        if callable(custom_generate):
            decode: Any = partial(run_custom, custom_generate, own=own)
        else:
            _, decode = find_strategy(config, strategy, assistant_model)
        reject_unknown(model, settings.model_kwargs)
        if streamer is not None and (config.num_beams or 1) > 1:
            raise GenerationArgumentError(
                "a streamer cannot follow num_beams > 1: beams may change"
            )
        past = settings.model_kwargs.get("past_key_values")
        settings.model_kwargs["past_key_values"] = taken_over(past, settings.own)
        prepared = prepare_inputs(model, config, inputs, settings.model_kwargs)
        _check_token_settings(model, config)
        prompt_length = prepared.prompt.shape[1]
        set_lengths(model, settings, prepared)
        negative = negative_prompt_ids, negative_prompt_attention_mask
        _check_guidance(model, config, prepared.prompt.shape[0], *negative)
        assistant = prepare_assistant(
            model, config, assistant_model, inputs, settings.model_kwargs,
            own=settings.own, tokenizer=tokenizer, assistant_tokenizer=assistant_tokenizer,
        )  # fmt: skip
        if config.token_healing:
            prepared.prompt = prepared.encoder_input_ids = healed(model, prepared, tokenizer)
        session = _session(model, config, prepared, find_peers(model, synced_gpus))
        processors = build_logits_processors(
            config,
            model,
            prompt_length=prompt_length,
            encoder_input_ids=prepared.encoder_input_ids,
            mask=session.prompt_mask,
            prefix_allowed_tokens_fn=prefix_allowed_tokens_fn,
            negative_prompt_ids=negative_prompt_ids,
            negative_prompt_attention_mask=negative_prompt_attention_mask,
            custom=logits_processor or (),
        )
        max_length = config.max_length or 0
        criteria = build_stopping_criteria(
            config, max_length=max_length, tokenizer=tokenizer, custom=stopping_criteria or ()
        )
        ends, pad = token_ids(config.eos_token_id), config.pad_token_id
        request = DecodingRequest(
            config=config,
            max_length=max_length,
            eos_token_ids=ends,
            pad_token_id=ends[0] if pad is None and ends else pad,
            logits_processor=processors,
            stopping_criteria=criteria,
            assistant=assistant,
            streamer=streamer,
            progress=ProgressLine(max_length - prompt_length) if progress else None,
        )
        output = _run(decode, session, request)
        whole = config.return_dict_in_generate or callable(custom_generate)
        return output if whole else output.sequences

    def score(self, hidden_states: Tensor, cache: Any) -> Tensor:
        """Return the scores over the vocabulary that the decoder's states (..., size) give.

        They are the output layer's; override this where a head does more. ``cache`` is that of the
        sequence, or None.
        """
        layer = cast(GenerativeModel, self).get_output_embeddings()
        if layer is None:
            raise GenerationArgumentError(
                f"{type(self).__name__} does not say what its decoder's states score: it needs "
                "output_embeddings, or a score() of its own"
            )
        return score_tokens(layer, hidden_states, cache)

    def compute_transition_scores(
        self,
        sequences: Tensor,
        scores: Sequence[Tensor],
        beam_indices: Tensor | None = None,
        normalize_logits: bool = False,
    ) -> Tensor:
        """Return the score of each generated token (rows, steps) from an output's fields."""
        return transition_scores(sequences, scores, beam_indices, normalize_logits)

    def prepare_inputs_for_generation(
        self,
        input_ids: Tensor,
        next_sequence_length: int | None = None,
        past_key_values: Any = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        is_first_iteration: bool = False,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Return the arguments of ``forward`` for the next step; override to change them.

        ``input_ids`` (rows, length) are all tokens so far. The last ``next_sequence_length`` of
        them are new to the cache; None says that all are.
        """
        arguments = dict(kwargs)
        new = input_ids if next_sequence_length is None else input_ids[:, -next_sequence_length:]
        if inputs_embeds is not None and is_first_iteration:
            arguments["inputs_embeds"] = inputs_embeds
        else:
            is_pair = cast(GenerativeModel, self).config.is_encoder_decoder
            arguments["decoder_input_ids" if is_pair else "input_ids"] = new
        if past_key_values is not None:
            arguments["past_key_values"] = past_key_values
        if attention_mask is not None:
            arguments["attention_mask"] = attention_mask
        return arguments


def _session(
    model: GenerativeModel,
    config: GenerationConfig,
    inputs: DecodingInputs,
    peers: Peers | None,
) -> DecodingSession:
    positions = (config.max_length or 0) + inputs.first_length - inputs.prompt.shape[1]
    text_config = model.config.get_text_config(decoder=True)
    return DecodingSession(
        model,
        inputs,
        rows_per_item=max(config.num_beams or 1, config.num_return_sequences or 1),
        use_cache=bool(config.use_cache),
        prefill_chunk_size=config.prefill_chunk_size,
        cache=decoding_cache(config, text_config, positions),
        flags=_flags(config),
        checks_logits=not config.remove_invalid_values,
        peers=peers,
        compiled=compiled_decoding(
            config, inputs.past_key_values, (config.max_length or 0) - inputs.prompt.shape[1]
        ),
    )


def _run(decode: Any, session: DecodingSession, request: DecodingRequest) -> GenerateOutput:
    if request.streamer is not None:
        request.streamer.put(session.prompt.cpu())
    try:
        output: GenerateOutput = decode(session, request)
    finally:
        session.close()
        if request.progress is not None:
            request.progress.close()
    session.wait_for_peers()
    if request.streamer is not None:
        request.streamer.end()
    return output


def _flags(config: GenerationConfig) -> dict[str, bool]:
    """Return what the model must return beside logits, if there is a dict to put it in."""
    if not config.return_dict_in_generate:
        return {}
    flags = {
        "output_attentions": bool(config.output_attentions),
        "output_hidden_states": bool(config.output_hidden_states),
    }
    return {name: True for name, wanted in flags.items() if wanted}


def _check_guidance(
    model: GenerativeModel, config: GenerationConfig, batch: int, ids: Any, mask: Any
) -> None:
    """Raise for guidance that the model cannot have, and for negative prompts that do not fit."""
    guided = config.guidance_scale is not None and config.guidance_scale != 1
    if guided and (model.config.is_encoder_decoder or (config.num_beams or 1) > 1):
        raise GenerationArgumentError(
            "guidance_scale works for decoder-only models with num_beams=1"
        )
    if ids is None:
        return
    if not guided:
        raise GenerationArgumentError("negative_prompt_ids needs a guidance_scale other than 1")
    vocabulary = model.config.get_text_config(decoder=True).vocab_size
    check_ids(ids, "negative_prompt_ids", vocabulary)
    if ids.shape[0] not in (1, batch):
        raise GenerationArgumentError(
            f"negative_prompt_ids has {ids.shape[0]} rows for a batch of {batch}"
        )
    if mask is not None:
        check_mask(mask, "negative_prompt_attention_mask", tuple(ids.shape))


def _check_token_settings(model: GenerativeModel, config: GenerationConfig) -> None:
    """Raise for tokens to start with or to force that the model does not have."""
    vocabulary = model.config.get_text_config(decoder=True).vocab_size
    for name in ("decoder_start_token_id", "forced_bos_token_id", "forced_eos_token_id"):
        if name == "decoder_start_token_id" and not model.config.is_encoder_decoder:
            continue
        wrong = [i for i in token_ids(vars(config)[name]) if not 0 <= i < vocabulary]
        if wrong:
            raise GenerationArgumentError(
                f"{name} is {wrong[0]}; the model's tokens are 0 to {vocabulary - 1}"
            )
