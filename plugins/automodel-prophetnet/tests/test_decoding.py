"""Decoding: only the stream that writes is computed, and changed parts are honoured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from automodel_core.layers import Cache

ANSWERING, CONTINUING = "ProphetNetForConditionalGeneration", "ProphetNetForCausalLM"


@pytest.fixture(params=[ANSWERING, CONTINUING])
def model(request: pytest.FixtureRequest, make: Any) -> Any:
    return make(request.param, ngram=3, add_cross_attention=request.param == ANSWERING)


def steps(model: Any, input_ids: Tensor, cache: Cache, count: int = 5) -> Tensor:
    """Return the scores of tokens that are fed one by one."""
    given: dict[str, Any] = {}
    if model.config.is_encoder_decoder:
        encoded = model.get_encoder()(input_ids)
        given = {"encoder_outputs": encoded}
    key = "decoder_input_ids" if given else "input_ids"
    with torch.no_grad():
        return torch.cat(
            [
                model(**{key: input_ids[:, i : i + 1]}, past_key_values=cache, **given).logits
                for i in range(count)
            ],
            dim=1,
        )


def generated(model: Any, input_ids: Tensor, **settings: Any) -> Tensor:
    """Return the scores of six greedy steps."""
    prompt = input_ids if model.config.is_encoder_decoder else input_ids[:, :1]
    output = model.generate(
        prompt, max_new_tokens=6, min_new_tokens=6, return_dict_in_generate=True,
        output_logits=True, **settings,
    )  # fmt: skip
    return torch.stack(output.logits, dim=1)


def test_one_stream_is_computed(model: Any, input_ids: Tensor) -> None:
    seen = []
    decoder = model.get_decoder()
    decoder.stack.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape))
    outputs: list[Any] = []
    model.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
    generated(model, input_ids)
    assert seen == [(4, 1, 16)] * 6, "two rows an item: the main stream's and the first one's"
    assert all(output.logits_ngram is None for output in outputs)


def test_steps_in_a_loop_equal_steps_by_hand(model: Any, input_ids: Tensor) -> None:
    expected = steps(model, input_ids, Cache())
    prepared = Cache(decoding=True)
    torch.testing.assert_close(steps(model, input_ids, prepared), expected)
    assert any(
        isinstance(key, tuple) and key[0] is model.get_decoder().stack for key in prepared.memo
    )


@pytest.mark.parametrize("beams", [1, 3])
def test_generation_continues_the_best_token(model: Any, input_ids: Tensor, beams: int) -> None:
    prompt = input_ids if model.config.is_encoder_decoder else input_ids[:, :1]
    settings = {"max_new_tokens": 5, "num_beams": beams}
    found = model.generate(prompt, **settings)
    alone = [model.generate(prompt[row : row + 1], **settings)[0].tolist() for row in range(2)]
    for row, other in zip(found.tolist(), alone, strict=True):
        length = min(len(row), len(other))
        assert row[:length] == other[:length]


def test_padding_on_the_left_changes_nothing_but_places(make: Any, input_ids: Tensor) -> None:
    """A masked token is not seen: which one it is does not matter."""
    model = make(CONTINUING, add_cross_attention=False)
    mask = torch.ones_like(input_ids)
    mask[0, :3] = 0
    other = input_ids.clone()
    other[0, :3] = 9
    settings = {"attention_mask": mask, "max_new_tokens": 6}
    found = model.generate(input_ids, **settings)
    assert found[:, 7:].tolist() == model.generate(other, **settings)[:, 7:].tolist()


@pytest.mark.parametrize("decoding", [False, True])
def test_several_tokens_at_once(make: Any, input_ids: Tensor, decoding: bool) -> None:
    """Fed together, as assisted decoding checks them, they score as one after another."""
    model = make(CONTINUING, ngram=3, add_cross_attention=False)
    expected = steps(model, input_ids, Cache())
    cache = Cache(decoding=decoding)
    with torch.no_grad():
        parts = [
            model(input_ids[:, start:end], past_key_values=cache).logits
            for start, end in ((0, 1), (1, 4), (4, 5))
        ]
    torch.testing.assert_close(torch.cat(parts, dim=1), expected)


@pytest.mark.parametrize("drafts", ["prompt_lookup_num_tokens", "assistant_model"])
def test_drafts_change_nothing(model: Any, input_ids: Tensor, drafts: str) -> None:
    expected = generated(model, input_ids[:1])
    settings = {drafts: 3 if drafts.startswith("prompt") else model}
    torch.testing.assert_close(generated(model, input_ids[:1], **settings), expected)


# ---- parts of others ----


class Doubled(nn.Module):
    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        output = self.part(*args, **kwargs)
        return (2 * output[0], output[1]) if isinstance(output, tuple) else 2 * output


def layer(model: Any) -> Any:
    return model.get_decoder().stack.layers[1]


def by_adapter(model: Any) -> None:
    for name in ("q_proj", "v_proj", "position_scores"):
        setattr(layer(model).self_attn, name, Doubled(getattr(layer(model).self_attn, name)))


def by_attention(model: Any) -> None:
    layer(model).self_attn = Doubled(layer(model).self_attn)


def by_feed_forward(model: Any) -> None:
    layer(model).mlp = Doubled(layer(model).mlp)


def by_hook(model: Any) -> None:
    layer(model).self_attn.o_proj.register_forward_hook(lambda _module, _inputs, out: 2 * out)


def by_weight(model: Any) -> None:
    layer(model).self_attn.position_scores.weight.data.mul_(3.0)


@pytest.mark.parametrize("change", [by_adapter, by_attention, by_feed_forward, by_hook, by_weight])
def test_changed_parts_are_honoured(
    model: Any, input_ids: Tensor, change: Callable[[Any], None]
) -> None:
    before = steps(model, input_ids, Cache(decoding=True))
    change(model)
    found = steps(model, input_ids, Cache(decoding=True))
    assert not torch.allclose(found, before), "the change had no effect"
    torch.testing.assert_close(found, steps(model, input_ids, Cache()))
