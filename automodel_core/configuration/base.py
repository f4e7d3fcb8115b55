"""The base of configurations: typed fields, parts, labels.

A subclass states its keys as annotated class attributes. Every value is checked when it is read
from a file and when it is set; a key that no field declares is kept as an attribute and written
back. A key whose type is a configuration class holds a part: ``text_config: TextConfig``, or
``AnyConfig`` for any architecture; a dictionary becomes a configuration of that class.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from types import FunctionType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeVar, overload

from automodel_core import registry
from automodel_core.configuration.dtype import StoredDtype
from automodel_core.configuration.files import ConfigFiles
from automodel_core.configuration.parts import Aliases, SubConfigs, require_architectures
from automodel_core.configuration.suite_facts import SuiteFacts
from automodel_core.errors import ConfigurationError, shown
from automodel_core.fields import Field, fields_of
from automodel_core.other_names import CONFIGURATIONS, UNSET_KEYS, missing_attribute

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["AnyConfig", "PreTrainedConfig", "PretrainedConfig", "TokenId"]

TokenId = int | list[int] | None
Labels = TypeVar("Labels", bound=Mapping[Any, Any])

# Read from a file, these would steer code paths that only the caller may choose.
CALLER_ONLY = frozenset(
    {
        "_attn_implementation", "_attn_implementation_internal",
        "_experts_implementation_internal", "attn_implementation", "trust_remote_code",
    }
)  # fmt: skip
TEXT_PARTS = ("decoder", "generator", "text_config")
"""What checkpoints call the part that is about text, if there is one."""
NOT_SAVED = frozenset({"_name_or_path", "_commit_hash", "_attn_implementation"})
ANY_PART = "a configuration, or its keys as a dict with a model_type"
MOST_LABELS = 1_000_000
"""Each gets a name, so that a number may not be any."""
METHODS = (FunctionType, classmethod, staticmethod)
OLD_NAMES = {"torch_dtype": "dtype", "name_or_path": "_name_or_path"}


class PreTrainedConfig(ConfigFiles, SuiteFacts):
    """What every architecture's configuration has, and how it is checked."""

    aliases: ClassVar[Mapping[str, str]] = {}
    """Other names of fields, as ``{"hidden_size": "d_model"}``: one name for one idea."""
    keys_to_ignore_at_inference: ClassVar[list[str]] = ["past_key_values"]  # trainers add to it
    labels_by_default: ClassVar[int] = 2
    """How many labels there are where neither a file nor the caller says so."""
    attribute_map: ClassVar = Aliases()
    sub_configs: ClassVar = SubConfigs()

    architectures: list[str] | None = None
    dtype: Any = StoredDtype()
    output_hidden_states: bool = False
    output_attentions: bool = False
    return_dict: bool = True
    torchscript: bool = False
    chunk_size_feed_forward: int = 0
    is_encoder_decoder: bool = False
    is_decoder: bool = False
    add_cross_attention: bool = False
    cross_attention_hidden_size: int | None = None
    tie_word_embeddings: bool = True
    tie_encoder_decoder: bool = False
    if TYPE_CHECKING:  # arguments that the constructor takes, and turns into what is read later
        id2label: dict[int, str] = {}
        label2id: dict[str, int] = {}
        num_labels: int = 2
        torch_dtype: Any = None
    else:
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
        self._require_parts(given)
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
        key = cls._told_key(key)
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
        if key in UNSET_KEYS:
            return None
        raise missing_attribute(self, key, CONFIGURATIONS)

    def _checked(self, field: Field, value: Any) -> Any:
        if field.part is not None and isinstance(value, Mapping):
            return self._part_from(field, value)
        try:
            return field.check(value)
        except ValueError as error:
            anything = field.part is PreTrainedConfig
            raise self._unusable(field.name, value, ANY_PART if anything else str(error)) from None

    def _unusable(self, name: str, value: Any, expected: str) -> ConfigurationError:
        source = vars(self).get("_name_or_path", "")
        where = f" (read from {source!r})" if source else ""
        return ConfigurationError(
            f"{type(self).__name__}{where}: {name}={shown(value)} cannot be used: "
            f"expected {expected}"
        )

    # ---- parts ----

    def parts(self) -> dict[str, PreTrainedConfig]:
        """Return the configurations that this one holds, by their keys, in order."""
        return {k: part for k, part in vars(self).items() if isinstance(part, PreTrainedConfig)}

    def all_parts(self) -> Iterator[PreTrainedConfig]:
        """Yield the parts, each followed by the parts that it holds itself."""
        for part in self.parts().values():
            yield part
            yield from part.all_parts()

    def get_text_config(self, decoder: bool = False) -> PreTrainedConfig:
        """Return the configuration of the text side: this one, unless a part is about text."""
        parts = self.parts()
        named = next((name for name in TEXT_PARTS if name in parts), None)
        return self if named is None else parts[named].get_text_config(decoder)

    def _part_from(self, field: Field, values: Mapping[str, Any]) -> Any:
        """Return a part from its keys; where any architecture may be, they say which."""
        kind: Any = field.part
        if kind is not PreTrainedConfig:
            return kind.from_dict(values)
        model_type = values.get("model_type")
        if not isinstance(model_type, str):
            raise self._unusable(field.name, values, ANY_PART)
        return registry.architectures.config_class(model_type).from_dict(values)

    def _require_parts(self, given: dict[str, Any]) -> None:
        """Raise one error for all parts of any architecture whose architecture is missing."""
        types: dict[str, str] = {}
        for name in (name for name, kind in self.sub_configs.items() if kind is PreTrainedConfig):
            part = given.get(name)
            found = part.get("model_type") if isinstance(part, Mapping) else None
            if isinstance(part, PreTrainedConfig):
                found = part.model_type
            if isinstance(found, str):
                types[name] = found
        if types:
            require_architectures(type(self).__name__, types, self._name_or_path or None)

    # ---- labels ----

    def _settle_labels(self, num_labels: int | None) -> None:
        names, indices = vars(self)["id2label"], vars(self)["label2id"]
        if names is None and indices is not None:
            self.id2label = names = {index: label for label, index in indices.items()}
        if names is None:
            self.num_labels = self.labels_by_default if num_labels is None else num_labels
        elif num_labels is not None and num_labels != len(names):
            raise ConfigurationError(
                f"{type(self).__name__}: num_labels={shown(num_labels)} contradicts id2label, "
                f"which names {len(names)} labels; give one of the two"
            )
        elif indices is None:
            self.label2id = {label: index for index, label in names.items()}

    if not TYPE_CHECKING:

        @property
        def num_labels(self) -> int:
            return len(self.id2label or ())

        @num_labels.setter
        def num_labels(self, count: int) -> None:
            whole = isinstance(count, int) and not isinstance(count, bool)
            if not whole or not 0 <= count <= MOST_LABELS:
                raise self._unusable("num_labels", count, f"an int from 0 to {MOST_LABELS}")
            if self.id2label is None or len(self.id2label) != count:
                self.id2label = {index: f"LABEL_{index}" for index in range(count)}
                self.label2id = {label: index for index, label in self.id2label.items()}

        @property
        def torch_dtype(self) -> Any:
            return self.dtype

    # ---- names that users know ----

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key, or of what `aliases` call so; not every checkpoint has it."""
        return vars(self).get(self._field_name(key), default)

    @property
    def name_or_path(self) -> str:
        return self._name_or_path

    @property
    def use_return_dict(self) -> bool:
        return self.return_dict and not self.torchscript

    @property
    def position_limit(self) -> int | None:
        """How many positions a model has, ``None`` if it has one for any token."""
        limit = self.get("max_position_embeddings")
        return limit if isinstance(limit, int) and limit > 0 else None

    @property
    def prompts_start_themselves(self) -> bool:
        """Whether texts given to the decoder need no ``decoder_start_token_id`` before them."""
        return False

    # ---- as a dictionary ----

    @overload
    @classmethod
    def from_dict(
        cls,
        config_dict: Mapping[str, Any],
        *,
        return_unused_kwargs: Literal[False] = False,
        **config_keys: Any,
    ) -> Self: ...

    @overload
    @classmethod
    def from_dict(
        cls, config_dict: Mapping[str, Any], *, return_unused_kwargs: Literal[True], **kwargs: Any
    ) -> tuple[Self, dict[str, Any]]: ...

    @classmethod
    def from_dict(cls, config_dict: Mapping[str, Any], **kwargs: Any) -> Any:
        """Build a configuration from ``config.json``'s keys; arguments as in `from_pretrained`."""
        return_unused = kwargs.pop("return_unused_kwargs", False)
        attention = kwargs.pop("attn_implementation", None)
        own, left_out = cls.own_values(config_dict), {*CALLER_ONLY, "model_type"}
        values = {cls._new_key(k): v for k, v in own.items() if k not in left_out}
        config = cls(**copy.deepcopy(values))
        unused = config._override(kwargs)
        config._attn_implementation = attention
        return (config, unused) if return_unused else config

    def _override(self, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Set the attributes that ``kwargs`` names and return what names none."""
        names, count = kwargs.get("id2label"), kwargs.get("num_labels")
        if count is not None:
            if names is None and "id2label" in kwargs:
                self._merge("id2label", None)  # as if not given: names are made for the number
            self.num_labels = count
            none = [key for key in ("id2label", "label2id") if kwargs.get(key) is None]
            kwargs = {k: value for k, value in kwargs.items() if k not in ("num_labels", *none)}
        unused = {k: v for k, v in kwargs.items() if self._field_name(k) not in vars(self)}
        for key in (key for key in kwargs if key not in unused):
            self._merge(self._field_name(key), kwargs[key])
        if names is not None:
            self._merge("label2id", kwargs.get("label2id"))
            self._settle_labels(count)
        self.validate()
        return unused

    def to_dict(self) -> dict[str, Any]:
        """Return every key and value as ``config.json`` may hold them."""
        values = {k: _plain(v) for k, v in vars(self).items() if k not in NOT_SAVED}
        values["model_type"] = self.model_type
        return values

    def to_diff_dict(self) -> dict[str, Any]:
        """Return the architecture's own keys, and common ones that are not at their default."""
        values = self.to_dict()
        values.update((name, part.to_diff_dict()) for name, part in self.parts().items())
        for name, field in self._fields().items():
            if not field.own and values.get(name) == _plain(field.new_default()):
                values.pop(name, None)
        if self.id2label == {index: f"LABEL_{index}" for index in range(self.labels_by_default)}:
            values.pop("id2label", None)
            values.pop("label2id", None)
        return values

    def update(self, config_dict: Mapping[str, Any]) -> None:
        """Set keys; a dict for a sub-config sets those keys of it."""
        for key, value in config_dict.items():
            self._merge(self._field_name(key), value)

    def _merge(self, name: str, value: Any) -> None:
        current = vars(self).get(name)
        if isinstance(current, PreTrainedConfig) and isinstance(value, Mapping):
            current.update(value)
            current.validate()
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
        if not isinstance(other, PreTrainedConfig) or type(self) is not type(other):
            return False
        return self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__} {self.to_json_string()}"

    def __getstate__(self) -> dict[str, Any]:
        return dict(vars(self))

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        vars(self).update(state)


PretrainedConfig = PreTrainedConfig
AnyConfig = Annotated[Any, PreTrainedConfig]
"""The type of a part that may be of any architecture, as its ``model_type`` says."""


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
