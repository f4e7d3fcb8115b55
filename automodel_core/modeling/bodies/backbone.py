"""Backbones: models whose feature maps other models read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar, cast

from automodel_core import registry
from automodel_core.checkpoint.names.table import WeightNames
from automodel_core.configuration import BackboneConfigMixin, PreTrainedConfig
from automodel_core.modeling.pretrained.base import PreTrainedModel

__all__ = ["BackboneMixin", "backbone_names", "load_backbone"]

Map = TypeVar("Map")


class BackboneMixin(PreTrainedModel):
    """Feature maps of an image, of the stages that the configuration chooses.

    A subclass sets ``num_features``, how many channels the map of each stage has, chosen or not.
    Its ``forward`` returns a `BackboneOutput` with `chosen_maps`.
    """

    config: BackboneConfigMixin
    main_input_name = "pixel_values"
    num_features: Sequence[int]
    has_attentions: ClassVar[bool] = True
    """Whether the model can show attentions; one made of convolutions cannot."""

    @property
    def stage_names(self) -> list[str]:
        """The stages that there are, in the order in which they are computed."""
        return self.config.stage_names

    @property
    def out_features(self) -> list[str]:
        """The names of the stages whose maps `forward` returns; to set it changes that."""
        return self.config.out_features or []

    @out_features.setter
    def out_features(self, out_features: Sequence[str]) -> None:
        self.config.out_features = list(out_features)

    @property
    def out_indices(self) -> list[int]:
        """The numbers of the same stages."""
        return self.config.out_indices or []

    @out_indices.setter
    def out_indices(self, out_indices: Sequence[int]) -> None:
        self.config.out_indices = list(out_indices)

    @property
    def stage_numbers(self) -> list[int]:
        """The same numbers, none of which counts from the end."""
        return [index % len(self.stage_names) for index in self.out_indices]

    @property
    def out_feature_channels(self) -> dict[str, int]:
        """How many channels the map of each stage has, chosen or not."""
        return dict(zip(self.stage_names, self.num_features, strict=True))

    @property
    def channels(self) -> list[int]:
        """How many channels each map has that `forward` returns."""
        channels = self.out_feature_channels
        return [channels[name] for name in self.out_features]

    def chosen_maps(self, maps: Sequence[Map]) -> tuple[Map, ...]:
        """Return those of the chosen stages, of one for each stage."""
        return tuple(maps[index] for index in self.out_indices)

    def forward_with_filtered_kwargs(self, *args: Any, **kwargs: Any) -> Any:
        """Call the model, without ``output_attentions`` where it has none."""
        if not self.has_attentions:
            kwargs.pop("output_attentions", None)
        return self(*args, **kwargs)


def load_backbone(config: PreTrainedConfig) -> BackboneMixin:
    """Return the backbone of a configuration, or of its ``backbone_config``, with new weights.

    Weights come with the checkpoint of the model that holds it. Raises `UnsupportedTaskError` for
    an architecture that is no backbone.
    """
    kind, part = _backbone_class(config)
    return kind(part)


def backbone_names(
    config: PreTrainedConfig, path: str = "backbone", hub: str | None = None
) -> WeightNames:
    """Return the names of the weights of a backbone that a model holds at a path.

    ``hub`` is where files hold it, by default at the same path.
    """
    kind, part = _backbone_class(config)
    return kind.weight_names(part).nested(path if hub is None else hub, path)


def _backbone_class(config: PreTrainedConfig) -> tuple[type[BackboneMixin], PreTrainedConfig]:
    part = config.parts().get("backbone_config", config)
    found = registry.architectures.model_class(part, "backbone")
    return cast("type[BackboneMixin]", found), part
