"""Configurations of backbones, which say what feature maps they give, and of models around one."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from automodel_core.configuration.base import AnyConfig, PreTrainedConfig
from automodel_core.errors import ConfigurationError, shown

__all__ = ["BackboneConfigMixin", "OutFeatures", "OutIndices", "WithBackboneConfig"]

OutFeatures = list[str] | None
OutIndices = list[int] | None


class BackboneConfigMixin(PreTrainedConfig):
    """Feature maps of stages, chosen by name or by number: two views of one choice.

    A subclass declares the fields ``out_features: OutFeatures = None`` and ``out_indices:
    OutIndices = None`` where they stand among its own, and may replace `stage_count` or
    `name_stages`. To set one moves the other; without a choice it is the last stage. Numbers may
    count from the end, and a choice names stages in the order in which they are computed, each
    once: others raise `ConfigurationError`.
    """

    if TYPE_CHECKING:
        stage_names: list[str]
        out_features: OutFeatures = None
        out_indices: OutIndices = None

    @property
    def stage_count(self) -> int:
        """How many stages there are; by default each layer is one."""
        count: int = self.num_hidden_layers
        return count

    def name_stages(self) -> list[str]:
        """Return the names of all maps, beginning with that of what enters the first stage."""
        return ["stem", *(f"stage{number}" for number in range(1, self.stage_count + 1))]

    def validate(self) -> None:
        super().validate()
        former, names = vars(self).get("stage_names"), self.name_stages()
        self.stage_names = names
        if former not in (None, names) and self.out_features == former[-1:]:
            self.set_output_features_output_indices(None, None)  # it stays the last one
        else:
            self.set_output_features_output_indices(self.out_features, self.out_indices)

    def __setattr__(self, key: str, value: Any) -> None:
        super().__setattr__(key, value)
        if "stage_names" not in vars(self):  # what is set one by one is not yet whole
            return
        if key == "out_features":
            self.set_output_features_output_indices(self.out_features, None)
        elif key == "out_indices":
            self.set_output_features_output_indices(None, self.out_indices)

    def set_output_features_output_indices(
        self, out_features: Sequence[str] | None, out_indices: Sequence[int] | None
    ) -> None:
        """Choose stages by names, by numbers, or by both, which must mean the same stages."""
        names, count = self.stage_names, len(self.stage_names)
        if out_features is None and out_indices is None:
            out_features = names[-1:]
        for key, chosen, known in (
            ("out_features", out_features, names),
            ("out_indices", out_indices, range(-count, count)),
        ):
            unknown = [one for one in chosen or () if one not in known]
            if unknown:
                raise self._unusable(
                    key, chosen, f"numbers or names of {', '.join(names)}, not {shown(unknown[0])}"
                )
        numbers = [names.index(name) for name in out_features or ()]
        if out_indices is not None:
            counted = [number % count for number in out_indices]
            if out_features is not None and counted != numbers:
                raise self._unusable(
                    "out_indices", out_indices, f"those of out_features={shown(out_features)}"
                )
            numbers = counted
        if numbers != sorted(set(numbers)):
            key = "out_features" if out_indices is None else "out_indices"
            ordered = ", ".join(names[number] for number in sorted(set(numbers)))
            raise self._unusable(
                key, out_indices or out_features, f"each stage once, in their order: {ordered}"
            )
        vars(self).update(
            out_features=[names[number] for number in numbers],
            out_indices=numbers if out_indices is None else list(out_indices),
        )


class WithBackboneConfig(PreTrainedConfig):
    """A model around a backbone of any architecture, whose configuration is a part of its own.

    A subclass declares the field ``backbone_config: AnyConfig | None = None``. Files of earlier
    versions name a backbone's checkpoint instead, and `known_backbones` says what they mean:
    nothing is fetched for a configuration, as the model's own checkpoint has all weights.
    """

    known_backbones: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """The keys of backbones, ``model_type`` among them, by the names that ``backbone`` may have."""

    if TYPE_CHECKING:
        backbone_config: AnyConfig | None = None

    def default_backbone(self, given: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the keys of the backbone that a model has whose ``given`` keys name none."""
        return None

    def _require_parts(self, given: dict[str, Any]) -> None:
        name, changes = given.pop("backbone", None), given.pop("backbone_kwargs", None) or {}
        for key in ("use_timm_backbone", "use_pretrained_backbone"):
            given.pop(key, None)  # where the first values came from
        found, default = given.get("backbone_config"), self.default_backbone(given)
        if found is None and name is not None:
            default = self._known_backbone(name)
        if found is None and default is not None:
            given["backbone_config"] = copy.deepcopy({**default, **changes})
        elif isinstance(found, Mapping) and default is not None:
            given["backbone_config"] = {"model_type": default["model_type"], **found}
        super()._require_parts(given)

    def _known_backbone(self, name: Any) -> Mapping[str, Any]:
        if name in self.known_backbones:
            return self.known_backbones[name]
        known = ", ".join(self.known_backbones)
        raise ConfigurationError(
            f"{type(self).__name__}: backbone={shown(name)} names a checkpoint, which is not "
            f"fetched{f' (known without are {known})' if known else ''}: give its configuration, "
            "backbone_config=AutoConfig.from_pretrained(...)"
        )
