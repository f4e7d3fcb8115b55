"""One call of ``generate``: settings, inputs, parts, run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from torch import Tensor, nn

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
from automodel_core.generation.session.peers import find_peers, gather_first
from automodel_core.generation.session.progress import ProgressLine
from automodel_core.generation.session.protocol import GenerativeModel, Tokenizer
from automodel_core.generation.session.session import DecodingSession
from automodel_core.generation.session.streamers import Streamer
from automodel_core.generation.settings.generation import GenerationConfig, token_ids
from automodel_core.generation.strategies.choice import choose_strategy
from automodel_core.generation.strategies.request import DecodingRequest
from automodel_core.generation.token_healing import heal_prompt

if TYPE_CHECKING:
    from automodel_core.generation.processors.base import Processor
    from automodel_core.generation.processors.stopping import Criterion

__all__ = ["Call", "run"]


@dataclass(frozen=True)
class Call:
    """The arguments of `GenerationMixin.generate`, but settings and those of the model."""

    inputs: Tensor | None
    generation_config: GenerationConfig | None
    logits_processor: Sequence[Processor] | None
    stopping_criteria: Sequence[Criterion] | None
    prefix_allowed_tokens_fn: Callable[[int, Tensor], Sequence[int]] | None
    synced_gpus: bool | None
    assistant_model: object
    streamer: Streamer | None
    negative_prompt_ids: Tensor | None
    negative_prompt_attention_mask: Tensor | None
    use_model_defaults: bool | None
    custom_generate: Callable[..., Any] | str | None
    progress: bool
    strategy: str | None
    tokenizer: Tokenizer | None
    assistant_tokenizer: Tokenizer | None


def run(model: GenerativeModel, call: Call, kwargs: Mapping[str, Any]) -> Any:
    """Do what `GenerationMixin.generate` says, with ``kwargs`` its other keywords."""
    drafter = cast("GenerativeModel | None", call.assistant_model)

    # Settings: which hold, and which loop they ask for.
    settings = resolve_settings(
        model,
        call.generation_config,
        kwargs,
        call.use_model_defaults,
        call.custom_generate,
        call.strategy,
    )
    config = settings.config
    decode = choose_strategy(settings, call.strategy, call.custom_generate, drafter)

    # Inputs: what the model is called with, and how long the result may get.
    prepared = prepare_inputs(model, config, call.inputs, settings.model_arguments)
    max_length = set_lengths(model, settings, prepared)
    check_token_settings(model, config)
    check_guidance(
        model,
        config,
        len(prepared.prompt),
        call.negative_prompt_ids,
        call.negative_prompt_attention_mask,
    )
    check_streamer(config, call.streamer)

    # Parts: they refuse what does not fit; the model runs only to heal a prompt.
    assistant = prepare_assistant(
        model, settings, drafter, call.inputs, call.tokenizer, call.assistant_tokenizer
    )
    if config.token_healing:
        prepared = heal_prompt(model, prepared, call.tokenizer)
    session = _open_session(model, config, prepared, call.synced_gpus)
    processors = build_logits_processors(
        config, model, prepared,
        prompt_mask=session.prompt_mask,
        prefix_allowed_tokens_fn=call.prefix_allowed_tokens_fn,
        negative_prompt_ids=call.negative_prompt_ids,
        negative_prompt_attention_mask=call.negative_prompt_attention_mask,
        custom=call.logits_processor or (),
    )  # fmt: skip
    criteria = build_stopping_criteria(config, call.tokenizer, custom=call.stopping_criteria or ())
    ends, new_tokens = token_ids(config.eos_token_id), max_length - session.prompt.shape[1]
    request = DecodingRequest(
        config=config,
        max_length=max_length,
        eos_token_ids=ends,
        pad_token_id=ends[0] if config.pad_token_id is None and ends else config.pad_token_id,
        logits_processor=processors,
        stopping_criteria=criteria,
        assistant=assistant,
        streamer=call.streamer,
        progress=ProgressLine(new_tokens) if call.progress else None,
    )

    gather_first(cast(nn.Module, model), "_decode")
    output = cast(Any, model)._decode(decode, session, request)
    is_whole = config.return_dict_in_generate or callable(call.custom_generate)
    return output if is_whole else output.sequences


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
