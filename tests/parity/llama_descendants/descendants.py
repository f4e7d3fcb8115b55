"""Four descendants of Llama in as few lines as their family leaves: what each has of its own."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

import automodel_core.families.llama as family
from automodel_core.layers import Attention, RMSNorm
from automodel_core.modeling import TextInputs, init_normal

__all__ = ["GemmaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM"]


# ---- each query sees a window ----


class MistralConfig(family.LlamaFamilyConfig):
    model_type = "mistral"
    sliding_window: int | None = 4096

    @property
    def windows(self) -> list[int | None]:
        return [self.sliding_window] * self.num_hidden_layers


class Mistral(family.LlamaFamilyPreTrainedModel):
    config_class = MistralConfig


class MistralModel(Mistral, family.LlamaFamilyModel):
    pass


class MistralForCausalLM(Mistral, family.LlamaFamilyForCausalLM):
    model_class = MistralModel


# ---- windows in some layers, biases before attention ----


class Qwen2Config(family.LlamaFamilyConfig):
    model_type = "qwen2"
    use_sliding_window: bool = False
    sliding_window: int | None = 4096
    max_window_layers: int = 28

    @property
    def windows(self) -> list[int | None]:
        window = self.sliding_window if self.use_sliding_window else None
        turns = range(self.num_hidden_layers)
        return [window if turn >= self.max_window_layers else None for turn in turns]


class Qwen2(family.LlamaFamilyPreTrainedModel):
    config_class = Qwen2Config

    @classmethod
    def make_attention(cls, config: Any) -> Attention:
        projections = family.head_projections(config, bias=True, out_bias=False)
        return Attention(projections, dropout=config.attention_dropout)


class Qwen2Model(Qwen2, family.LlamaFamilyModel):
    pass


class Qwen2ForCausalLM(Qwen2, family.LlamaFamilyForCausalLM):
    model_class = Qwen2Model


# ---- norms of queries and keys ----


class Qwen3Config(family.LlamaFamilyConfig):
    model_type = "qwen3"


class Qwen3(family.LlamaFamilyPreTrainedModel):
    config_class = Qwen3Config

    @classmethod
    def make_attention(cls, config: Any) -> Attention:
        norm = partial(RMSNorm, config.head_size, config.rms_norm_eps)
        return Attention(family.head_projections(config), head_norm=norm)


class Qwen3Model(Qwen3, family.LlamaFamilyModel):
    pass


class Qwen3ForCausalLM(Qwen3, family.LlamaFamilyForCausalLM):
    model_class = Qwen3Model


# ---- norms whose weights count from one, scaled embeddings ----


class GemmaConfig(family.LlamaFamilyConfig):
    model_type = "gemma"
    tie_word_embeddings: bool = True


class GemmaNorm(RMSNorm):
    def forward(self, inputs: Tensor) -> Tensor:
        scaled = torch.nn.functional.rms_norm(inputs.float(), self.weight.shape, eps=self.eps)
        return (scaled * (1.0 + self.weight.float())).type_as(inputs)


class Gemma(family.LlamaFamilyPreTrainedModel):
    config_class = GemmaConfig

    @classmethod
    def make_norm(cls, config: Any) -> GemmaNorm:
        return GemmaNorm(config.hidden_size, config.rms_norm_eps)

    @torch.no_grad()
    def init_module(self, module: torch.nn.Module) -> None:
        init_normal(module, self.config.initializer_range)
        if isinstance(module, GemmaNorm):
            module.weight.zero_()


class GemmaModel(Gemma, family.LlamaFamilyModel):
    def embed(self, inputs: TextInputs) -> Tensor:
        if inputs.inputs_embeds is not None:
            return inputs.inputs_embeds
        embeds = super().embed(inputs)
        return embeds * torch.tensor(self.config.hidden_size**0.5, dtype=embeds.dtype)


class GemmaForCausalLM(Gemma, family.LlamaFamilyForCausalLM):
    model_class = GemmaModel
