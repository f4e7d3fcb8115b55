"""Settings as typed class attributes, which files hold and a call may override."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from automodel_core.errors import ConfigurationError, InputError, did_you_mean, shown
from automodel_core.fields import Field, fields_of

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["TypedSettings"]


class TypedSettings:
    """Typed settings, checked whenever they are set.

    A subclass declares its settings as annotated class attributes with defaults. Unknown ones are
    kept. `to_dict` always writes the settings that a class declares itself, and those of
    `_common_base` only where they differ from their defaults.
    """

    assigned_first: ClassVar[tuple[str, ...]] = ()
    """Settings on which the meaning of others depends."""
    ignored: ClassVar[frozenset[str]] = frozenset(
        {
            *("_processor_class", "_valid_processor_keys", "auto_map", "backend", "device"),
            *("feature_extractor_type", "image_processor_type", "return_tensors", "use_fast"),
            "video_processor_type",
        }
    )
    """Keys of files and of calls that are no settings."""
    former_names: ClassVar[Mapping[str, str]] = {}
    """Settings by the names that older files and calls have for them."""

    def __init__(self, **settings: Any) -> None:
        fields = self._fields()
        settings = self._renamed(settings)
        given = {key: value for key, value in settings.items() if key not in self.ignored}
        for name in dict.fromkeys((*self.assigned_first, *fields)):
            value = given.pop(name, None)
            setattr(self, name, fields[name].new_default() if value is None else value)
        for name, value in given.items():
            setattr(self, name, value)

    @classmethod
    def _renamed(cls, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return settings under their names of today, which win where both are given."""
        renamed = {
            cls.former_names[key]: value
            for key, value in settings.items()
            if key in cls.former_names
        }
        kept = {key: value for key, value in settings.items() if key not in cls.former_names}
        return {**renamed, **kept}

    @classmethod
    def _common_base(cls) -> type:
        """Return the class that declares the settings common to all of its kind."""
        return cls

    @classmethod
    def _fields(cls) -> Mapping[str, Field]:
        return fields_of(cls, cls._common_base())  # type: ignore[arg-type]

    def __setattr__(self, name: str, value: Any) -> None:
        field = self._fields().get(name)
        if field is not None:
            value = self._checked(field, self.normalised(name, value))
        object.__setattr__(self, name, value)

    def _checked(self, field: Field, value: Any) -> Any:
        try:
            return field.check(value)
        except ValueError as error:
            raise ConfigurationError(
                f"{type(self).__name__}: {field.name}={shown(value)} cannot be used: "
                f"expected {error}"
            ) from None

    def normalised(self, name: str, value: Any) -> Any:
        """Return a setting's value in the spelling that its type accepts: by default unchanged."""
        return value

    @classmethod
    def accepts(cls, key: str) -> bool:
        """Return whether a call takes an argument of this name."""
        return key in cls._fields() or key in cls.ignored or key in cls.former_names

    def overridden(self, settings: Mapping[str, Any]) -> Self:
        """Return a copy with other settings; those given as ``None`` change nothing.

        Raises `InputError` for settings that do not exist.
        """
        unknown = [key for key in settings if not self.accepts(key)]
        if unknown:
            question = did_you_mean(unknown[0], self._fields())
            raise InputError(
                f"{type(self).__name__} has no setting {shown(unknown[0])}{question}; it has "
                f"{', '.join(self._fields())}"
            )
        settings = self._renamed(settings)
        changed = {k: v for k, v in settings.items() if v is not None and k not in self.ignored}
        if not changed:
            return self
        result = copy.copy(self)
        for name in dict.fromkeys((*self.assigned_first, *changed)):
            if name in changed:
                setattr(result, name, changed[name])
        return result

    def required(self, name: str, step: str) -> Any:
        """Return a setting that the enabled ``step`` needs, or raise `InputError`."""
        value = vars(self)[name]
        if value is None:
            raise InputError(f"{step}=True needs {name}, which {type(self).__name__} has not")
        return value

    def to_dict(self) -> dict[str, Any]:
        """Return the class's own settings, and others that are not at their default."""
        fields = self._fields()
        return {
            name: copy.deepcopy(value)
            for name, value in vars(self).items()
            if not name.startswith("_")
            and (name not in fields or fields[name].own or value != fields[name].default)
        }

    def to_json_string(self) -> str:
        return json.dumps(self.to_dict(), indent=2, sort_keys=True) + "\n"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__} {self.to_json_string()}"
