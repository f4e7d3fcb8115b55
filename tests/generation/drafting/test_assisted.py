"""Assisted decoding and prompt lookup: the same ids as without a draft, in fewer forwards.

The loop that verifies drafts is in `drafting.speculative`, the request in `strategies.request`.
"""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, strategies as st

from automodel_core import generation as g
from automodel_core.errors import GenerationArgumentError
from support.examples import examples
from support.tiny_lm import drawn
from support.tiny_pair import drawn_pair

OPTIONS = {
    "repetition_penalty": 1.4,
    "no_repeat_ngram_size": 2,
    "min_new_tokens": 4,
    "bad_words_ids": [[5], [6, 7]],
    "suppress_tokens": [3, 4, 9],
    "forced_eos_token_id": 1,
    "exponential_decay_length_penalty": (2, 1.3),
    "eos_token_id": [1, 7, 8],
}


def near(model, distance: float):
    """Return a model whose weights differ a little, so that it is often right."""
    twin = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.add_(distance * torch.randn(parameter.shape, generator=generator))
    return twin


@examples(60)
@given(st.data())
def test_greedy_ids_are_the_same(data):
    seed, is_pair = data.draw(st.integers(0, 9)), data.draw(st.booleans())
    model = drawn_pair(seed) if is_pair else drawn(seed=seed, num_layers=3, pad_token_id=0)
    rows, length = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 6))
    ids = torch.randint(2, 12, (rows, length), generator=torch.Generator().manual_seed(seed))
    mask = torch.ones_like(ids)
    for row in range(rows):
        hidden = data.draw(st.integers(0, length - 1))
        mask[row, (slice(length - hidden, None) if is_pair else slice(0, hidden))] = 0
    ids = ids.masked_fill(mask == 0, 0)
    settings = {"max_new_tokens": data.draw(st.integers(1, 15)), "pad_token_id": 0}
    for name in data.draw(st.sets(st.sampled_from(sorted(OPTIONS)), max_size=3)):
        settings[name] = OPTIONS[name]
    way = data.draw(st.sampled_from(["near", "other", "early exit", "lookup"]))
    if way == "lookup":
        draft = {
            "prompt_lookup_num_tokens": data.draw(st.integers(1, 5)),
            "max_matching_ngram_size": data.draw(st.integers(1, 3)),
        }
    else:
        draft = {
            "num_assistant_tokens": data.draw(st.integers(1, 6)),
            "num_assistant_tokens_schedule": data.draw(
                st.sampled_from(["constant", "heuristic", "heuristic_transient"])
            ),
            "assistant_confidence_threshold": data.draw(st.sampled_from([0.0, 0.3, 0.9])),
        }
    if way == "early exit":
        draft["assistant_early_exit"] = data.draw(st.integers(1, 2))
    elif way != "lookup":
        draft["assistant_model"] = near(model, 0.05 if way == "near" else 0.5)
    expected = model.generate(ids, attention_mask=mask, **settings)
    found = model.generate(ids, attention_mask=mask, **settings, **draft)
    assert found.tolist() == expected.tolist()


class Steps:
    """How many positions each forward of a model is given."""

    def __init__(self, model) -> None:
        self.lengths: list[int] = []
        name = "decoder_input_ids" if model.config.is_encoder_decoder else "input_ids"
        model.register_forward_pre_hook(
            lambda module, args, kwargs: self.lengths.append(kwargs[name].shape[1]),
            with_kwargs=True,
        )


@pytest.mark.parametrize("make", [drawn, drawn_pair])
def test_a_draft_that_is_right_saves_forwards(make):
    model = make(seed=1, eos_token_id=None)
    assistant = copy.deepcopy(model)
    ids = torch.tensor([[3, 4, 5], [6, 7, 8]])
    options = {"max_new_tokens": 13, "pad_token_id": 0}
    expected = model.generate(ids, **options)
    steps = Steps(model)
    found = model.generate(
        ids, assistant_model=assistant, num_assistant_tokens=5,
        assistant_confidence_threshold=0.0, **options,
    )  # fmt: skip
    assert found.tolist() == expected.tolist()
    assert steps.lengths[1:] == [6, 6]


