"""Greedy and beam search of random models, inputs and settings: ids equal to transformers'.

`AUTOMODEL_EXAMPLES=500` searches for a difference; by default the examples are few and the same.
"""

from __future__ import annotations

import functools
import warnings
from typing import Any

import pytest

transformers = pytest.importorskip("transformers")

import torch  # noqa: E402
from hypothesis import given, strategies as st  # noqa: E402
from torch import Tensor  # noqa: E402

import automodel_bart  # noqa: E402
import automodel_gpt2  # noqa: E402
import automodel_t5  # noqa: E402
from support.examples import examples  # noqa: E402
from support.parity import IS_5, assert_same_generation  # noqa: E402

VOCABULARY = 37
IDS = {"pad_token_id": 0, "eos_token_id": 1}
KINDS: dict[str, tuple[Any, str, dict[str, Any]]] = {
    "GPT2": (
        automodel_gpt2, "GPT2LMHeadModel",
        {"n_positions": 40, "n_embd": 16, "n_layer": 2, "n_head": 2, "bos_token_id": 2},
    ),
    "T5": (
        automodel_t5, "T5ForConditionalGeneration",
        {"d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 2, "num_heads": 2,
         "relative_attention_num_buckets": 8, "decoder_start_token_id": 0},
    ),
    "Bart": (
        automodel_bart, "BartForConditionalGeneration",
        {"d_model": 16, "encoder_layers": 1, "decoder_layers": 2, "encoder_attention_heads": 2,
         "decoder_attention_heads": 2, "encoder_ffn_dim": 24, "decoder_ffn_dim": 24,
         "max_position_embeddings": 40, "decoder_start_token_id": 1, "bos_token_id": 2,
         "forced_eos_token_id": None},
    ),
}  # fmt: skip
USUAL = {
    "early_stopping", "length_penalty", "max_new_tokens", "num_beams", "num_return_sequences",
}  # fmt: skip
FORBIDDING = {
    "bad_words_ids", "begin_suppress_tokens", "encoder_no_repeat_ngram_size",
    "forced_bos_token_id", "forced_eos_token_id", "min_length", "min_new_tokens",
    "no_repeat_ngram_size", "suppress_tokens",
}  # fmt: skip
"""What may leave no token of few allowed ones: beams without one have nothing to compare."""
TOKENS = st.integers(2, VOCABULARY - 1)


@functools.cache
def pair(kind: str, seed: int) -> tuple[Any, Any]:
    """Return a random model of the reference, and ours with its weights."""
    package, head, settings = KINDS[kind]
    settings = {**settings, **IDS, "vocab_size": VOCABULARY}
    torch.manual_seed(seed)
    reference = getattr(transformers, head)(getattr(transformers, f"{kind}Config")(**settings))
    spread = (0.4, 0.5, 0.7)[seed % 3]
    with torch.no_grad():
        for parameter in reference.parameters():
            parameter.normal_(0.0, spread)
    model = getattr(package, head)(getattr(package, f"{kind}Config")(**settings))
    model.load_hub_state_dict(reference.state_dict())
    return reference.eval(), model.eval()


@st.composite
def prompts(draw: Any, kind: str) -> dict[str, Tensor]:
    rows, length = draw(st.integers(1, 4)), draw(st.integers(1, 8))
    row = st.lists(TOKENS, min_size=length, max_size=length)
    ids = torch.tensor(draw(st.lists(row, min_size=rows, max_size=rows)))
    padding = draw(st.sampled_from(["none", "mask", "no mask"]))
    mask = torch.ones_like(ids)
    if padding != "none":
        for place in range(rows):
            hidden = draw(st.integers(0, length - 1))
            left = kind == "GPT2" or draw(st.booleans())
            columns = slice(0, hidden) if left else slice(length - hidden, None)
            ids[place, columns], mask[place, columns] = 0, 0
    return (
        {"input_ids": ids} if padding == "no mask" else {"input_ids": ids, "attention_mask": mask}
    )


