"""Two tiny models that follow the protocol of generation, written without the core's bricks."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from automodel_core.generation import GenerationConfig, GenerationMixin

VOCABULARY = 23
WIDTH = 8


class TinyConfig(SimpleNamespace):
    vocab_size = VOCABULARY
    position_limit = 48
    prompts_start_themselves = False

    def get_text_config(self, decoder: bool = False) -> TinyConfig:
        return self

    def get(self, key: str) -> object:
        return vars(self).get(key)


class Output(SimpleNamespace):
    """An output that is read by attribute or by name."""

    def __getitem__(self, name: str):
        return vars(self)[name]


class Counting:
    """How often parts of a model ran, and with how many positions."""

    def __init__(self) -> None:
        self.encoder_calls = 0
        self.decoder_lengths: list[int] = []
        self.decoder_masks: list[object] = []


class TinyBase(nn.Module, GenerationMixin):
    main_input_name = "input_ids"

    def __init__(self, seed: int = 0, **settings: object) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.config = TinyConfig(is_encoder_decoder=self.is_encoder_decoder)
        self.generation_config = GenerationConfig(**settings)
        self.embed = nn.Embedding(VOCABULARY, WIDTH)
        self.positions = nn.Embedding(48, WIDTH)
        self.project = nn.Linear(WIDTH, 3 * WIDTH)
        self.head = nn.Linear(WIDTH, VOCABULARY)
        self.counting = Counting()
        for parameter in self.parameters():
            nn.init.normal_(parameter, 0.0, 1.0)
        self.eval()

    @property
    def device(self) -> torch.device:
        return self.head.weight.device

    def score_states(self, hidden_states: Tensor, cache: object = None) -> Tensor:
        return self.head(hidden_states)

    def get_input_embeddings(self) -> nn.Embedding:
        return self.embed

    def attended(
        self, states: Tensor, mask: Tensor | None, position_ids: Tensor | None, cache
    ) -> Tensor:
        """One head of causal attention over the cache and the new states."""
        seen = 0 if cache is None else cache.get_seq_length()
        if position_ids is None:
            position_ids = torch.arange(seen, seen + states.shape[1])[None]
        query, key, value = self.project(states + self.positions(position_ids)).chunk(3, dim=-1)
        if cache is not None:
            key, value = cache.layer(0).state.update(key[:, None], value[:, None])
            key, value = key[:, 0], value[:, 0]
        scores = query @ key.transpose(1, 2)
        hidden = torch.ones(scores.shape[1:]).triu(scores.shape[2] - scores.shape[1] + 1).bool()
        if mask is not None:
            hidden = hidden | (mask[:, None] == 0)
        self.counting.decoder_lengths.append(states.shape[1])
        self.counting.decoder_masks.append(mask)
        return states + scores.masked_fill(hidden, -1e9).softmax(-1) @ value


class TinyDecoder(TinyBase):
    is_encoder_decoder = False

    def forward(
        self, input_ids=None, attention_mask=None, position_ids=None, inputs_embeds=None,
        past_key_values=None, use_cache=None, return_dict=True, logits_to_keep=0,
        output_hidden_states=False,
    ):  # fmt: skip
        first = self.embed(input_ids) if inputs_embeds is None else inputs_embeds
        states = self.attended(first, attention_mask, position_ids, past_key_values)
        return Output(
            logits=self.score_states(states[:, -logits_to_keep:]), past_key_values=past_key_values,
            hidden_states=(first, states),
        )  # fmt: skip


class TinyEncoder(nn.Module):
    def __init__(self, embed: nn.Embedding, counting: Counting) -> None:
        super().__init__()
        self.embed, self.counting = embed, counting

    def forward(self, input_ids=None, attention_mask=None, inputs_embeds=None, return_dict=True):
        self.counting.encoder_calls += 1
        states = self.embed(input_ids) if inputs_embeds is None else inputs_embeds
        if attention_mask is not None:
            states = states * attention_mask[..., None]
        return SimpleNamespace(last_hidden_state=states)


class TinyEncoderDecoder(TinyBase):
    is_encoder_decoder = True

    def __init__(self, seed: int = 0, **settings: object) -> None:
        super().__init__(seed, **{"decoder_start_token_id": 0, **settings})
        self.encoder = TinyEncoder(self.embed, self.counting)

    def get_encoder(self) -> nn.Module:
        return self.encoder

    def forward(
        self, input_ids=None, attention_mask=None, decoder_input_ids=None,
        decoder_attention_mask=None, encoder_outputs=None, past_key_values=None, use_cache=None,
        return_dict=True, output_hidden_states=False,
    ):  # fmt: skip
        context = encoder_outputs.last_hidden_state.mean(dim=1, keepdim=True)
        context = context.repeat_interleave(len(decoder_input_ids) // len(context), dim=0)
        first = self.embed(decoder_input_ids) + context
        states = self.attended(first, decoder_attention_mask, None, past_key_values)
        return Output(
            logits=self.score_states(states), past_key_values=past_key_values,
            decoder_hidden_states=(first, states),
        )  # fmt: skip


@pytest.fixture
def decoder() -> TinyDecoder:
    return TinyDecoder(eos_token_id=1, pad_token_id=0, bos_token_id=2)


@pytest.fixture
def encoder_decoder() -> TinyEncoderDecoder:
    return TinyEncoderDecoder(eos_token_id=1, pad_token_id=0)


@pytest.fixture(params=["decoder", "encoder_decoder"])
def model(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def prompt() -> Tensor:
    return torch.tensor([[3, 4, 5], [6, 7, 8]])