@pytest.mark.parametrize("make", [drawn, drawn_pair])
def test_details_are_those_of_each_token(make):
    model = make(seed=2, eos_token_id=None)
    is_pair = model.config.is_encoder_decoder
    ids = torch.tensor([[3, 4, 5], [6, 7, 8]])
    options = {
        "max_new_tokens": 8, "return_dict_in_generate": True, "output_scores": True,
        "output_logits": True, "output_attentions": True, "output_hidden_states": True,
        "repetition_penalty": 1.2, "pad_token_id": 0,
    }  # fmt: skip
    expected = model.generate(ids, **options)
    found = model.generate(
        ids, assistant_model=near(model, 0.02), num_assistant_tokens=3, **options
    )
    assert type(found) is type(expected)
    assert set(found.keys()) == set(expected.keys())
    assert found.sequences.tolist() == expected.sequences.tolist()
    for name in ("scores", "logits"):
        for ours, theirs in zip(found[name], expected[name], strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    names = ["attentions", "hidden_states"]
    if is_pair:
        names = ["decoder_attentions", "decoder_hidden_states", "cross_attentions"]
    for name in names:
        for ours, theirs in zip(found[name], expected[name], strict=True):
            for a, b in zip(ours, theirs, strict=True):
                torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)
    assert found.past_key_values.get_seq_length() == expected.past_key_values.get_seq_length()


class Noted(g.BaseStreamer):
    def __init__(self) -> None:
        self.tokens: list[int] = []

    def put(self, value) -> None:
        self.tokens += value.flatten().tolist()

    def end(self) -> None:
        self.tokens.append(-1)


def test_streamers_criteria_and_the_cache_for_the_next_call():
    model = drawn(seed=3, eos_token_id=None)
    ids = torch.tensor([[3, 4, 5]])
    draft = {"assistant_model": copy.deepcopy(model), "assistant_confidence_threshold": 0.0}
    whole = model.generate(ids, max_new_tokens=9)
    streamer = Noted()
    found = model.generate(
        ids, max_new_tokens=9, streamer=streamer, return_dict_in_generate=True,
        stopping_criteria=[lambda text, scores: text.shape[1] == 8], **draft,
    )  # fmt: skip
    assert found.sequences.tolist() == whole[:, :8].tolist()
    assert streamer.tokens == [*whole[0, :8].tolist(), -1]
    again = model.generate(
        found.sequences, past_key_values=found.past_key_values, max_new_tokens=4, **draft
    )
    assert again.tolist() == whole.tolist()


def test_sampling_follows_the_models_distribution():
    model = drawn(seed=4, eos_token_id=None)
    ids = torch.tensor([[3, 4]])
    options = {"do_sample": True, "top_k": 3, "temperature": 1.5, "max_new_tokens": 2}

    @torch.no_grad()
    def likely(text):
        scores = model(input_ids=torch.tensor([text])).logits[0, -1] / 1.5
        best = scores.topk(3)
        return dict(zip(best.indices.tolist(), best.values.softmax(0).tolist(), strict=True))

    expected = {
        (one, two): p * q
        for one, p in likely([3, 4]).items()
        for two, q in likely([3, 4, one]).items()
    }
    for draft in (
        {"assistant_model": drawn(seed=5), "num_assistant_tokens": 2},
        {"assistant_model": near(model, 0.1), "num_assistant_tokens": 2},
        {"prompt_lookup_num_tokens": 2},
    ):
        torch.manual_seed(0)
        counts = dict.fromkeys(expected, 0)
        for _ in range(400):
            counts[tuple(model.generate(ids, **options, **draft)[0, 2:].tolist())] += 1
        for pair, probability in expected.items():
            assert abs(counts[pair] / 400 - probability) < 0.09, (pair, draft)


