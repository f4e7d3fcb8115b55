"""How ``generate`` decodes: one object with every setting, read from and written to JSON.

A field that is ``None`` is unset: ``generate`` then takes the model's own value, and after that the
default of `DEFAULTS`. Keys that this version does not know are kept and written back. No torch.
"""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from automodel_core.checkpoint.places.rereading import reread_on_change
from automodel_core.configuration.base import TEXT_PARTS
from automodel_core.errors import GenerationArgumentError, shown, warn_caller
from automodel_core.generation.settings.checks import Problem, problems_of
from automodel_core.generation.settings.compile import CompileConfig, compile_config_of
from automodel_core.generation.settings.watermark import BaseWatermarkingConfig, watermarking_of

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from automodel_core.checkpoint.places.hub.push import PushOptions

__all__ = [
    "DEFAULTS",
    "FIELDS",
    "GENERATION_CONFIG_NAME",
    "GenerationConfig",
    "config_settings",
    "token_ids",
]

GENERATION_CONFIG_NAME = "generation_config.json"

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
"""What holds when neither the caller nor the model says anything."""

EXTRA_OUTPUTS = ("output_attentions", "output_hidden_states", "output_scores", "output_logits")


class _ModelConfig(Protocol):
    def to_dict(self) -> dict[str, Any]: ...


