"""Decoding by prepared layers follows the model: its weights, its parts and those who watch it."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from automodel_core.layers import Attention, Cache


@pytest.fixture
def model(make) -> Any:
    return make("T5ForConditionalGeneration", feed_forward_proj="gated-relu")


def logits(model: Any, input_ids: Tensor, **settings: Any) -> Tensor:
    """Return the scores of six greedy steps."""
    output = model.generate(
        input_ids=input_ids, max_new_tokens=6, min_new_tokens=6,
        return_dict_in_generate=True, output_logits=True, **settings,
    )  # fmt: skip
    return torch.stack(output.logits)


def assert_follows(model: Any, input_ids: Tensor, before: Tensor) -> None:
    """Check that decoding differs from before and agrees with whole passes."""
    found = logits(model, input_ids)
    assert not torch.allclose(found, before), "the change had no effect"
    whole = logits(model, input_ids, use_cache=False)
    torch.testing.assert_close(found, whole, rtol=1e-5, atol=1e-5)


def layer(model: Any) -> Any:
    return model.model.decoder.stack.layers[0]


def by_optimizer(model: Any) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    ids = torch.tensor([[3, 4, 1]])
    model(input_ids=ids, labels=ids).loss.backward()
    optimizer.step()


def by_data(model: Any) -> None:
    for parameter in model.parameters():
        parameter.data.copy_(parameter.data * 1.5)


def by_order_of_rows(model: Any) -> None:
    weight = layer(model).mlp.up_proj.weight
    weight.data.copy_(weight.data.flip(0))


def by_one_weight(model: Any) -> None:
    layer(model).self_attn.v_proj.weight.data[0] += 1.0


def by_swapped_scores(model: Any) -> None:
    weight = model.lm_head.weight
    weight.data.copy_(weight.data.roll(1, dims=0))


def by_state_dict(model: Any) -> None:
    model.load_state_dict({k: v * 0.7 for k, v in model.state_dict().items()})


def by_new_parameter(model: Any) -> None:
    attention = layer(model).cross_attn
    attention.q_proj.weight = nn.Parameter(attention.q_proj.weight.detach() * 2)


def by_resizing(model: Any) -> None:
    model.resize_token_embeddings(50)
    with torch.no_grad():
        model.get_input_embeddings().weight.mul_(1.1)


def by_odd_storage(model: Any) -> None:
    whole = torch.randn(24 * 16 + 1, generator=torch.Generator().manual_seed(3)) * 0.3
    layer(model).mlp.up_proj.weight = nn.Parameter(whole[1:].view(24, 16))


def by_strides(model: Any) -> None:
    weight = layer(model).mlp.up_proj.weight.detach()
    layer(model).mlp.up_proj.weight = nn.Parameter((weight * 2).t().contiguous().t())


def by_norm(model: Any) -> None:
    layer(model).mlp_norm.weight.data.mul_(2.0)


WAYS = [
    by_optimizer, by_data, by_order_of_rows, by_one_weight, by_swapped_scores, by_state_dict,
    by_new_parameter, by_resizing, by_odd_storage, by_strides, by_norm,
]  # fmt: skip


@pytest.mark.parametrize("change", WAYS)
def test_changed_weights_are_noticed(
    model: Any, input_ids: Tensor, change: Callable[[Any], None]
) -> None:
    before = logits(model, input_ids)
    if change is by_resizing:
        change(model)
        found, whole = (logits(model, input_ids, use_cache=cached) for cached in (True, False))
        assert found.shape[-1] == 50
        torch.testing.assert_close(found, whole, rtol=1e-5, atol=1e-5)
        return
    change(model)
    assert_follows(model, input_ids, before)


# ---- parts of others ----


class Adapter(nn.Module):
    """A low-rank addition to a linear layer, as adapter libraries wrap one."""

    def __init__(self, base: nn.Linear) -> None:
        super().__init__()
        self.base_layer = base
        self.down = nn.Linear(base.in_features, 2, bias=False)
        self.up = nn.Linear(2, base.out_features, bias=False)

    def forward(self, states: Tensor) -> Tensor:
        added: Tensor = self.base_layer(states) + self.up(self.down(states))
        return added


class Doubled(nn.Module):
    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        output = self.part(*args, **kwargs)
        return 2 * output


class DoublingAttention(Attention):
    def forward(self, *args: Any, **kwargs: Any) -> Any:
        output, weights = super().forward(*args, **kwargs)
        return 2 * output, weights


class DoublingLinear(nn.Linear):
    def forward(self, inputs: Tensor) -> Tensor:
        return 2 * super().forward(inputs)


def adapters(model: Any) -> None:
    for part in model.model.decoder.stack.layers:
        part.self_attn.q_proj = Adapter(part.self_attn.q_proj)
        part.cross_attn.v_proj = Adapter(part.cross_attn.v_proj)
        part.mlp.down_proj = Adapter(part.mlp.down_proj)
    model.lm_head = Adapter(model.lm_head)


def another_feed_forward(model: Any) -> None:
    layer(model).mlp = Doubled(layer(model).mlp)


def another_norm(model: Any) -> None:
    layer(model).mlp_norm = Doubled(layer(model).mlp_norm)


def subclassed_attention(model: Any) -> None:
    layer(model).self_attn.__class__ = DoublingAttention


def subclassed_linear(model: Any) -> None:
    layer(model).mlp.down_proj.__class__ = DoublingLinear


def forward_of_one_linear(model: Any) -> None:
    linear = layer(model).mlp.up_proj
    forward = linear.forward
    linear.forward = lambda inputs: 2 * forward(inputs)


def forward_of_one_layer(model: Any) -> None:
    part = layer(model)
    forward = part.forward

    def changed(*args: Any, **kwargs: Any) -> Any:
        states, weights = forward(*args, **kwargs)
        return 2 * states, weights

    part.forward = changed


def parametrized(model: Any) -> None:
    nn.utils.parametrize.register_parametrization(layer(model).mlp.up_proj, "weight", nn.Softplus())


@pytest.mark.parametrize(
    "replace",
    [
        adapters, another_feed_forward, another_norm, subclassed_attention, subclassed_linear,
        forward_of_one_linear, forward_of_one_layer, parametrized,
    ],
)  # fmt: skip
def test_replaced_parts_are_honoured(
    model: Any, input_ids: Tensor, replace: Callable[[Any], None]
) -> None:
    before = logits(model, input_ids)
    replace(model)
    assert_follows(model, input_ids, before)


@pytest.mark.parametrize(
    "path",
    [
        "lm_head",
        "model.decoder",
        "model.decoder.stack",
        "model.decoder.stack.layers.1",
        "model.decoder.stack.layers.1.self_attn",
        "model.decoder.stack.layers.1.self_attn.q_proj",
        "model.decoder.stack.layers.1.cross_attn.o_proj",
        "model.decoder.stack.layers.1.mlp",
        "model.decoder.stack.layers.1.mlp.down_proj",
        "model.decoder.stack.layers.1.mlp_norm",
        "model.decoder.stack.norm",
    ],
)
@pytest.mark.parametrize("before", [False, True])
def test_hooks_are_called_at_every_step(
    model: Any, input_ids: Tensor, path: str, before: bool
) -> None:
    expected = logits(model, input_ids)
    calls = []
    part = model.get_submodule(path)
    if before:
        handle = part.register_forward_pre_hook(lambda *_: calls.append(1))
    else:
        handle = part.register_forward_hook(lambda *_: calls.append(1))
    found = logits(model, input_ids)
    assert len(calls) == 6
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    handle.remove()
    logits(model, input_ids)
    assert len(calls) == 6


def test_a_hook_that_changes_the_output(model: Any, input_ids: Tensor) -> None:
    before = logits(model, input_ids)
    layer(model).mlp.down_proj.register_forward_hook(lambda _module, _inputs, output: 2 * output)
    assert_follows(model, input_ids, before)


# ---- circumstances ----


def test_autocast_is_honoured(model: Any, input_ids: Tensor) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        found, whole = (logits(model, input_ids, use_cache=cached) for cached in (True, False))
    torch.testing.assert_close(found.float(), whole.float(), rtol=0.05, atol=0.05)


def test_a_more_precise_last_layer(model: Any, input_ids: Tensor) -> None:
    model.to(torch.bfloat16)
    for part in model.model.decoder.stack.layers:
        part.mlp.down_proj.float()
    found, whole = (logits(model, input_ids, use_cache=cached) for cached in (True, False))
    torch.testing.assert_close(found.float(), whole.float(), rtol=0.05, atol=0.05)


@pytest.mark.parametrize("context", [torch.inference_mode, torch.enable_grad, torch.no_grad])
def test_any_gradient_mode(model: Any, input_ids: Tensor, context: Callable[[], Any]) -> None:
    expected = logits(model, input_ids)
    with context():
        found = logits(model, input_ids)
    assert torch.equal(found, expected)
    assert not found.requires_grad


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_independent(model: Any, input_ids: Tensor, copied: Any) -> None:
    before = logits(model, input_ids)
    other = copied(model)
    assert torch.equal(logits(other, input_ids), before)
    by_data(other)
    assert_follows(other, input_ids, before)
    assert torch.equal(logits(model, input_ids), before)


def test_threads_generate_at_once(make, input_ids: Tensor) -> None:
    model = make("T5ForConditionalGeneration")
    wide = input_ids.repeat(3, 1)
    expected = {1: logits(model, input_ids), 3: logits(model, wide)}
    same: list[bool] = []

    def work(rows: int) -> None:
        for _ in range(4):
            found = logits(model, input_ids if rows == 1 else wide)
            same.append(torch.allclose(found, expected[rows], rtol=1e-5, atol=1e-5))

    threads = [threading.Thread(target=work, args=(rows,)) for rows in (1, 3, 1, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert same == [True] * 16


def test_values_alone_may_need_gradients(model: Any, input_ids: Tensor) -> None:
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    weight = layer(model).self_attn.v_proj.weight.requires_grad_(True)
    encoded = model.get_encoder()(input_ids=input_ids)
    cache = Cache()
    steps = [
        model(
            encoder_outputs=encoded,
            decoder_input_ids=input_ids[:, step : step + 1],
            past_key_values=cache,
        ).logits
        for step in range(4)
    ]
    torch.cat(steps, dim=1).square().sum().backward()
    found, weight.grad = weight.grad, None
    whole = model(encoder_outputs=encoded, decoder_input_ids=input_ids[:, :4]).logits
    whole.square().sum().backward()
    torch.testing.assert_close(found, weight.grad, rtol=1e-4, atol=1e-4)


def test_a_cache_is_filled_once_while_checkpointing(model: Any, input_ids: Tensor) -> None:
    model.train()
    model.gradient_checkpointing_enable()
    cache = Cache()
    given = {"input_ids": input_ids, "decoder_input_ids": input_ids}
    model(past_key_values=cache, **given).logits.sum().backward()
    assert cache.get_seq_length() == 7