def test_an_ensemble_of_model_and_assistant():
    model, assistant = drawn(seed=6, eos_token_id=None), drawn(seed=7, eos_token_id=None)
    ids = torch.tensor([[3, 4, 5]])
    options = {"max_new_tokens": 8, "assistant_confidence_threshold": 0.0}
    with_weight = {
        weight: model.generate(
            ids, assistant_model=assistant, assistant_ensemble_weight=weight,
            num_assistant_tokens=20, **options,
        ).tolist()
        for weight in (1e-4, 1 - 1e-4)
    }  # fmt: skip
    assert with_weight[1 - 1e-4] == model.generate(ids, max_new_tokens=8).tolist()
    first = model.generate(ids, max_new_tokens=1)
    drafted = assistant.generate(first, max_new_tokens=6)
    assert with_weight[1e-4][0][:-1] == drafted[0].tolist()
    assert model.generate(
        ids, assistant_model=assistant, assistant_ensemble_weight=0.5, do_sample=True, **options
    ).shape == (1, 11)


# ---- how much is drafted ----


def test_settings_of_the_assistant_count_unless_the_caller_says_otherwise():
    model, assistant = drawn(seed=1, eos_token_id=None), drawn(seed=1, eos_token_id=None)
    assistant.generation_config.num_assistant_tokens = 2
    assistant.generation_config.assistant_confidence_threshold = 0.0
    steps = Steps(model)
    ids = torch.tensor([[3, 4, 5]])
    model.generate(ids, assistant_model=assistant, max_new_tokens=7)
    model.generate(ids, assistant_model=assistant, max_new_tokens=7, num_assistant_tokens=5)
    assert steps.lengths == [3, 3, 3, 3, 6]


# ---- what is refused ----


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_beams": 2}, "'assisted', which needs num_beams=1"),
        ({"prompt_lookup_num_tokens": 3}, "choose one of them"),
        ({"penalty_alpha": 0.6}, "choose one of them"),
        ({"guidance_scale": 2.0}, "cannot be used with drafts"),
        ({"num_assistant_tokens": 0}, "num_assistant_tokens must be"),
        ({"num_assistant_tokens_schedule": "slow"}, "'constant', 'heuristic'"),
        ({"assistant_confidence_threshold": 2.0}, "assistant_confidence_threshold must be"),
        ({"assistant_early_exit": 1}, "not both"),
        ({"assistant_ensemble_weight": 1.0}, "assistant_ensemble_weight must be"),
        ({"inputs_embeds": torch.zeros(1, 2, 8), "inputs": None}, "needs the input's tokens"),
        ({"assistant_model": drawn(vocab_size=24)}, "23 tokens and its assistant 24"),
        ({"assistant_model": drawn_pair()}, "is encoder-decoder|encoder-decoder"),
        ({"assistant_tokenizer": object()}, "give both"),
        ({"assistant_model": None, "assistant_tokenizer": object()}, "needs an assistant_model"),
        ({"assistant_model": None, "assistant_early_exit": 2}, "below the 2 layers"),
        ({"assistant_model": None, "strategy": "assisted"}, "needs an assistant_model"),
        ({"assistant_model": None, "use_mtp": True}, "use_mtp=True"),
        ({"assistant_model": None, "speculation_type": "dflash"}, "speculation_type='dflash'"),
        ({"assistant_model": None, "prompt_lookup_num_tokens": 0}, "prompt_lookup_num_tokens must"),
    ],
)
def test_refused(arguments, message):
    model = drawn()
    steps = Steps(model)
    given = {"inputs": torch.tensor([[3, 4]]), "assistant_model": drawn(), "max_new_tokens": 2}
    with pytest.raises(GenerationArgumentError, match=message):
        model.generate(**{**given, **arguments})
    assert steps.lengths == []
