"""The settings of ``generate``, in one object. No torch.

A field that is ``None`` is unset: ``generate`` then takes the model's own value, and after that the
default of `DEFAULTS`. Keys that this version does not know are kept and written back.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, overload

from automodel_core.configuration.base import TEXT_PARTS
from automodel_core.errors import GenerationArgumentError, shown, warn_caller
from automodel_core.generation.settings.checks import problems_of, sentences
from automodel_core.generation.settings.compile import CompileConfig, compile_config_of
from automodel_core.generation.settings.files import GENERATION_CONFIG_NAME, GenerationConfigFiles
from automodel_core.generation.settings.unread import warn_of_unread
from automodel_core.generation.settings.watermark import BaseWatermarkingConfig, watermarking_of

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "DEFAULTS",
    "FIELDS",
    "GENERATION_CONFIG_NAME",
    "GenerationConfig",
    "as_generation_config",
    "config_settings",
    "token_ids",
]

DEFAULTS: Mapping[str, Any] = {
    "max_length": 20,
    "min_length": 0,
    "do_sample": False,
    "use_cache": True,
    "early_stopping": False,
    "num_beams": 1,
    "num_beam_groups": 1,
    "diversity_penalty": 0.0,
    "temperature": 1.0,
    "top_k": 50,
    "top_p": 1.0,
    "typical_p": 1.0,
    "epsilon_cutoff": 0.0,
    "eta_cutoff": 0.0,
    "repetition_penalty": 1.0,
    "encoder_repetition_penalty": 1.0,
    "length_penalty": 1.0,
    "no_repeat_ngram_size": 0,
    "encoder_no_repeat_ngram_size": 0,
    "num_return_sequences": 1,
    "output_scores": False,
    "return_dict_in_generate": False,
    "remove_invalid_values": False,
    "num_assistant_tokens": 20,
    "num_assistant_tokens_schedule": "constant",
    "assistant_confidence_threshold": 0.4,
    "assistant_lookbehind": 10,
    "target_lookbehind": 10,
}
"""The values of what neither the caller nor the model sets."""

EXTRA_OUTPUTS = ("output_attentions", "output_hidden_states", "output_scores", "output_logits")


class _ModelConfig(Protocol):
    def to_dict(self) -> dict[str, Any]: ...


class GenerationConfig(GenerationConfigFiles):
    """The settings of ``generate``; every field may be given by keyword.

    Raises `GenerationArgumentError` for a value that can never work. Combinations that merely have
    no effect are reported by `validate`, and by ``generate`` when the caller asked for them.
    """

    max_length: int | None = None
    max_new_tokens: int | None = None
    min_length: int | None = None
    min_new_tokens: int | None = None
    early_stopping: bool | str | None = None
    max_time: float | None = None
    stop_strings: str | list[str] | None = None

    do_sample: bool | None = None
    num_beams: int | None = None
    num_beam_groups: int | None = None
    penalty_alpha: float | None = None
    dola_layers: str | list[int] | None = None
    low_memory: bool | None = None
    pad_beams_with_zero: bool | None = None
    """Whether beams that end early are filled with a padding token of 0, and not the end token."""
    use_mtp: bool | None = None
    speculation_type: str | None = None

    use_cache: bool | None = None
    cache_implementation: str | None = None
    cache_config: dict[str, Any] | None = None
    max_cache_len: int | None = None
    prefill_chunk_size: int | None = None

    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    top_h: float | None = None
    min_p: float | None = None
    typical_p: float | None = None
    epsilon_cutoff: float | None = None
    eta_cutoff: float | None = None
    diversity_penalty: float | None = None
    repetition_penalty: float | None = None
    encoder_repetition_penalty: float | None = None
    length_penalty: float | None = None
    no_repeat_ngram_size: int | None = None
    encoder_no_repeat_ngram_size: int | None = None
    bad_words_ids: list[list[int]] | None = None
    force_words_ids: list[Any] | None = None
    constraints: list[Any] | None = None
    renormalize_logits: bool | None = None
    forced_bos_token_id: int | None = None
    forced_eos_token_id: int | list[int] | None = None
    remove_invalid_values: bool | None = None
    exponential_decay_length_penalty: tuple[int, float] | None = None
    suppress_tokens: list[int] | None = None
    begin_suppress_tokens: list[int] | None = None
    sequence_bias: dict[tuple[int, ...], float] | list[Any] | None = None
    token_healing: bool | None = None
    guidance_scale: float | None = None
    watermarking_config: BaseWatermarkingConfig | dict[str, Any] | None = None

    num_return_sequences: int | None = None
    output_attentions: bool | None = None
    output_hidden_states: bool | None = None
    output_scores: bool | None = None
    output_logits: bool | None = None
    return_dict_in_generate: bool | None = None

    pad_token_id: int | None = None
    bos_token_id: int | None = None
    eos_token_id: int | list[int] | None = None
    decoder_start_token_id: int | list[int] | None = None

    is_assistant: bool | None = None
    num_assistant_tokens: int | None = None
    num_assistant_tokens_schedule: str | None = None
    assistant_confidence_threshold: float | None = None
    prompt_lookup_num_tokens: int | None = None
    max_matching_ngram_size: int | None = None
    assistant_early_exit: int | None = None
    assistant_lookbehind: int | None = None
    target_lookbehind: int | None = None
    assistant_ensemble_weight: float | None = None

    compile_config: CompileConfig | dict[str, Any] | None = None
    disable_compile: bool | None = None
    continuous_batching_config: Any = None

    _from_model_config = False
    """Trainers ask whether settings were made from ``config.json``, and then forget it."""

    if not TYPE_CHECKING:  # type checkers and editors know the fields as its arguments

        def __init__(self, **settings: Any) -> None:
            self._assign(settings)
            self.validate()
            warn_of_unread(settings, FIELDS)

    def _assign(self, settings: Mapping[str, Any]) -> None:
        for name in FIELDS:
            setattr(self, name, settings.get(name))
        for name, value in settings.items():
            if name not in FIELDS and not name.startswith("_"):
                setattr(self, name, value)
        if isinstance(self.watermarking_config, Mapping):
            with contextlib.suppress(GenerationArgumentError):  # `validate` says what is wrong
                self.watermarking_config = watermarking_of(self.watermarking_config)
        if isinstance(self.compile_config, Mapping):
            with contextlib.suppress(GenerationArgumentError):
                self.compile_config = compile_config_of(self.compile_config)

    def validate(self, strict: bool = False) -> None:
        """Raise for values that can never work, and warn of those that have no effect.

        With ``strict`` the second kind raises too.
        """
        problems = problems_of(vars(self))
        bad = [problem for problem in problems if problem.fatal or strict]
        if bad:
            raise GenerationArgumentError(sentences(bad))
        if problems:
            warn_caller(sentences(problems))

    def update(
        self, defaults_only: bool = False, allow_custom_entries: bool = False, **settings: Any
    ) -> dict[str, Any]:
        """Take over the settings that are fields here and return the others.

        ``defaults_only`` fills only what is unset; ``allow_custom_entries`` adds unknown names.
        """
        unused: dict[str, Any] = {}
        for name, value in settings.items():
            known = name in vars(self)
            if not known and not allow_custom_entries:
                unused[name] = value
            elif not known or not defaults_only or vars(self)[name] is None:
                setattr(self, name, value)
            else:
                unused[name] = value
        fatal = [problem for problem in problems_of(vars(self)) if problem.fatal]
        if fatal:
            raise GenerationArgumentError(sentences(fatal))
        return unused

    @overload
    @classmethod
    def from_dict(
        cls,
        config_dict: Mapping[str, Any],
        *,
        return_unused_kwargs: Literal[False] = False,
        **kwargs: Any,
    ) -> Self: ...

    @overload
    @classmethod
    def from_dict(
        cls, config_dict: Mapping[str, Any], *, return_unused_kwargs: Literal[True], **kwargs: Any
    ) -> tuple[Self, dict[str, Any]]: ...

    @classmethod
    def from_dict(cls, config_dict: Mapping[str, Any], **kwargs: Any) -> Any:
        """Build from a mapping, overridden by ``kwargs``.

        Values of the mapping that can never work are warned of, not refused: a model must not fail
        to load because of them, and ``generate`` refuses them. With ``return_unused_kwargs=True``
        the result is ``(config, unused)``, where unused holds the ``kwargs`` that are no fields.
        """
        return_unused = kwargs.pop("return_unused_kwargs", False)
        config = cls.__new__(cls)
        config._assign(config_dict)
        fatal = [problem for problem in problems_of(vars(config)) if problem.fatal]
        if fatal:
            warn_caller(f"{sentences(fatal)} generate() will refuse this.")
        unused = {name: kwargs[name] for name in kwargs if name not in vars(config)}
        if any(name not in unused for name in kwargs):
            config.update(**{name: kwargs[name] for name in kwargs if name not in unused})
        return (config, unused) if return_unused else config

    @classmethod
    def from_model_config(cls, model_config: _ModelConfig | Mapping[str, Any]) -> Self:
        """Collect the generation settings that older checkpoints keep in ``config.json``.

        What the outer config leaves unset is taken from the part that is about text.
        """
        return cls.from_dict(config_settings(model_config))

    @staticmethod
    def _get_default_generation_params() -> dict[str, Any]:
        """Return the values of what nobody sets, by which trainers know a length to pad to."""
        return dict(DEFAULTS)

    def to_dict(self) -> dict[str, Any]:
        """Return every field, set or not, and every key that was kept."""
        settings = copy.deepcopy(vars(self))
        if isinstance(self.watermarking_config, BaseWatermarkingConfig):
            settings["watermarking_config"] = self.watermarking_config.to_dict()
        if isinstance(self.compile_config, CompileConfig):
            settings["compile_config"] = self.compile_config.to_dict()
        return settings

    def to_diff_dict(self) -> dict[str, Any]:
        """Return what is set."""
        return {name: value for name, value in self.to_dict().items() if value is not None}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GenerationConfig) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in self.to_diff_dict().items())
        return f"{type(self).__name__}({settings})"


FIELDS = frozenset(GenerationConfig.__annotations__)
"""The names of all settings."""


def as_generation_config(given: Any) -> GenerationConfig:
    """Return settings; those in a class of the same name, of another library, are read.

    Raises `GenerationArgumentError` for anything else.
    """
    if isinstance(given, GenerationConfig):
        return given
    if all(kind.__name__ != GenerationConfig.__name__ for kind in type(given).__mro__):
        raise GenerationArgumentError(
            f"generation_config={shown(given)}: expected a GenerationConfig object, "
            "as GenerationConfig.from_pretrained(name) returns"
        )
    config: GenerationConfig = GenerationConfig.from_dict(given.to_dict())
    return config


def token_ids(setting: int | Sequence[int] | None) -> tuple[int, ...]:
    """Return a setting that may be one token id or several as a tuple."""
    if setting is None:
        return ()
    return (setting,) if isinstance(setting, int) else tuple(setting)


def config_settings(model_config: _ModelConfig | Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of `GenerationConfig` that a model's configuration holds."""
    outer = dict(model_config) if isinstance(model_config, Mapping) else model_config.to_dict()
    settings = _fields_of(outer)
    for name in TEXT_PARTS:
        if isinstance(outer.get(name), Mapping):
            settings = {**_fields_of(outer[name]), **settings}
            break
    forced = outer.get("force_bos_token_to_be_generated")
    if forced and settings.get("forced_bos_token_id") is None:
        settings["forced_bos_token_id"] = settings.get("bos_token_id")
    if any(settings.get(name) for name in EXTRA_OUTPUTS):
        settings["return_dict_in_generate"] = True
    return settings


def _fields_of(config: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name in FIELDS and value is not None}