@st.composite
def choices(draw: Any, kind: str, beams: int) -> dict[str, Any]:
    """Return settings that fit together."""
    settings: dict[str, Any] = {"max_new_tokens": draw(st.integers(1, 14)), "num_beams": beams}
    if beams > 1:
        settings["early_stopping"] = draw(st.sampled_from([True, False, "never"]))
        settings["length_penalty"] = draw(st.sampled_from([1.0, 0.0, 0.6, 2.0, -1.0]))
        settings["num_return_sequences"] = draw(st.integers(1, beams))
    some_tokens = st.lists(TOKENS, min_size=1, max_size=5)
    rare: dict[str, Any] = {
        "min_new_tokens": st.integers(1, 8),
        "min_length": st.integers(1, 12),
        "no_repeat_ngram_size": st.integers(1, 3),
        "bad_words_ids": st.lists(some_tokens, min_size=1, max_size=3),
        "sequence_bias": st.lists(
            st.tuples(some_tokens.map(tuple), st.sampled_from([-3.0, 2.5])), min_size=1, max_size=3
        ).map(dict),
        "forced_bos_token_id": TOKENS,
        "forced_eos_token_id": st.just(1),
        "suppress_tokens": some_tokens,
        "begin_suppress_tokens": some_tokens,
        "exponential_decay_length_penalty": st.tuples(st.integers(0, 4), st.just(1.2)),
        "renormalize_logits": st.just(True),
        "remove_invalid_values": st.just(True),
        "eos_token_id": st.lists(TOKENS, min_size=1, max_size=3, unique=True),
        "pad_token_id": st.sampled_from([0, 5]),
        "use_cache": st.just(False),
        "prefix_allowed_tokens_fn": st.integers(2, 30).map(
            lambda some: lambda item, ids: [1, some + item, some + 1 + len(ids) % 4, 3]
        ),
        "stopping_criteria": TOKENS.map(
            lambda token: [lambda ids, scores, **more: ids[:, -1] == token]
        ),
        "repetition_penalty": st.sampled_from([0.7, 1.3, 2.5]),
    }
    if kind != "GPT2":
        rare["encoder_repetition_penalty"] = st.sampled_from([0.8, 1.4])
        rare["encoder_no_repeat_ngram_size"] = st.integers(1, 3)
    for name in draw(st.sets(st.sampled_from(sorted(rare)), max_size=4)):
        settings[name] = draw(rare[name])
    if "prefix_allowed_tokens_fn" in settings:
        settings = {name: value for name, value in settings.items() if name not in FORBIDDING}
    if "forced_bos_token_id" in settings:
        settings.pop("suppress_tokens", None)  # the reference refuses some that contradict
    return settings


def understood_by_4(
    kind: str, inputs: dict[str, Tensor], settings: dict[str, Any]
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Leave out what 4.57 does in another way than 5 and we.

    It penalizes padding as repeated text, overlooks sequences longer than the text so far, makes
    NaN of the end's score where the end is forbidden, is content with no token at all where none
    that is allowed is possible, takes padding in an encoder's input for a mask, and applies the
    encoder's penalty to the first beam only.
    """
    ids = inputs["input_ids"]
    if kind == "GPT2" and "repetition_penalty" in settings:
        inputs = {"input_ids": ids.clamp(min=2)}
    if kind != "GPT2" and "attention_mask" not in inputs:
        inputs = {"input_ids": ids, "attention_mask": (ids != 0).long()}
    of_tokens = ("bad_words_ids", "sequence_bias")
    settings = {
        name: value
        for name, value in settings.items()
        if name not in of_tokens or all(len(tokens) == 1 for tokens in value)
    }
    if settings["num_beams"] > 1:
        settings.pop("encoder_repetition_penalty", None)
    rare = settings.keys() - USUAL
    for name in ("exponential_decay_length_penalty", "prefix_allowed_tokens_fn"):
        if len(rare) > 1:
            settings.pop(name, None)
    return inputs, settings


def generated(model: Any, inputs: dict[str, Tensor], settings: dict[str, Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.generate(
            **inputs, **settings, return_dict_in_generate=True, output_scores=True
        )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("beams", [1, 2, 4])
def test_ids_and_scores_are_the_same(kind: str, beams: int) -> None:
    @examples(12)
    @given(prompts(kind), choices(kind, beams), st.integers(0, 8))
    def compare(inputs: dict[str, Tensor], settings: dict[str, Any], seed: int) -> None:
        if not IS_5:
            inputs, settings = understood_by_4(kind, inputs, settings)
        reference, model = pair(kind, seed)
        expected = generated(reference, inputs, settings)
        assert_same_generation(generated(model, inputs, settings), expected, (inputs, settings))

    compare()
