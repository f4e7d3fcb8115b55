"""The neck between the layers of a backbone and a head for each pixel."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from automodel_core.errors import InputError
from automodel_core.layers.images.dense import FeatureFusionStage

__all__ = ["DPTNeck", "FittedFusionStage"]


class FittedFusionStage(FeatureFusionStage):
    """Maps enlarged to the size of the next one, where that is not just double."""

    def size_after(self, fused: Tensor, following: Tensor | None) -> tuple[int, int]:
        if following is None:
            return super().size_after(fused, following)
        return following.shape[-2], following.shape[-1]


class DPTNeck(nn.Module):
    """Maps of several scales, each convolved to as many channels, and fused."""

    def __init__(
        self,
        reassemble_stage: nn.Module | None,
        sizes: Sequence[int],
        fused_size: int,
        fusion_stage: FeatureFusionStage,
    ) -> None:
        super().__init__()
        self.reassemble_stage = reassemble_stage
        self.convs = nn.ModuleList(
            nn.Conv2d(size, fused_size, kernel_size=3, padding=1, bias=False) for size in sizes
        )
        self.fusion_stage = fusion_stage

    def forward(self, states: Sequence[Tensor], grid: tuple[int, int]) -> list[Tensor]:
        """Return the fused maps, the finest last, of states over a grid of patches."""
        if len(states) != len(self.convs):
            raise InputError(
                f"{len(states)} maps were given for {len(self.convs)} neck_hidden_sizes: the "
                "backbone must give one for each"
            )
        maps = states if self.reassemble_stage is None else self.reassemble_stage(states, grid)
        convolved = [conv(each) for conv, each in zip(self.convs, maps, strict=True)]
        fused: list[Tensor] = self.fusion_stage(convolved)
        return fused
