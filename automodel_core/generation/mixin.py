"""``generate``, for every model with a language-modelling head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast, overload

import torch
from torch import Tensor

from automodel_core.errors import GenerationArgumentError
from automodel_core.layers.caches.base import Cache
from automodel_core.layers.kernels.decode_steps import score_tokens

if TYPE_CHECKING:
    from automodel_core.generation.processors.base import Processor
    from automodel_core.generation.processors.stopping import Criterion
    from automodel_core.generation.session.outputs import GenerateOutput
    from automodel_core.generation.session.protocol import GenerativeModel, Tokenizer
    from automodel_core.generation.session.session import DecodingSession
    from automodel_core.generation.session.streamers import Streamer
    from automodel_core.generation.settings.generation import GenerationConfig
    from automodel_core.generation.settings.of_model import SettingsAtStart
    from automodel_core.generation.strategies.request import DecodingRequest, DecodingStrategy

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
        # What decoding needs is imported here: models that are loaded for other uses do without.
        from automodel_core.generation.running import Call, run

        call = Call(
            inputs=inputs,
            generation_config=generation_config,
            logits_processor=logits_processor,
            stopping_criteria=stopping_criteria,
            prefix_allowed_tokens_fn=prefix_allowed_tokens_fn,
            synced_gpus=synced_gpus,
            assistant_model=assistant_model,
            streamer=streamer,
            negative_prompt_ids=negative_prompt_ids,
            negative_prompt_attention_mask=negative_prompt_attention_mask,
            use_model_defaults=use_model_defaults,
            custom_generate=custom_generate,
            progress=progress,
            strategy=strategy,
            tokenizer=tokenizer,
            assistant_tokenizer=assistant_tokenizer,
        )
        return run(cast("GenerativeModel", self), call, kwargs)

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
        layer = cast("GenerativeModel", self).get_output_embeddings()
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
        from automodel_core.generation.session.outputs import transition_scores

        return transition_scores(sequences, scores, beam_indices, normalize_logits)

    def heal_tokens(self, input_ids: Tensor, tokenizer: Tokenizer | None = None) -> Tensor:
        """Return ``(batch, length)`` prompts whose last token is chosen anew by the model.

        It is what ``generate(token_healing=True)`` begins with. Padding is hidden, if the tokenizer
        has a token for it. Raises `GenerationArgumentError` without a tokenizer.
        """
        from automodel_core.generation.session.inputs import DecodingInputs
        from automodel_core.generation.token_healing import heal_prompt

        padding = None if tokenizer is None else tokenizer.pad_token_id
        mask = None if padding is None else (input_ids != padding).long()
        inputs = DecodingInputs(input_ids, mask, encoder_input_ids=input_ids)
        return heal_prompt(cast("GenerativeModel", self), inputs, tokenizer).prompt

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
            is_encoder_decoder = cast("GenerativeModel", self).config.is_encoder_decoder
            arguments["decoder_input_ids" if is_encoder_decoder else "input_ids"] = new
        if past_key_values is not None:
            arguments["past_key_values"] = past_key_values
        if attention_mask is not None:
            arguments["attention_mask"] = attention_mask
        return arguments
