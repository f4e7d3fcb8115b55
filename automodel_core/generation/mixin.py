"""``generate``, for every model with a language-modelling head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast, overload

import torch
from torch import Tensor, nn

from automodel_core.errors import GenerationArgumentError
from automodel_core.generation.arguments import resolve_settings, set_lengths
from automodel_core.generation.drafting.assisted import prepare_assistant
from automodel_core.generation.processors.build import (
    build_logits_processors,
    build_stopping_criteria,
)
from automodel_core.generation.session.cache_choice import new_cache
from automodel_core.generation.session.checks import (
    check_guidance,
    check_streamer,
    check_token_settings,
)
from automodel_core.generation.session.compiled import compiled_decoding
from automodel_core.generation.session.inputs import DecodingInputs, prepare_inputs
from automodel_core.generation.session.outputs import GenerateOutput, transition_scores
from automodel_core.generation.session.peers import find_peers, gather_first
from automodel_core.generation.session.progress import ProgressLine
from automodel_core.generation.session.protocol import GenerativeModel, Tokenizer
from automodel_core.generation.session.session import DecodingSession
from automodel_core.generation.session.streamers import Streamer
from automodel_core.generation.settings.generation import GenerationConfig, token_ids
from automodel_core.generation.settings.of_model import SettingsAtStart
from automodel_core.generation.strategies.choice import choose_strategy
from automodel_core.generation.strategies.request import DecodingRequest, DecodingStrategy
from automodel_core.generation.token_healing import heal_prompt
from automodel_core.layers.caches.base import Cache
from automodel_core.layers.kernels.decode_steps import score_tokens

if TYPE_CHECKING:
    from automodel_core.generation.processors.base import Processor
    from automodel_core.generation.processors.stopping import Criterion
__all__ = ["GenerationMixin"]


class GenerationMixin:
    """Add ``generate`` to a model; `GenerativeModel` says what the model must have."""

    settings_at_start: SettingsAtStart | None = None

    # For editors and type checkers: what is returned, and the settings that are used most.

    @overload
    def generate(
        self,
        inputs: Tensor | None = None,
        generation_config: None = None,
        logits_processor: Sequence[Processor] | None = None,
        stopping_criteria: Sequence[Criterion] | None = None,
        prefix_allowed_tokens_fn: Callable[[int, Tensor], Sequence[int]] | None = None,
        synced_gpus: bool | None = None,
        assistant_model: GenerationMixin | None = None,
        streamer: Streamer | None = None,
        negative_prompt_ids: Tensor | None = None,
        negative_prompt_attention_mask: Tensor | None = None,
        use_model_defaults: bool | None = None,
        custom_generate: str | None = None,
        progress: bool = False,
        strategy: str | None = None,
        *,
        tokenizer: Tokenizer | None = None,
        assistant_tokenizer: Tokenizer | None = None,
        max_new_tokens: int | None = None,
        max_length: int | None = None,
        do_sample: bool | None = None,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        repetition_penalty: float | None = None,
        num_beams: int | None = None,
        num_return_sequences: int | None = None,
        return_dict_in_generate: Literal[False] | None = None,
        **kwargs: Any,
    ) -> Tensor: ...

    @overload
    def generate(
        self,
        inputs: Tensor | None = None,
        generation_config: GenerationConfig | None = None,
        *,
        return_dict_in_generate: Literal[True],
        **kwargs: Any,
    ) -> GenerateOutput: ...

    @overload
    def generate(
        self,
        inputs: Tensor | None = None,
        generation_config: GenerationConfig | None = None,
        *,
        return_dict_in_generate: bool | None = None,
        **kwargs: Any,
    ) -> Tensor | GenerateOutput: ...

    @torch.no_grad()
    def generate(
        self,
        inputs: Tensor | None = None,
        generation_config: GenerationConfig | None = None,
        logits_processor: Sequence[Processor] | None = None,
        stopping_criteria: Sequence[Criterion] | None = None,
        prefix_allowed_tokens_fn: Callable[[int, Tensor], Sequence[int]] | None = None,
        synced_gpus: bool | None = None,
        assistant_model: GenerationMixin | None = None,
        streamer: Streamer | None = None,
        negative_prompt_ids: Tensor | None = None,
        negative_prompt_attention_mask: Tensor | None = None,
        use_model_defaults: bool | None = None,
        custom_generate: Callable[..., Any] | str | None = None,
        progress: bool = False,
        strategy: str | None = None,
        *,
        tokenizer: Tokenizer | None = None,
        assistant_tokenizer: Tokenizer | None = None,
        **kwargs: Any,
    ) -> Any:
        """Return token ids (batch * num_return_sequences, length) that continue the inputs.

        ``inputs`` is the prompt of a decoder, or the input of the encoder. Settings may be in
        ``generation_config`` or keywords, which take precedence; what neither sets is taken from
        ``model.generation_config``. Other keywords go to the model's ``forward``. With
        ``return_dict_in_generate=True`` the result is a `GenerateOutput`. ``progress`` shows a line
        on stderr. ``assistant_model`` drafts tokens for this one to verify. ``strategy`` names a
        decoding strategy, which plugins may add. ``custom_generate`` is a decoding loop: a function
        of the model and its ids, which is given processors, criteria and the model's arguments by
        keyword. ``synced_gpus`` makes all processes of a sharded model run as many forwards.
        ``tokenizer`` is needed for stop strings and token healing.

        Raises `GenerationArgumentError` before the model runs if an argument cannot be right.
        """
        model = cast(GenerativeModel, self)
        drafter = cast("GenerativeModel | None", assistant_model)

        # Settings: which hold, and which loop they ask for.
        settings = resolve_settings(
            model, generation_config, kwargs, use_model_defaults, custom_generate, strategy
        )
        config = settings.config
        decode = choose_strategy(settings, strategy, custom_generate, drafter)

        # Inputs: what the model is called with, and how long the result may get.
        prepared = prepare_inputs(model, config, inputs, settings.model_arguments)
        max_length = set_lengths(model, settings, prepared)
        check_token_settings(model, config)
        check_guidance(
            model, config, len(prepared.prompt), negative_prompt_ids, negative_prompt_attention_mask
        )
        check_streamer(config, streamer)

        # Parts: they refuse what does not fit; the model runs only to heal a prompt.
        assistant = prepare_assistant(
            model, settings, drafter, inputs, tokenizer, assistant_tokenizer
        )
        if config.token_healing:
            prepared = heal_prompt(model, prepared, tokenizer)
        session = _open_session(model, config, prepared, synced_gpus)
        processors = build_logits_processors(
            config, model, prepared,
            prompt_mask=session.prompt_mask,
            prefix_allowed_tokens_fn=prefix_allowed_tokens_fn,
            negative_prompt_ids=negative_prompt_ids,
            negative_prompt_attention_mask=negative_prompt_attention_mask,
            custom=logits_processor or (),
        )  # fmt: skip
        criteria = build_stopping_criteria(config, tokenizer, custom=stopping_criteria or ())
        ends, new_tokens = token_ids(config.eos_token_id), max_length - session.prompt.shape[1]
        request = DecodingRequest(
            config=config,
            max_length=max_length,
            eos_token_ids=ends,
            pad_token_id=ends[0] if config.pad_token_id is None and ends else config.pad_token_id,
            logits_processor=processors,
            stopping_criteria=criteria,
            assistant=assistant,
            streamer=streamer,
            progress=ProgressLine(new_tokens) if progress else None,
        )

        gather_first(cast(nn.Module, self), "_decode")
        output = self._decode(decode, session, request)
        is_whole = config.return_dict_in_generate or callable(custom_generate)
        return output if is_whole else output.sequences

    def _decode(
        self, decode: DecodingStrategy, session: DecodingSession, request: DecodingRequest
    ) -> GenerateOutput:
        """Run a decoding loop, and tell the streamer, the progress line and other processes."""
        if request.streamer is not None:
            request.streamer.put(session.prompt.cpu())
        try:
            output = decode(session, request)
        finally:
            session.close()
            if request.progress is not None:
                request.progress.close()
        session.wait_for_peers()
        if request.streamer is not None:
            request.streamer.end()
        return output

    def new_cache(self) -> Cache:
        """Return an empty cache of the kind that the decoder fills."""
        return Cache()

    @property
    def first_position(self) -> int:
        """The position of a text's first token, from which those of padded rows are counted."""
        return 0

    def score_states(self, hidden_states: Tensor, cache: Cache | None) -> Tensor:
        """Return the logits (..., vocabulary) of the decoder's hidden states (..., size).

        They are the output layer's; override this where a head does more. ``cache`` is that of the
        sequence, or None.
        """
        layer = cast(GenerativeModel, self).get_output_embeddings()
        if layer is None:
            raise GenerationArgumentError(
                f"{type(self).__name__} does not say what its decoder's states score: it needs "
                "output_embeddings, or a score_states() of its own"
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

    def heal_tokens(self, input_ids: Tensor, tokenizer: Tokenizer | None = None) -> Tensor:
        """Return ``(batch, length)`` prompts whose last token is chosen anew by the model.

        It is what ``generate(token_healing=True)`` begins with. Padding is hidden, if the tokenizer
        has a token for it. Raises `GenerationArgumentError` without a tokenizer.
        """
        padding = None if tokenizer is None else tokenizer.pad_token_id
        mask = None if padding is None else (input_ids != padding).long()
        inputs = DecodingInputs(input_ids, mask, encoder_input_ids=input_ids)
        return heal_prompt(cast(GenerativeModel, self), inputs, tokenizer).prompt

    def prepare_inputs_for_generation(
        self,
        input_ids: Tensor,
        next_sequence_length: int | None = None,
        past_key_values: Cache | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        is_first_iteration: bool = False,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Return the arguments of ``forward`` for the next step; override to change them.

        ``input_ids`` (rows, length) are all tokens so far. The last ``next_sequence_length`` of
        them are new to the cache; None means all.
        """
        arguments = dict(kwargs)
        new = input_ids if next_sequence_length is None else input_ids[:, -next_sequence_length:]
        if inputs_embeds is not None and is_first_iteration:
            arguments["inputs_embeds"] = inputs_embeds
        else:
            is_encoder_decoder = cast(GenerativeModel, self).config.is_encoder_decoder
            arguments["decoder_input_ids" if is_encoder_decoder else "input_ids"] = new
        if past_key_values is not None:
            arguments["past_key_values"] = past_key_values
        if attention_mask is not None:
            arguments["attention_mask"] = attention_mask
        return arguments


def _open_session(
    model: GenerativeModel,
    config: GenerationConfig,
    inputs: DecodingInputs,
    synced_gpus: bool | None,
) -> DecodingSession:
    new_tokens = (config.max_length or 0) - inputs.prompt.shape[1]
    text_config = model.config.get_text_config(decoder=True)
    return DecodingSession(
        model,
        inputs,
        rows_per_item=max(config.num_beams or 1, config.num_return_sequences or 1),
        use_cache=bool(config.use_cache),
        prefill_chunk_size=config.prefill_chunk_size,
        cache=new_cache(config, text_config, inputs.first_length + new_tokens),
        flags=_output_flags(config),
        checks_logits=not config.remove_invalid_values,
        peers=find_peers(model, synced_gpus),
        compiled=compiled_decoding(config, inputs.past_key_values, new_tokens),
    )


def _output_flags(config: GenerationConfig) -> dict[str, bool]:
    """Return which tensors beside logits the model must return, if an output shall hold them."""
    if not config.return_dict_in_generate:
        return {}
    names = ("output_attentions", "output_hidden_states")
    return {name: True for name in names if vars(config)[name]}
