"""Configurations: typed, checked, with the hub's own keys, and without torch.

A subclass states its keys as annotated class attributes. Every value is checked when it is read
from a file and when it is set; a key that no field declares is kept as an attribute and written
back.
"""

from __future__ import annotations

import copy
import json
import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

from automodel_core.errors import ConfigurationError, shown
from automodel_core.fields import Field, fields_of

if TYPE_CHECKING:
    from typing_extensions import Self, dataclass_transform
else:

    def dataclass_transform(**_options: Any) -> Any:
        return lambda cls: cls


__all__ = ["PreTrainedConfig", "PretrainedConfig"]

TokenId = int | list[int] | None
Labels = TypeVar("Labels", bound=Mapping[Any, Any])

# Read from a file, these would steer code paths that only the caller may choose.
CALLER_ONLY = frozenset(
    {
        "_attn_implementation",
        "_attn_implementation_internal",
        "_experts_implementation_internal",
        "attn_implementation",
        "trust_remote_code",
    }
)
NOT_SAVED = frozenset({"_name_or_path", "_commit_hash", "_attn_implementation"})
METHODS = (FunctionType, classmethod, staticmethod)
OLD_NAMES = {"torch_dtype": "dtype", "name_or_path": "_name_or_path"}


@dataclass_transform(kw_only_default=False)
class PreTrainedConfig:
    """What every architecture's configuration has, and how it is read, checked and written."""

    model_type: ClassVar[str] = ""
    aliases: ClassVar[Mapping[str, str]] = {}
    """Other names of fields, as ``{"hidden_size": "d_model"}``: one name for one idea."""
    keys_to_ignore_at_inference: ClassVar[tuple[str, ...]] = ("past_key_values",)
    labels_by_default: ClassVar[int] = 2
    """How many labels there are where neither a file nor the caller says so."""

    architectures: list[str] | None = None
    dtype: Any = None
    output_hidden_states: bool = False
    output_attentions: bool = False
    return_dict: bool = True
    chunk_size_feed_forward: int = 0
    is_encoder_decoder: bool = False
    is_decoder: bool = False
    add_cross_attention: bool = False
    cross_attention_hidden_size: int | None = None
    tie_word_embeddings: bool = True
    tie_encoder_decoder: bool = False
    id2label: dict[int, str] | None = None
    label2id: dict[str, int] | None = None
    problem_type: (
        Literal["regression", "single_label_classification", "multi_label_classification"] | None
    ) = None
    pad_token_id: int | None = None
    bos_token_id: int | None = None
    eos_token_id: TokenId = None
    sep_token_id: int | None = None
    decoder_start_token_id: TokenId = None
    tokenizer_class: str | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        fields = self._fields()
        own = [name for name, field in fields.items() if field.own]
        if len(args) > len(own):
            raise TypeError(
                f"{type(self).__name__} takes at most {len(own)} positional arguments, "
                f"got {len(args)}"
            )
        given = {self._field_name(key): value for key, value in kwargs.items()}
        # Old files hold both names, and the alias may be stale.
        given.update((key, value) for key, value in kwargs.items() if key in fields)
        for name, value in zip(own, args, strict=False):
            if name in given:
                raise TypeError(f"{type(self).__name__} got {name!r} twice")
            given[name] = value

        self._name_or_path = str(given.pop("_name_or_path", ""))
        self._attn_implementation: str | None = given.pop("attn_implementation", None)
        num_labels = given.pop("num_labels", None)
        for name, field in fields.items():
            setattr(self, name, given.pop(name) if name in given else field.new_default())
        for name, value in given.items():
            setattr(self, name, value)
        self._settle_labels(num_labels)
        self.validate()

    def validate(self) -> None:
        """Check what no single value shows; subclasses extend it and raise `ConfigurationError`."""

    @classmethod
    def _fields(cls) -> Mapping[str, Field]:
        fields: Mapping[str, Field] = fields_of(cls, PreTrainedConfig)  # type: ignore[arg-type]
        return fields

    @classmethod
    def _field_name(cls, key: str) -> str:
        return cls.aliases.get(key, OLD_NAMES.get(key, key))

    @classmethod
    def _is_method(cls, name: str) -> bool:
        return any(isinstance(vars(base).get(name), METHODS) for base in cls.__mro__)

    def __setattr__(self, key: str, value: Any) -> None:
        name = self._field_name(key)
        field = self._fields().get(name)
        if field is not None:
            value = self._checked(field, value)
        elif name.startswith("__") or self._is_method(name):
            raise ConfigurationError(
                f"{type(self).__name__}: {shown(key)} is a method, which no value may replace; "
                "rename the key"
            )
        object.__setattr__(self, name, value)

    def __getattr__(self, key: str) -> Any:
        # Reached only when the normal look-up fails.
        name = type(self)._field_name(key)
        if name != key:
            return getattr(self, name)
        raise AttributeError(f"{type(self).__name__} has no attribute {key!r}")

    def _checked(self, field: Field, value: Any) -> Any:
        try:
            return field.check(value)
        except ValueError as error:
            source = vars(self).get("_name_or_path", "")
            where = f" (read from {source!r})" if source else ""
            raise ConfigurationError(
                f"{type(self).__name__}{where}: {field.name}={shown(value)} cannot be used: "
                f"expected {error}"
            ) from None

    # ---- labels ----

    def _settle_labels(self, num_labels: int | None) -> None:
        if self.id2label is None and self.label2id is not None:
            self.id2label = {index: label for label, index in self.label2id.items()}
        if self.id2label is None:
            self.num_labels = self.labels_by_default if num_labels is None else num_labels
        elif num_labels is not None and num_labels != len(self.id2label):
            raise ConfigurationError(
                f"{type(self).__name__}: num_labels={shown(num_labels)} contradicts id2label, "
                f"which names {len(self.id2label)} labels; give one of the two"
            )
        elif self.label2id is None:
            self.label2id = {label: index for index, label in self.id2label.items()}

    @property
    def num_labels(self) -> int:
        return len(self.id2label or ())

    @num_labels.setter
    def num_labels(self, count: int) -> None:
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise ConfigurationError(
                f"{type(self).__name__}: num_labels={shown(count)} cannot be used: "
                "expected an int >= 0"
            )
        if self.id2label is None or len(self.id2label) != count:
            self.id2label = {index: f"LABEL_{index}" for index in range(count)}
            self.label2id = {label: index for index, label in self.id2label.items()}

    # ---- names that users know ----

    @property
    def name_or_path(self) -> str:
        return self._name_or_path

    @property
    def use_return_dict(self) -> bool:
        return self.return_dict

    @property
    def torch_dtype(self) -> Any:
        return self.dtype

    @property
    def position_limit(self) -> int | None:
        """How many positions a model has, ``None`` if it has one for any token."""
        try:
            limit = self.max_position_embeddings
        except AttributeError:
            return None
        return limit if isinstance(limit, int) and limit > 0 else None

    @property
    def prompts_start_themselves(self) -> bool:
        """Whether texts given to the decoder need no ``decoder_start_token_id`` before them."""
        return False

    def get_text_config(self, decoder: bool = False) -> PreTrainedConfig:
        """Return the configuration of the text side: this one, unless it is a composite."""
        return self

    # ---- reading ----

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | os.PathLike[str], **kwargs: Any
    ) -> Any:
        """Read ``config.json`` of a folder or hub repository; other arguments override its keys.

        With ``return_unused_kwargs=True`` the result is ``(config, unused)``. Raises
        `CheckpointNotFoundError` when there is no such file and `ConfigurationError` for a bad
        value.
        """
        values, kwargs = cls.get_config_dict(pretrained_model_name_or_path, **kwargs)
        cls.warn_of_other_type(values)
        return cls.from_dict(values, **kwargs)

    @classmethod
    def warn_of_other_type(cls, values: Mapping[str, Any]) -> None:
        """Warn if the keys of a ``config.json`` belong to another model type."""
        found = values.get("model_type")
        if found and cls.model_type and found != cls.model_type:
            warnings.warn(
                f"{values['_name_or_path']} is a checkpoint of model type {shown(found)}, "
                f"read as {cls.__name__} (model type {cls.model_type!r})",
                stacklevel=3,
            )

    @classmethod
    def get_config_dict(
        cls, pretrained_model_name_or_path: str | os.PathLike[str], **kwargs: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the keys of ``config.json``, and the arguments that did not say where it is."""
        from automodel_core.checkpoint.places.json_files import read_json
        from automodel_core.checkpoint.places.options import HubOptions
        from automodel_core.checkpoint.places.source import open_checkpoint

        options, rest = HubOptions.split(kwargs)
        path = Path(pretrained_model_name_or_path)
        if path.is_file():
            values = read_json(path)
        else:
            files = open_checkpoint(pretrained_model_name_or_path, options)
            values = read_json(files.require("config.json"))
        values["_name_or_path"] = str(pretrained_model_name_or_path)
        return values, rest

    @classmethod
    def from_dict(cls, config_dict: Mapping[str, Any], **kwargs: Any) -> Any:
        """Build a configuration from ``config.json``'s keys; arguments as in `from_pretrained`."""
        return_unused = kwargs.pop("return_unused_kwargs", False)
        attention = kwargs.pop("attn_implementation", None)
        values = {
            k: v for k, v in config_dict.items() if k not in CALLER_ONLY and k != "model_type"
        }
        config = cls(**copy.deepcopy(values))
        unused = config._override(kwargs)
        config._attn_implementation = attention
        return (config, unused) if return_unused else config

    def _override(self, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Set the attributes that ``kwargs`` names and return what names none."""
        unused: dict[str, Any] = {}
        if "num_labels" in kwargs and "id2label" in kwargs:
            self.id2label = None
            self.id2label = kwargs["id2label"]
            self._settle_labels(kwargs["num_labels"])
        for key, value in kwargs.items():
            name = self._field_name(key)
            if name not in vars(self) and name != "num_labels":
                unused[key] = value
                continue
            self._merge(name, value)
        self.validate()
        return unused

    @classmethod
    def from_json_file(cls, json_file: str | os.PathLike[str]) -> Self:
        from automodel_core.checkpoint.places.json_files import read_json

        config: Self = cls.from_dict(read_json(Path(json_file)))
        return config

    # ---- writing ----

    def to_dict(self) -> dict[str, Any]:
        """Return every key and value as ``config.json`` may hold them."""
        values = {k: _plain(v) for k, v in vars(self).items() if k not in NOT_SAVED}
        values["model_type"] = self.model_type
        return values

    def to_diff_dict(self) -> dict[str, Any]:
        """Return the architecture's own keys, and common ones that are not at their default."""
        values = self.to_dict()
        for name, field in self._fields().items():
            part = vars(self).get(name)
            if isinstance(part, PreTrainedConfig):
                values[name] = part.to_diff_dict()
            elif not field.own and values.get(name) == _plain(field.new_default()):
                values.pop(name, None)
        if self.id2label == {index: f"LABEL_{index}" for index in range(self.labels_by_default)}:
            values.pop("id2label", None)
            values.pop("label2id", None)
        return values

    def to_json_string(self, use_diff: bool = True) -> str:
        values = self.to_diff_dict() if use_diff else self.to_dict()
        return json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    def to_json_file(self, json_file_path: str | os.PathLike[str], use_diff: bool = True) -> None:
        from automodel_core.checkpoint.places.json_files import write_json

        write_json(Path(json_file_path), self.to_diff_dict() if use_diff else self.to_dict())

    def save_pretrained(
        self, save_directory: str | os.PathLike[str], push_to_hub: bool = False, **kwargs: Any
    ) -> None:
        """Write ``config.json`` into a folder, made if needed; optionally upload the folder.

        Raises ``NotADirectoryError`` if the path is a file.
        """
        folder = Path(save_directory)
        if folder.is_file():
            raise NotADirectoryError(f"{str(folder)!r} is a file; save_pretrained needs a folder")
        folder.mkdir(parents=True, exist_ok=True)
        self.to_json_file(folder / "config.json")
        if push_to_hub:
            from automodel_core.checkpoint.places.push import push_folder

            push_folder(folder, **kwargs)

    def update(self, config_dict: Mapping[str, Any]) -> None:
        """Set keys; a dict for a sub-config sets those keys of it."""
        for key, value in config_dict.items():
            self._merge(self._field_name(key), value)

    def _merge(self, name: str, value: Any) -> None:
        current = vars(self).get(name)
        if isinstance(current, PreTrainedConfig) and isinstance(value, Mapping):
            current.update(value)
        elif name != "model_type":
            setattr(self, name, value)
        elif value != self.model_type:
            raise ConfigurationError(
                f"{type(self).__name__} has model_type {self.model_type!r}, not {shown(value)}: "
                "give a whole configuration of the other type in its place"
            )

    # ---- as a value ----

    def __iter__(self) -> Iterator[str]:
        return (name for name in vars(self) if not name.startswith("_"))

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__} {self.to_json_string()}"

    def __getstate__(self) -> dict[str, Any]:
        return dict(vars(self))

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        vars(self).update(state)


PretrainedConfig = PreTrainedConfig


def _plain(value: Any) -> Any:
    """Return ``value`` as JSON holds it: a configuration as a dict, a dtype by its name."""
    if isinstance(value, PreTrainedConfig):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if type(value).__module__ == "torch":
        return str(value).removeprefix("torch.")
    return copy.deepcopy(value)
