"""Builds the processors and stopping criteria that a generation config needs, and no other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from torch import Tensor

from automodel_core.errors import GenerationArgumentError, warn_caller
from automodel_core.generation.processors.base import (
    ExponentialDecayLengthPenalty,
    ForcedBOSTokenLogitsProcessor,
    ForcedEOSTokenLogitsProcessor,
    InfNanRemoveLogitsProcessor,
    LogitNormalization,
    LogitsProcessorList,
    MinLengthLogitsProcessor,
    MinNewTokensLengthLogitsProcessor,
    PrefixConstrainedLogitsProcessor,
    Processor,
    SuppressTokensAtBeginLogitsProcessor,
    SuppressTokensLogitsProcessor,
)
from automodel_core.generation.processors.diversity import HammingDiversityLogitsProcessor
from automodel_core.generation.processors.guidance import (
    UnbatchedClassifierFreeGuidanceLogitsProcessor,
)
from automodel_core.generation.processors.repetition import (
    EncoderNoRepeatNGramLogitsProcessor,
    EncoderRepetitionPenaltyLogitsProcessor,
    NoBadWordsLogitsProcessor,
    NoRepeatNGramLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
    SequenceBiasLogitsProcessor,
)
from automodel_core.generation.processors.stopping import (
    Criterion,
    EosTokenCriteria,
    MaxLengthCriteria,
    MaxTimeCriteria,
    StoppingCriteriaList,
    StopStringCriteria,
)
from automodel_core.generation.processors.warpers import (
    EpsilonLogitsWarper,
    EtaLogitsWarper,
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopHLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
    TypicalLogitsWarper,
)
from automodel_core.generation.session.inputs import DecodingInputs
from automodel_core.generation.session.protocol import (
    GenerativeModel,
    TextDecoder,
    vocabulary_size,
)
from automodel_core.generation.settings.generation import GenerationConfig, token_ids
from automodel_core.generation.settings.watermark import watermarking_of

__all__ = ["build_logits_processors", "build_stopping_criteria"]

Item = TypeVar("Item", bound=Callable[..., Any])


def build_logits_processors(
    config: GenerationConfig,
    model: GenerativeModel,
    inputs: DecodingInputs,
    *,
    prompt_mask: Tensor | None = None,
    prefix_allowed_tokens_fn: Callable[[int, Tensor], Sequence[int]] | None = None,
    negative_prompt_ids: Tensor | None = None,
    negative_prompt_attention_mask: Tensor | None = None,
    custom: Sequence[Processor] = (),
) -> LogitsProcessorList:
    """Return the processors in the order in which they apply.

    ``prompt_mask`` (batch, length) is None if it hides nothing. A ``custom`` processor replaces a
    built one of exactly its class; the other custom ones come before the warpers.
    """
    prompt_length = inputs.prompt.shape[1]
    processors = LogitsProcessorList()
    if config.guidance_scale is not None and config.guidance_scale != 1:
        processors.append(
            UnbatchedClassifierFreeGuidanceLogitsProcessor(
                config.guidance_scale,
                model,
                negative_prompt_ids,
                negative_prompt_attention_mask,
                use_cache=bool(config.use_cache),
            )
        )
    if config.sequence_bias:
        processors.append(SequenceBiasLogitsProcessor(config.sequence_bias))
    if (config.num_beam_groups or 1) > 1 and config.diversity_penalty:
        processors.append(
            HammingDiversityLogitsProcessor(
                config.diversity_penalty, config.num_beams or 1, config.num_beam_groups or 1
            )
        )
    processors += _against_repetition(config, inputs, prompt_mask)
    processors += _about_the_end(config, prompt_length)
    if prefix_allowed_tokens_fn is not None:
        together = (config.num_beams or 1) // (config.num_beam_groups or 1)
        processors.append(PrefixConstrainedLogitsProcessor(prefix_allowed_tokens_fn, together))
    processors += _forced_and_forbidden(config, prompt_length)
    vocabulary = vocabulary_size(model)
    for processor in processors:
        if isinstance(processor, SequenceBiasLogitsProcessor):
            processor.check(vocabulary)
    processors = LogitsProcessorList(_with_custom(processors, custom, "logits processor"))
    if config.do_sample:
        processors += _warpers(config)
    if config.watermarking_config is not None:
        watermarking = watermarking_of(config.watermarking_config)
        processors.append(watermarking.construct_processor(vocabulary, model.device))
    if config.renormalize_logits:
        processors.append(LogitNormalization())
    return processors


def _against_repetition(
    config: GenerationConfig, inputs: DecodingInputs, mask: Tensor | None
) -> list[Processor]:
    found: list[Processor] = []
    encoder_input_ids = inputs.encoder_input_ids
    penalty = config.encoder_repetition_penalty
    if penalty is not None and penalty != 1.0 and _has_ids(encoder_input_ids, config, "penalty"):
        found.append(EncoderRepetitionPenaltyLogitsProcessor(penalty, encoder_input_ids))  # type: ignore[arg-type]
    if config.repetition_penalty is not None and config.repetition_penalty != 1.0:
        padding = None if mask is None else (mask != 0).int().argmax(dim=1)
        found.append(RepetitionPenaltyLogitsProcessor(config.repetition_penalty, padding))
    if config.no_repeat_ngram_size:
        found.append(NoRepeatNGramLogitsProcessor(config.no_repeat_ngram_size))
    if found and inputs.prompt.shape[1] == 0:
        warn_caller("repetition settings see new tokens only: the prompt is given as inputs_embeds")
    size = config.encoder_no_repeat_ngram_size
    if size and _has_ids(encoder_input_ids, config, "n-gram size"):
        found.append(EncoderNoRepeatNGramLogitsProcessor(size, encoder_input_ids))  # type: ignore[arg-type]
    return found


def _has_ids(encoder_input_ids: Tensor | None, config: GenerationConfig, what: str) -> bool:
    if encoder_input_ids is None:
        warn_caller(f"the encoder {what} is ignored: there are no input_ids")
    return encoder_input_ids is not None


def _about_the_end(config: GenerationConfig, prompt_length: int) -> list[Processor]:
    found: list[Processor] = []
    ends = token_ids(config.eos_token_id)
    if config.bad_words_ids is not None:
        words = NoBadWordsLogitsProcessor(config.bad_words_ids, ends or None)
        if words.sequence_bias:
            found.append(words)
    if ends and config.min_new_tokens:
        found.append(MinNewTokensLengthLogitsProcessor(prompt_length, config.min_new_tokens, ends))
    elif ends and config.min_length and config.min_length > prompt_length:
        found.append(MinLengthLogitsProcessor(config.min_length, ends))
    return found


def _forced_and_forbidden(config: GenerationConfig, prompt_length: int) -> list[Processor]:
    found: list[Processor] = []
    first = config.forced_bos_token_id
    if first is not None and prompt_length <= 1:
        found.append(ForcedBOSTokenLogitsProcessor(first))
    if config.forced_eos_token_id is not None and config.max_length is not None:
        last = token_ids(config.forced_eos_token_id)
        found.append(ForcedEOSTokenLogitsProcessor(config.max_length, last))
    if config.remove_invalid_values:
        found.append(InfNanRemoveLogitsProcessor())
    decay = config.exponential_decay_length_penalty
    if decay is not None:
        if not token_ids(config.eos_token_id):
            raise GenerationArgumentError("exponential_decay_length_penalty needs an eos_token_id")
        ends = token_ids(config.eos_token_id)
        found.append(ExponentialDecayLengthPenalty(decay, ends, prompt_length))
    if config.suppress_tokens:
        found.append(SuppressTokensLogitsProcessor(config.suppress_tokens))
    if config.begin_suppress_tokens:
        begin = prompt_length + (1 if prompt_length == 1 and first is not None else 0)
        found.append(SuppressTokensAtBeginLogitsProcessor(config.begin_suppress_tokens, begin))
    return found


def _warpers(config: GenerationConfig) -> list[Processor]:
    found: list[Processor] = []
    beams = (config.num_beams or 1) > 1
    # With beams one token that does not end the sequence must be left to go on with.
    keep = max(2, len(token_ids(config.eos_token_id)) + 1) if beams else 1
    if config.temperature is not None and config.temperature != 1.0:
        found.append(TemperatureLogitsWarper(config.temperature))
    if config.top_h is not None:
        found.append(TopHLogitsWarper(config.top_h))
    if config.top_k:
        found.append(TopKLogitsWarper(config.top_k, min_tokens_to_keep=keep))
    if config.top_p is not None and config.top_p < 1.0:
        found.append(TopPLogitsWarper(config.top_p, min_tokens_to_keep=keep))
    if config.min_p:
        found.append(MinPLogitsWarper(config.min_p, min_tokens_to_keep=keep))
    if config.typical_p is not None and config.typical_p < 1.0:
        found.append(TypicalLogitsWarper(config.typical_p, min_tokens_to_keep=keep))
    if config.epsilon_cutoff:
        found.append(EpsilonLogitsWarper(config.epsilon_cutoff, min_tokens_to_keep=keep))
    if config.eta_cutoff:
        found.append(EtaLogitsWarper(config.eta_cutoff, min_tokens_to_keep=keep))
    return found


def build_stopping_criteria(
    config: GenerationConfig,
    tokenizer: TextDecoder | None,
    *,
    custom: Sequence[Criterion] = (),
) -> StoppingCriteriaList:
    """Return the criteria of the config and the custom ones, which replace those of their class."""
    criteria = StoppingCriteriaList([MaxLengthCriteria(config.max_length or 0)])
    if config.max_time is not None:
        criteria.append(MaxTimeCriteria(config.max_time))
    if config.stop_strings is not None:
        if tokenizer is None:
            raise GenerationArgumentError(
                "stop_strings needs the tokenizer: generate(..., tokenizer=tokenizer)"
            )
        criteria.append(StopStringCriteria(tokenizer, config.stop_strings))
    ends = token_ids(config.eos_token_id)
    if ends:
        criteria.append(EosTokenCriteria(ends))
    return StoppingCriteriaList(_with_custom(criteria, custom, "stopping criterion"))


def _with_custom(built: Sequence[Item], custom: Sequence[Item], what: str) -> Sequence[Item]:
    """Return both, without the built items that a custom one of their class replaces."""
    if not custom:
        return built
    merged: list[Item] = []
    for ours in built:
        theirs = [item for item in custom if type(item) is type(ours)]
        if theirs:
            warn_caller(
                f"the {what} {type(ours).__name__} that was passed replaces the one that the "
                "generation settings ask for"
            )
        merged.append(theirs[0] if theirs else ours)
    merged.extend(item for item in custom if not any(item is known for known in merged))
    return merged
