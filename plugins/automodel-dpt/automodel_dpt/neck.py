"""DPT's neck: each patch takes up the first token's state, and fused maps come out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from automodel_core import layers
from automodel_core.families.dpt import DPTNeck
from automodel_dpt.configuration import DPTConfig

WITHOUT_TOKENS = ("swinv2",)
"""Backbones whose maps need no reassembly: they have several scales already, and no first token."""


class DPTReassembleStage(nn.Module):
    """Maps of the patches' states, joined to the first token's, at several scales.

    The maps of a hybrid's backbone, the first ones, stay as they are.
    """

    def __init__(self, config: DPTConfig) -> None:
        super().__init__()
        part, size = config.backbone_config, config.hidden_size
        if part is not None and not config.is_hybrid:
            size = part.get("hidden_size", size)
        self.readout_type, self.size = config.readout_type, size
        self.ignored = frozenset(config.neck_ignore_stages or ())
        self.activation = layers.activation(config.hidden_act)
        self.layers, self.readout_projects = nn.ModuleList(), nn.ModuleList()
        stages = zip(config.neck_hidden_sizes, config.reassemble_factors, strict=True)
        for index, (channels, factor) in enumerate(stages):
            is_map = index in self.ignored
            layer = nn.Identity() if is_map else layers.Reassemble(size, channels, factor)
            self.layers.append(layer)
            if config.readout_type == "project":
                parts = [] if is_map else [layers.linear(2 * size, size)]
                self.readout_projects.append(nn.Sequential(*parts))

    def forward(self, states: Sequence[Tensor], grid: tuple[int, int]) -> list[Tensor]:
        """Return a map of each layer's states over a grid of patches."""
        return [
            each if index in self.ignored else self.reassembled(index, each, grid)
            for index, each in enumerate(states)
        ]

    def reassembled(self, index: int, states: Tensor, grid: tuple[int, int]) -> Tensor:
        token, patches = states[:, :1], states[:, 1:]
        if self.readout_type == "add":
            patches = patches + token
        elif self.readout_type == "project":
            readout: Any = self.readout_projects[index]
            joined = torch.cat([patches, token.expand_as(patches)], dim=-1)
            patches = self.activation(layers.project(readout[0], joined))
        maps: Tensor = self.layers[index](layers.map_of_patches(patches, grid))
        return maps


def dpt_neck(config: DPTConfig) -> DPTNeck:
    """Return the neck of a configuration."""
    part, size = config.backbone_config, config.fusion_hidden_size
    needs_none = part is not None and part.model_type in WITHOUT_TOKENS
    has_norms = bool(config.use_batch_norm_in_fusion_residual)
    bias = config.use_bias_in_fusion_residual
    kind = layers.NormedResidualConvUnit if has_norms else layers.ResidualConvUnit
    unit = partial(kind, size, bias=not has_norms if bias is None else bias)
    sizes = config.neck_hidden_sizes
    return DPTNeck(
        None if needs_none else DPTReassembleStage(config),
        sizes,
        size,
        layers.FeatureFusionStage(len(sizes), size, unit),
    )
