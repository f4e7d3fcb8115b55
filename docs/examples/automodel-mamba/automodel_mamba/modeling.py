"""Mamba: layers that keep a state of a fixed size, whose changes the text selects."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import automodel_core.layers as bricks
from automodel_core.checkpoint import WeightNames
from automodel_core.modeling import PreTrainedModel, TextBody, TextInputs, TextModelForCausalLM
from automodel_mamba.configuration import MambaConfig


class MambaMixer(nn.Module):
    """A short convolution, then a linear recurrence whose coefficients the text selects."""

    def __init__(self, config: MambaConfig) -> None:
        super().__init__()
        size, inner, rank = config.hidden_size, config.inner_size, config.rank
        self.sizes = (rank, config.state_size, config.state_size)
        self.activation = bricks.activation(config.hidden_act)
        self.in_proj = bricks.linear(size, 2 * inner, bias=config.use_bias)
        kernel, bias = config.conv_kernel, config.use_conv_bias
        self.conv1d = nn.Conv1d(inner, inner, kernel, groups=inner, bias=bias)
        self.x_proj = bricks.linear(inner, sum(self.sizes), bias=False)
        self.dt_proj = bricks.linear(rank, inner)
        self.A_log = nn.Parameter(torch.empty(inner, config.state_size))
        self.D = nn.Parameter(torch.empty(inner))
        self.out_proj = bricks.linear(inner, size, bias=config.use_bias)

    def new_state(self, cache: bricks.Cache) -> bricks.RecurrentState:
        return bricks.RecurrentState()

    def forward(self, hidden_states: Tensor, mask: Any = None, *, cache: Any = None) -> Tensor:
        """Mix ``(batch, length, size)``; ``mask`` ``(batch, length, 1)`` is 0 for padding."""
        linears = (self.in_proj, self.x_proj, self.dt_proj, self.out_proj)
        return self._mix(hidden_states, mask, cache, linears)

    def decode_step(self, rows: int) -> bricks.MixerStep:
        linears = (self.in_proj, self.x_proj, self.dt_proj, self.out_proj)
        packed = [bricks.prepare_linear((linear,), rows) for linear in linears]
        ran = [lambda states, run=run: run(states[:, 0])[:, None] for run in packed]
        return lambda states, mask, cache: self._mix(states[:, None], mask, cache, ran)[:, 0]

    def _mix(self, states: Tensor, mask: Any, cache: Any, linears: Any) -> Tensor:
        enter, select, widen, leave = linears
        shown, outputs, decay = 1.0 if mask is None else mask, [], -self.A_log.float().exp()
        past = states.new_zeros(len(states), len(self.D), self.conv1d.kernel_size[0] - 1)
        memory = decay.new_zeros(len(states), *decay.shape)
        if cache is not None and cache.tensors is not None:
            past, memory = cache.tensors
        inputs, gate = enter(states * shown).chunk(2, dim=-1)
        window = torch.cat([past, inputs.transpose(1, 2)], dim=-1)
        mixed = self.activation(self.conv1d(window)).transpose(1, 2) * shown
        time, entering, leaving = select(mixed).split(self.sizes, dim=-1)
        time = F.softplus(widen(time)).float()[..., None]
        added = time * entering[:, :, None] * mixed[..., None]
        for position in range(states.shape[1]):
            memory = torch.exp(time[:, position] * decay) * memory + added[:, position]
            outputs.append((memory.to(mixed.dtype) @ leaving[:, position, :, None])[..., 0])
        if cache is not None:
            cache.update((window[..., states.shape[1] :], memory), states.shape[1])
        output: Tensor = leave((torch.stack(outputs, 1) + self.D * mixed) * F.silu(gate))
        return output


class MambaPreTrainedModel(PreTrainedModel):
    """The names of the weights in a checkpoint, and first values."""

    config_class = MambaConfig
    config: MambaConfig
    base_model_prefix = "backbone"

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        rules = {"layers": "stack.layers", "layers.*.norm": "stack.layers.*.mixer_norm"}
        names = WeightNames(rules | {"embeddings": "embed_tokens", "norm_f": "stack.norm"})
        return names.nested(hub="backbone", module=cls.body) if cls.body else names

    @torch.no_grad()
    def init_module(self, module: nn.Module) -> None:
        super().init_module(module)
        if isinstance(module, MambaMixer):
            module.A_log.copy_(torch.arange(1, module.sizes[1] + 1).log().expand_as(module.A_log))
            module.D.fill_(1.0)
            module.dt_proj.bias.fill_(-4.6)  # softplus makes it 0.01


class MambaModel(MambaPreTrainedModel, TextBody):
    """The decoder without a head."""

    def __init__(self, config: MambaConfig) -> None:
        super().__init__(config, decoder=True)
        norm = partial(bricks.RMSNorm, config.hidden_size, config.layer_norm_epsilon)
        self.embed_tokens = bricks.embedding(config.vocab_size, config.hidden_size)
        mixers = [MambaMixer(config) for _ in range(config.num_hidden_layers)]
        layers = [bricks.MixerLayer(mixer, norm) for mixer in mixers]
        self.stack = bricks.TransformerStack(layers, norm())
        self.post_init()

    def mask(self, inputs: TextInputs, states: Tensor) -> Tensor | None:
        """Return 0 for padding; a recurrence sees no later tokens anyway."""
        mask = inputs.attention_mask
        visible = None if mask is None else bricks.visible_keys(mask[:, -states.shape[1] :])
        return None if visible is None else visible[:, 0, 0, :, None].to(states.dtype)


class MambaForCausalLM(MambaPreTrainedModel, TextModelForCausalLM):
    """Predict the next token."""

    def __init__(self, config: MambaConfig) -> None:
        super().__init__(config)
        self.model = MambaModel(config)
        self.lm_head = bricks.linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()
