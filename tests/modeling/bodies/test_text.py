"""The one forward of text bodies: what it needs, what it opens, and what it refuses."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn

from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import InputError
from automodel_core.layers.attention import Attention, equal_heads
from automodel_core.layers.caches.base import Cache
from automodel_core.layers.feed_forward import FeedForward
from automodel_core.layers.kernels.linear import Embedding
from automodel_core.layers.positions.rotary import RotaryEmbedding
from automodel_core.layers.stack import TransformerStack
from automodel_core.layers.transformer import TransformerLayer
from automodel_core.modeling.bodies.text import TextBody, TextRunner
from support.tiny_lm import drawn
from support.tiny_pair import drawn_pair

IDS = torch.tensor([[5, 7, 2, 9], [3, 3, 8, 1]])


class PlainConfig(PreTrainedConfig):
    model_type = "plain"

    vocab_size: int = 11
    hidden_size: int = 8
    max_position_embeddings: int = 6
    use_cache: bool = True


class Plain(TextBody):
    """A body that is nothing but its parts."""

    def __init__(self, config: PreTrainedConfig, *, decoder: bool, places: bool = True) -> None:
        super().__init__(config, decoder=decoder)
        size = config.hidden_size
        self.embed_tokens = Embedding(config.vocab_size, size)
        if places:
            self.embed_positions = Embedding(config.max_position_embeddings, size)
        norm = partial(nn.LayerNorm, size)
        layer = TransformerLayer(
            Attention(equal_heads(size, 2)), FeedForward(size, size), norm, norm_first=True
        )
        self.stack = TransformerStack([layer])
        self.post_init()


def plain(*, decoder: bool, places: bool = True) -> Plain:
    torch.manual_seed(0)
    return Plain(PlainConfig(initializer_range=0.5), decoder=decoder, places=places).eval()


def states(model: Plain, *inputs: torch.Tensor, **more: object) -> torch.Tensor:
    with torch.no_grad():
        return model(*inputs, **more).last_hidden_state


def test_tokens_and_learned_positions_enter_the_first_layer() -> None:
    model = plain(decoder=False)
    expected = model.embed_tokens.weight[IDS] + model.embed_positions.weight[:4]
    torch.testing.assert_close(model(IDS, output_hidden_states=True).hidden_states[0], expected)
    given = model(IDS, position_ids=torch.tensor([[3, 0, 5, 1]]), output_hidden_states=True)
    expected = model.embed_tokens.weight[IDS] + model.embed_positions.weight[[3, 0, 5, 1]]
    torch.testing.assert_close(given.hidden_states[0], expected)
    with pytest.raises(InputError, match="7 positions are more than max_position_embeddings=6"):
        model(torch.ones(1, 7, dtype=torch.long))
    unplaced = plain(decoder=False, places=False)
    torch.testing.assert_close(
        unplaced(IDS, output_hidden_states=True).hidden_states[0], unplaced.embed_tokens.weight[IDS]
    )


@pytest.mark.parametrize("decoder", [True, False])
def test_an_encoder_sees_all_and_a_decoder_what_came_before(decoder: bool) -> None:
    model = plain(decoder=decoder)
    other = IDS.clone()
    other[:, -1] = 4
    changed = (states(model, IDS) - states(model, other)).abs().sum(dim=(0, 2)) > 1e-6
    assert changed.tolist() == [not decoder, not decoder, not decoder, True]


@pytest.mark.parametrize("decoder", [True, False])
def test_padding_is_seen_by_none(decoder: bool) -> None:
    model = plain(decoder=decoder, places=False)
    mask = torch.tensor([[0, 1, 1, 1], [1, 1, 1, 1]])
    found = states(model, IDS, mask)
    torch.testing.assert_close(found[:1, 1:], states(model, IDS[:1, 1:]))
    torch.testing.assert_close(found[1:], states(model, IDS[1:]))


def test_a_decoder_keeps_a_cache_and_continues_it() -> None:
    model = plain(decoder=True)
    assert model(IDS, use_cache=False).past_key_values is None
    first = model(IDS[:, :3])
    assert first.past_key_values.get_seq_length() == 3
    then = states(model, IDS[:, 3:], past_key_values=first.past_key_values)
    torch.testing.assert_close(then, states(model, IDS)[:, 3:])
    model.train().gradient_checkpointing_enable()
    assert model(IDS).past_key_values is None


def test_a_model_may_keep_what_it_likes() -> None:
    class OwnCache(Cache):
        """Another kind."""

    class Other(Plain):
        def new_cache(self) -> Cache:
            return OwnCache()

    model = Other(PlainConfig(initializer_range=0.5), decoder=True)
    assert type(model(IDS).past_key_values) is OwnCache


def test_rotary_positions_turn_queries_and_keys() -> None:
    model = plain(decoder=True, places=False)
    unturned = states(model, IDS)
    model.rotary = RotaryEmbedding(4)
    turned = states(model, IDS)
    assert not torch.allclose(turned, unturned)
    # Distances count: all positions may be moved at once.
    moved = states(model, IDS, position_ids=torch.arange(3, 7)[None])
    torch.testing.assert_close(moved, turned, rtol=1e-4, atol=1e-5)
    cache = Cache(decoding=True)
    steps = [states(model, ids, past_key_values=cache) for ids in IDS.split([2, 1, 1], dim=1)]
    torch.testing.assert_close(torch.cat(steps, dim=1), turned, rtol=1e-4, atol=1e-5)


def test_an_encoder_keeps_nothing() -> None:
    assert plain(decoder=False)(IDS, use_cache=True).past_key_values is None


@pytest.mark.parametrize(
    ("decoder", "given", "message"),
    [
        (False, {}, "give either input_ids or inputs_embeds"),
        (False, {"input_ids": IDS, "inputs_embeds": IDS}, "either input_ids or inputs_embeds"),
        (False, {"input_ids": IDS, "token_type_ids": IDS}, "Plain has no token types"),
        (False, {"input_ids": IDS, "past_key_values": Cache()}, "Plain is an encoder"),
        (True, {"input_ids": IDS, "encoder_hidden_states": IDS}, "need cross-attention"),
        (False, {"input_ids": IDS, "encoder_hidden_states": IDS}, "need cross-attention"),
    ],
)
def test_what_a_model_cannot_use_is_refused(
    decoder: bool, given: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        plain(decoder=decoder)(**given)


@pytest.mark.parametrize("decoder", [False, True])
@pytest.mark.parametrize("shape", [(2, 3), (2, 1), (2, 5), (1, 4), (3, 4), (4,)])
@pytest.mark.parametrize("hides", [False, True])
def test_a_mask_of_another_shape_is_refused(
    decoder: bool, shape: tuple[int, ...], hides: bool
) -> None:
    mask = torch.ones(shape)
    if hides:
        mask[..., -1] = 0
    with pytest.raises(InputError, match=r"attention_mask has shape .*expected \(2, 4\)"):
        plain(decoder=decoder)(torch.ones(2, 4, dtype=torch.long), attention_mask=mask)


@pytest.mark.parametrize("shape", [(2, 3), (3, 4), (3,), (2, 4, 1)])
def test_positions_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"position_ids has shape .*expected \(2, 4\)"):
        plain(decoder=False)(IDS, position_ids=torch.zeros(shape, dtype=torch.long))


def test_positions_may_be_the_same_for_all_rows() -> None:
    model, positions = plain(decoder=False), torch.tensor([3, 2, 1, 0])
    expected = states(model, IDS, position_ids=positions.expand(2, 4))
    assert torch.equal(states(model, IDS, position_ids=positions), expected)
    assert torch.equal(states(model, IDS, position_ids=positions[None]), expected)


@pytest.mark.parametrize("prefix", ["", "decoder_"])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"input_ids": IDS + 2}, "input_ids: ids must lie between 0 and 10; .* from 3 to 11"),
        ({"input_ids": IDS - 2}, "input_ids: ids must lie between 0 and 10; .* from -1 to 7"),
        (
            {"input_ids": IDS, "position_ids": IDS.clone()},
            "position_ids: ids must lie between 0 and 5; .* from 1 to 9",
        ),
    ],
)
def test_an_id_without_a_row_is_named_by_its_argument(
    prefix: str, given: dict[str, torch.Tensor], message: str
) -> None:
    model = plain(decoder=False)
    model.argument_prefix = prefix
    with pytest.raises(InputError, match=f"^{prefix}{message}"):
        model(**given)


@pytest.mark.parametrize("ids", [torch.ones(4, dtype=torch.long), torch.ones(2, 4)])
def test_token_ids_are_rows_of_integers(ids: torch.Tensor) -> None:
    with pytest.raises(InputError, match="input_ids must be integers"):
        plain(decoder=False)(ids)


def test_generate_asks_the_decoder_for_its_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Cache] = []

    def new_cache(self: TextRunner) -> Cache:
        made.append(Cache())
        return made[-1]

    monkeypatch.setattr(TextRunner, "new_cache", new_cache)
    for model in (drawn(), drawn_pair()):
        output = model.generate(
            IDS[:1], max_new_tokens=3, min_new_tokens=3, return_dict_in_generate=True
        )
        assert output.past_key_values is made.pop()
        assert not made