class GenerationConfig:
    """Hold the settings of ``generate``; every field may be given by keyword.

    Raises `GenerationArgumentError` for a value that can never work. Combinations that merely have
    no effect are reported by `validate`, and by ``generate`` when the caller asked for them.
    """

    max_length: int | None
    max_new_tokens: int | None
    min_length: int | None
    min_new_tokens: int | None
    early_stopping: bool | str | None
    max_time: float | None
    stop_strings: str | list[str] | None

    do_sample: bool | None
    num_beams: int | None
    num_beam_groups: int | None
    penalty_alpha: float | None
    dola_layers: str | list[int] | None
    low_memory: bool | None
    use_mtp: bool | None
    speculation_type: str | None

    use_cache: bool | None
    cache_implementation: str | None
    cache_config: dict[str, Any] | None
    max_cache_len: int | None
    prefill_chunk_size: int | None

    temperature: float | None
    top_k: int | None
    top_p: float | None
    top_h: float | None
    min_p: float | None
    typical_p: float | None
    epsilon_cutoff: float | None
    eta_cutoff: float | None
    diversity_penalty: float | None
    repetition_penalty: float | None
    encoder_repetition_penalty: float | None
    length_penalty: float | None
    no_repeat_ngram_size: int | None
    encoder_no_repeat_ngram_size: int | None
    bad_words_ids: list[list[int]] | None
    force_words_ids: list[Any] | None
    constraints: list[Any] | None
    renormalize_logits: bool | None
    forced_bos_token_id: int | None
    forced_eos_token_id: int | list[int] | None
    remove_invalid_values: bool | None
    exponential_decay_length_penalty: tuple[int, float] | None
    suppress_tokens: list[int] | None
    begin_suppress_tokens: list[int] | None
    sequence_bias: dict[tuple[int, ...], float] | list[Any] | None
    token_healing: bool | None
    guidance_scale: float | None
    watermarking_config: BaseWatermarkingConfig | dict[str, Any] | None

    num_return_sequences: int | None
    output_attentions: bool | None
    output_hidden_states: bool | None
    output_scores: bool | None
    output_logits: bool | None
    return_dict_in_generate: bool | None

    pad_token_id: int | None
    bos_token_id: int | None
    eos_token_id: int | list[int] | None
    decoder_start_token_id: int | list[int] | None

    is_assistant: bool | None
    num_assistant_tokens: int | None
    num_assistant_tokens_schedule: str | None
    assistant_confidence_threshold: float | None
    prompt_lookup_num_tokens: int | None
    max_matching_ngram_size: int | None
    assistant_early_exit: int | None
    assistant_lookbehind: int | None
    target_lookbehind: int | None
    assistant_ensemble_weight: float | None

    compile_config: CompileConfig | dict[str, Any] | None
    disable_compile: bool | None
    continuous_batching_config: Any

    def __init__(self, **settings: Any) -> None:
        self._assign(settings)
        self.validate()

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
            raise GenerationArgumentError(_listed(bad))
        if problems:
            warn_caller(_listed(problems))

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
            raise GenerationArgumentError(_listed(fatal))
        return unused

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
            warn_caller(f"{_listed(fatal)} generate() will refuse this.")
        unused = {name: kwargs[name] for name in kwargs if name not in vars(config)}
        if any(name not in unused for name in kwargs):
            config.update(**{name: kwargs[name] for name in kwargs if name not in unused})
        return (config, unused) if return_unused else config

    @classmethod
    def from_json_file(cls, path: str | PathLike[str], **kwargs: Any) -> Any:
        """Read one ``generation_config.json``."""
        from automodel_core.checkpoint.places.json_files import read_json

        return cls.from_dict(read_json(Path(path)), **kwargs)

    @classmethod
    @reread_on_change
    def from_pretrained(
        cls,
        pretrained_model_name: str | PathLike[str],
        config_file_name: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Read the generation config of a local folder or of a repository on the hub.

        Hub options (``revision``, ``token``, ``local_files_only``, ...) and overrides of fields may
        be given by keyword.
        """
        from automodel_core.checkpoint.places.options import HubOptions
        from automodel_core.checkpoint.places.source import open_checkpoint

        options, settings = HubOptions.split(kwargs)
        files = open_checkpoint(pretrained_model_name, options)
        path = files.require(config_file_name or GENERATION_CONFIG_NAME)
        return cls.from_json_file(path, **settings)

    @classmethod
    def from_model_config(cls, model_config: _ModelConfig | Mapping[str, Any]) -> GenerationConfig:
        """Collect the generation settings that older checkpoints keep in ``config.json``.

        What the outer config leaves unset is taken from the part that is about text.
        """
        config: GenerationConfig = cls.from_dict(config_settings(model_config))
        return config

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

    def to_json_string(self, use_diff: bool = True) -> str:
        """Return the settings as JSON text; what JSON cannot hold is left out with a warning."""
        settings = self.to_diff_dict() if use_diff else self.to_dict()
        return json.dumps(_json_ready(settings), indent=2, sort_keys=True) + "\n"

    def file_content(self) -> bytes:
        """Return what ``generation_config.json`` holds.

        How to compile is about this machine, and is left out. Settings that do not fit together,
        and those that JSON cannot hold, are warned of.
        """
        from automodel_core.checkpoint.places.json_files import json_bytes

        problems = problems_of(vars(self))
        if problems:
            warn_caller(f"{_listed(problems)} The config is saved as it is.")
        settings = self.to_diff_dict()
        settings.pop("compile_config", None)
        return json_bytes(_json_ready(settings), GENERATION_CONFIG_NAME)

    def save_pretrained(
        self,
        save_directory: str | PathLike[str],
        config_file_name: str | None = None,
        push_to_hub: bool = False,
        repo_id: str | None = None,
        **kwargs: Unpack[PushOptions],
    ) -> None:
        """Write the config into a folder; see `file_content`.

        With ``push_to_hub`` it is uploaded to ``repo_id``, by default the folder's name.
        """
        from automodel_core.checkpoint.places.exchange import exchange_files
        from automodel_core.checkpoint.places.hub.push import push_options, repository_name

        options, content = push_options(self.save_pretrained, kwargs), self.file_content()
        with exchange_files(save_directory) as exchange:
            exchange.write(config_file_name or GENERATION_CONFIG_NAME, content)
        if push_to_hub:
            self.push_to_hub(repository_name(repo_id, save_directory), config_file_name, **options)

    def push_to_hub(
        self, repo_id: str, config_file_name: str | None = None, **kwargs: Unpack[PushOptions]
    ) -> str:
        """Upload the config to a hub repository and return the address of the commit."""
        from automodel_core.checkpoint.places.hub.model_card import CardFacts
        from automodel_core.checkpoint.places.hub.push import push_files, push_options

        options = push_options(self.push_to_hub, kwargs)
        name = type(self).__name__
        files = {config_file_name or GENERATION_CONFIG_NAME: self.file_content()}
        return push_files(files, repo_id, CardFacts("generation config", name, name), options)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GenerationConfig) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in self.to_diff_dict().items())
        return f"{type(self).__name__}({settings})"


FIELDS = frozenset(GenerationConfig.__annotations__)
"""The names of all settings."""


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


def _listed(problems: list[Problem]) -> str:
    return " ".join(f"{problem.text}." for problem in problems)


def _json_ready(settings: dict[str, Any]) -> dict[str, Any]:
    """Turn tuple keys into lists, and drop, with a warning, what JSON cannot hold."""
    ready: dict[str, Any] = {}
    for name, value in settings.items():
        if name == "sequence_bias" and isinstance(value, Mapping):
            value = [[list(ids), bias] for ids, bias in value.items()]
        try:
            json.dumps(value)
        except (TypeError, ValueError):
            warn_caller(f"generation setting {name!r} is left out: JSON cannot hold {shown(value)}")
        else:
            ready[name] = value
    return ready
