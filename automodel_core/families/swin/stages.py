"""Stages of layers of one size, each but the last of which merges its patches into fours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from automodel_core.layers.images.windows import Windows
from automodel_core.layers.stack import LayerStack, drop_path_rates

if TYPE_CHECKING:
    from automodel_core.families.swin.layers import WindowLayer

__all__ = ["StagesOutput", "SwinStage", "SwinStages", "as_maps"]


@dataclass
class StagesOutput:
    """States ``(batch, rows, columns, size)`` of each stage, and weights of its last layer.

    ``states`` enter the stages in turn, and leave the last one; ``unmerged`` are the same before
    each stage merges its patches.
    """

    states: list[Tensor]
    unmerged: list[Tensor]
    attentions: list[Tensor]

    def shown(self, output_attentions: bool, output_hidden_states: bool) -> dict[str, Any]:
        """Return what a model's output shows of the stages on request."""
        found: dict[str, Any] = {}
        if output_hidden_states:
            found["hidden_states"] = tuple(states.flatten(1, 2) for states in self.states)
            found["reshaped_hidden_states"] = as_maps(self.states)
        if output_attentions:
            found["attentions"] = tuple(self.attentions)
        return found


def as_maps(states: Iterable[Tensor]) -> tuple[Tensor, ...]:
    """Return states ``(batch, rows, columns, size)`` as ``(batch, size, rows, columns)``."""
    return tuple(each.permute(0, 3, 1, 2) for each in states)


class SwinStage(nn.Module):
    """Layers, every other one of which shifts its windows, and what merges patches behind them."""

    def __init__(
        self, layers: Sequence[WindowLayer], window: int, shift: int, downsample: nn.Module | None
    ) -> None:
        super().__init__()
        self.window, self.shift = window, shift
        self.layers = nn.ModuleList(layers)
        self.downsample = downsample

    def windows(self, states: Tensor, fitted: bool) -> tuple[Windows, Windows]:
        """Return how the layers cut states by turns.

        ``fitted`` windows are no larger than the map, and not shifted where one holds all there is
        in one direction.
        """
        window, shift = self.window, self.shift
        edge = min(states.shape[1:3])
        if fitted and edge <= window:
            window, shift = edge, 0
        plain = Windows(states, window, 0)
        many = shift > 0 and len(self.layers) > 1
        return plain, Windows(states, window, shift) if many else plain

    def forward(
        self, states: Tensor, fitted: bool, output_attentions: bool
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return the states with patches merged and before, and the last layer's weights."""
        windows, weights = self.windows(states, fitted), None
        for index, layer in enumerate(self.layers):
            states, weights = layer(states, windows[index % 2], output_attentions)
        return states if self.downsample is None else self.downsample(states), states, weights


class SwinStages(LayerStack):
    """The stages in turn.

    ``depths`` are the layers of each; paths are dropped ever more often, in the last layer by
    ``drop_path``. ``stage`` makes a stage of its number and of its layers' rates.
    """

    def __init__(
        self,
        depths: Sequence[int],
        drop_path: float,
        stage: Callable[[int, list[float]], SwinStage],
    ) -> None:
        super().__init__()
        rates = iter(drop_path_rates(drop_path, sum(depths)))
        self.stages = nn.ModuleList(
            stage(number, list(islice(rates, depth))) for number, depth in enumerate(depths)
        )

    def forward(
        self, states: Tensor, *, fitted: bool = True, output_attentions: bool = False
    ) -> StagesOutput:
        """Run ``(batch, rows, columns, size)`` through the stages; see `SwinStage.windows`."""
        output = StagesOutput([states], [states], [])
        for stage in self.stages:
            states, unmerged, weights = self.run(stage, states, fitted, output_attentions)
            output.states.append(states)
            output.unmerged.append(unmerged)
            if weights is not None:
                output.attentions.append(weights)
        return output
