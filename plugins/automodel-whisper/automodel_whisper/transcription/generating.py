"""``generate`` of Whisper: recordings of any length in, tokens with times out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from automodel_core.errors import GenerationArgumentError, InputError
from automodel_core.generation import GenerateOutput, GenerationConfig
from automodel_core.modeling import (
    BaseModelOutput,
    GenerativePreTrainedModel,
    as_encoder_output,
)
from automodel_whisper.transcription.arguments import (
    OWN_KEYS,
    plan_of,
    settings_of,
    settle_timestamps,
    window_settings,
)
from automodel_whisper.transcription.processors import WhisperTimeStampLogitsProcessor
from automodel_whisper.transcription.prompts import as_prompt, check_settings, start_tokens
from automodel_whisper.transcription.results import result_of
from automodel_whisper.transcription.windows import Recording, Transcription, rows_of

if TYPE_CHECKING:
    Processor = Callable[..., Tensor]


class WhisperGenerationMixin(GenerativePreTrainedModel):
    """``generate`` for speech of any length, and the detection of its language."""

    config: Any
    model: Any

    @torch.no_grad()
    def generate(  # type: ignore[override]
        self,
        input_features: Tensor | None = None,
        generation_config: GenerationConfig | None = None,
        logits_processor: Sequence[Processor] | None = None,
        stopping_criteria: Sequence[Callable[..., Any]] | None = None,
        prefix_allowed_tokens_fn: Callable[[int, Tensor], Sequence[int]] | None = None,
        synced_gpus: bool | None = None,
        return_timestamps: bool | None = None,
        task: str | None = None,
        language: str | Sequence[str] | None = None,
        is_multilingual: bool | None = None,
        prompt_ids: Tensor | None = None,
        prompt_condition_type: str | None = None,
        condition_on_prev_tokens: bool | None = None,
        temperature: float | Sequence[float] | None = None,
        compression_ratio_threshold: float | None = None,
        logprob_threshold: float | None = None,
        no_speech_threshold: float | None = None,
        num_segment_frames: int | None = None,
        attention_mask: Tensor | None = None,
        time_precision: float = 0.02,
        time_precision_features: float = 0.01,
        return_token_timestamps: bool | None = None,
        return_segments: bool = False,
        return_dict_in_generate: bool | None = None,
        force_unique_generate_call: bool | None = None,
        monitor_progress: Callable[[Tensor], None] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Return the tokens ``(rows, length)`` of speech, without the prompt and the end.

        ``input_features`` are spectrograms ``(batch, mels, frames)``. More frames than the encoder
        has are heard window by window, which needs timestamps and, for a batch, the
        ``attention_mask`` ``(batch, frames)``, which says where each row ends. ``language``, one
        or one a row, is detected if it is not given; ``prompt_ids``, from the tokenizer's
        ``get_prompt_ids``, is text that stands before. Several temperatures are tried in turn
        while tokens repeat themselves (``compression_ratio_threshold``) or are unlikely
        (``logprob_threshold``). With ``return_segments``, ``return_token_timestamps`` or
        ``return_dict_in_generate`` the result has ``sequences`` and what is asked for by name.
        Other keywords are settings, as of any model.

        Raises `GenerationArgumentError` for arguments that cannot be meant.
        """
        features = kwargs.pop("inputs", None) if input_features is None else input_features
        states = _as_states(kwargs.pop("encoder_outputs", None))
        prompts = kwargs.pop("decoder_input_ids", None)
        if temperature is None and kwargs.pop("do_sample", False):
            temperature = 1.0
        named = {
            "task": task,
            "language": language,
            "is_multilingual": is_multilingual,
            "return_timestamps": return_timestamps,
            "condition_on_prev_tokens": condition_on_prev_tokens,
            "compression_ratio_threshold": compression_ratio_threshold,
            "logprob_threshold": logprob_threshold,
            "no_speech_threshold": no_speech_threshold,
            "return_dict_in_generate": return_dict_in_generate,
            "force_unique_generate_call": force_unique_generate_call,
            "prompt_condition_type": prompt_condition_type or "first-segment",
            **{name: kwargs.pop(name) for name in OWN_KEYS if name in kwargs},
        }
        settings = settings_of(self, generation_config, kwargs, named)
        batch, frames = self._sizes(features, states, num_segment_frames)
        is_short = frames <= self.config.max_source_frames
        settle_timestamps(settings, return_timestamps, self.config, is_short=is_short)
        check_settings(settings, named)
        heard = None if attention_mask is None else attention_mask.sum(-1).tolist()
        ends = [frames] * batch
        if batch > 1 and not is_short:
            if heard is None:
                raise GenerationArgumentError(
                    "several recordings of more than one window need attention_mask, which says "
                    "where each ends: the processor returns it with return_attention_mask=True"
                )
            ends = heard
        if features is not None:
            features = features.to(self.device)
        encode = self._encoder(settings)
        if features is not None and states is None and is_short:
            missing = self.config.max_source_frames - frames
            states = encode(F.pad(features, (0, missing)))

        def detect() -> Tensor:
            heard = self._first_states(features) if states is None else states
            return self._languages(heard, settings)

        if prompts is None:
            old = settings.get("forced_decoder_ids") or self.config.get("forced_decoder_ids")
            prompts = torch.tensor(start_tokens(settings, old, batch, detect))
        plan = plan_of(
            settings,
            as_prompt(prompt_ids, self.device),
            temperature,
            (time_precision, time_precision_features),
            times=bool(return_token_timestamps),
        )
        rows = torch.arange(batch).repeat_interleave(settings.get("num_return_sequences") or 1)
        past = plan.first_past()
        recordings = [
            Recording(
                prompts[row].to(self.device),
                ends[row],
                row,
                past=[*past],
                continues=bool(condition_on_prev_tokens),
            )
            for row in rows.tolist()
        ]
        if states is not None and len(rows) > batch:
            states = rows_of(states, rows)
        generate = super().generate

        def decode(
            window: Tensor | None,
            states: BaseModelOutput,
            prompts: Tensor,
            mask: Tensor | None,
            temperature: float | None,
        ) -> GenerateOutput:
            begin = prompts.shape[1]
            processors = [*(logits_processor or ())]
            if settings["return_timestamps"]:
                processors.insert(0, WhisperTimeStampLogitsProcessor(settings, begin))
            output: GenerateOutput = generate(
                input_features=window,
                encoder_outputs=states,
                decoder_input_ids=prompts,
                decoder_attention_mask=mask,
                generation_config=generation_config,
                logits_processor=processors,
                stopping_criteria=stopping_criteria,
                prefix_allowed_tokens_fn=prefix_allowed_tokens_fn,
                synced_gpus=synced_gpus,
                num_return_sequences=1,
                return_dict_in_generate=True,
                **window_settings(settings, kwargs, self.config, begin, temperature),
            )
            return output

        Transcription(self, plan, features, heard).run(
            recordings, states, encode, decode, monitor_progress
        )
        return result_of(recordings, plan, self.device, with_segments=return_segments)

    def detect_language(
        self,
        input_features: Tensor | None = None,
        encoder_outputs: Any = None,
        generation_config: GenerationConfig | None = None,
        num_segment_frames: int = 3000,
    ) -> Tensor:
        """Return the token ``(batch,)`` of the language that is spoken in the first window.

        Give either spectrograms ``(batch, mels, frames)`` or the encoder's output.
        """
        if (input_features is None) == (encoder_outputs is None):
            raise GenerationArgumentError("give either input_features or encoder_outputs")
        states = _as_states(encoder_outputs)
        if states is None:
            states = self._first_states(input_features, num_segment_frames)
        config = self.generation_config if generation_config is None else generation_config
        with torch.no_grad():
            return self._languages(states, vars(config))

    def _first_states(self, features: Any, frames: int | None = None) -> BaseModelOutput:
        """Return what the encoder hears in the first window."""
        width = self.config.max_source_frames
        heard: Tensor = features[:, :, : min(frames or width, width)].to(self.device)
        states: BaseModelOutput = self.model.encoder(F.pad(heard, (0, width - heard.shape[-1])))
        return states

    def _languages(self, states: BaseModelOutput, settings: Mapping[str, Any]) -> Tensor:
        """Return the likeliest token ``(batch,)`` of a language behind the start token."""
        known = settings.get("lang_to_id")
        if not known:
            raise GenerationArgumentError(
                "languages are detected by lang_to_id in the model's generation_config, which a "
                "model of English only, or an old checkpoint, lacks"
            )
        rows = len(states.last_hidden_state)
        start = torch.full((rows, 1), settings["decoder_start_token_id"], device=self.device)
        decoded = self.model.decoder(
            input_ids=start, encoder_hidden_states=states.last_hidden_state, use_cache=False
        )
        logits = self.score_states(decoded.last_hidden_state, None)[:, -1]
        ids = torch.tensor(sorted(known.values()), device=logits.device)
        return ids[logits[:, ids].argmax(dim=-1)]

    def _encoder(self, settings: dict[str, Any]) -> Callable[[Tensor], BaseModelOutput]:
        """Return the encoder with what the call asks it to show."""
        shown = {}
        if settings.get("return_dict_in_generate"):
            names = ("output_attentions", "output_hidden_states")
            shown = {name: settings.get(name) for name in names}

        def encode(window: Tensor) -> BaseModelOutput:
            states: BaseModelOutput = self.model.encoder(window, **shown)
            return states

        return encode

    def _sizes(
        self, features: Tensor | None, states: BaseModelOutput | None, asked: int | None
    ) -> tuple[int, int]:
        """Return how many rows there are, and how many frames each has."""
        window = self.config.max_source_frames
        if asked not in (None, window):
            raise GenerationArgumentError(
                f"num_segment_frames={asked}: the encoder reads {window} frames, and no others"
            )
        if features is not None and features.dim() != 3:
            raise InputError(
                f"input_features must be (batch, mels, frames), not {tuple(features.shape)}"
            )
        if features is not None:
            return features.shape[0], features.shape[-1]
        if states is None:
            raise GenerationArgumentError("give input_features, or encoder_outputs")
        return states.last_hidden_state.shape[0], window


def _as_states(encoder_outputs: Any) -> BaseModelOutput | None:
    """Return the caller's output of an encoder, or states, in one form."""
    if encoder_outputs is None:
        return None
    if isinstance(encoder_outputs, Tensor):
        return BaseModelOutput(last_hidden_state=encoder_outputs)
    return as_encoder_output(encoder_outputs)
