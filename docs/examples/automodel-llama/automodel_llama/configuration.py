"""The configuration of Llama."""

from __future__ import annotations

from automodel_core.families.llama import LlamaFamilyConfig


class LlamaConfig(LlamaFamilyConfig):
    """A decoder with rotary positions and grouped heads (https://arxiv.org/abs/2302.13971)."""

    model_type = "llama"
