"""Whisper's transcription token for token as the reference's, with the same segments."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor

import automodel_whisper
from parity.whisper.cases import SETTINGS, spectrograms, writers
from support.parity import IS_5
from support.reference import assert_close

PROMPT = torch.tensor([48, 3, 4, 5])
FALLBACKS = {
    "temperature": (0.0, 0.2, 0.6), "compression_ratio_threshold": 1.1, "logprob_threshold": -2.0,
    "max_new_tokens": 12, "return_segments": True,
}  # fmt: skip

# Lengths in frames, of which the encoder reads 20, and arguments of generate.
SHORT: dict[str, tuple[list[int], dict[str, Any]]] = {
    "a window": ([20], {}),
    "two rows": ([20, 20], {}),
    "a language": ([20, 20], {"language": "de"}),
    "languages and a task": ([20, 20], {"language": ["german", "<|en|>"], "task": "translate"}),
    "a task": ([20], {"task": "transcribe", "return_timestamps": True}),
    "times": ([20, 20], {"return_timestamps": True, "return_segments": True}),
    "a prompt": ([20, 20], {"prompt_ids": PROMPT, "max_new_tokens": 12}),
    "beams": ([20, 20], {"num_beams": 3, "max_new_tokens": 10}),
    "beams and times": ([20, 20], {"num_beams": 5, "return_timestamps": True, "max_length": 48}),
    "chance": ([20, 20], {"temperature": 0.7, "max_new_tokens": 10, "top_k": 0}),
    "one call": ([20, 20], {"force_unique_generate_call": True, "max_new_tokens": 6}),
    "one call that is judged": ([20, 20], {
        "force_unique_generate_call": True, "logprob_threshold": -9.0, "temperature": 0.0,
        "max_new_tokens": 6,
    }),
    "English only": ([20], {"return_timestamps": True, "max_new_tokens": 10}),
}  # fmt: skip
LONG: dict[str, tuple[list[int], dict[str, Any]]] = {
    "three windows": ([55], {}),
    "many windows": ([131], {"language": "fr", "max_new_tokens": 14}),
    "unequal rows": ([70, 33, 55], {}),
    "a language": ([64, 91], {"language": "en", "task": "transcribe"}),
    "earlier text": ([101], {"condition_on_prev_tokens": True, "max_new_tokens": 12}),
    "earlier text of rows": ([64, 91], {"condition_on_prev_tokens": True, "max_new_tokens": 12}),
    "a prompt": ([81], {"prompt_ids": PROMPT, "max_new_tokens": 12}),
    "a prompt, then text": (
        [81, 60], {"prompt_ids": PROMPT, "condition_on_prev_tokens": True, "max_new_tokens": 12},
    ),
    "a prompt before each": ([81, 60], {
        "prompt_ids": PROMPT, "prompt_condition_type": "all-segments",
        "condition_on_prev_tokens": True, "max_new_tokens": 12,
    }),
    "fallbacks": ([75], FALLBACKS),
    "fallbacks of rows": ([64, 91], FALLBACKS),
    "fallbacks and text": ([75], {**FALLBACKS, "condition_on_prev_tokens": True}),
    "silence": ([75], {**FALLBACKS, "no_speech_threshold": 0.02}),
    "beams": ([70, 50], {"num_beams": 3, "max_new_tokens": 10}),
}  # fmt: skip
ENGLISH = {"lang_to_id": None, "task_to_id": None, "is_multilingual": False}


def transcribed(model: Any, given: Mapping[str, Any], options: Mapping[str, Any]) -> Any:
    torch.manual_seed(7)
    return model.generate(**given, **copy.deepcopy(dict(options)))


def assert_same_segments(found: Sequence[Any], expected: Sequence[Any]) -> None:
    assert [len(row) for row in found] == [len(row) for row in expected]
    for ours, theirs in zip(chain(*found), chain(*expected), strict=True):
        assert ours["tokens"].tolist() == theirs["tokens"].tolist()
        for name in ("start", "end"):
            assert_close(ours[name], torch.as_tensor(theirs[name]), name)
        if "idxs" in theirs:
            assert ours["idxs"] == theirs["idxs"]
        if "token_timestamps" in theirs:
            assert_close(ours["token_timestamps"], theirs["token_timestamps"].double(), "times")


def assert_same(found: Any, expected: Any) -> None:
    if isinstance(expected, Tensor):
        assert found.tolist() == expected.tolist()
        return
    assert found["sequences"].tolist() == expected["sequences"].long().tolist()
    if "segments" in expected:
        assert_same_segments(found["segments"], expected["segments"])


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    transformers.logging.set_verbosity_error()
    caplog.set_level(logging.ERROR)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SHORT)
def test_short_form(name: str) -> None:
    seed = 1
    lengths, options = SHORT[name]
    theirs, ours = writers(seed, **(ENGLISH if name == "English only" else {}))
    if name == "English only":
        for key in ("lang_to_id", "task_to_id"):
            delattr(theirs.generation_config, key)
    given = spectrograms(lengths, seed + 100)
    assert_same(transcribed(ours, given, options), transcribed(theirs, given, options))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", LONG)
def test_long_form(name: str, seed: int) -> None:
    lengths, options = LONG[name]
    theirs, ours = writers(seed)
    given = spectrograms(lengths, seed + 200)
    options = {"return_segments": True, **options}
    assert_same(transcribed(ours, given, options), transcribed(theirs, given, options))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"return_timestamps": True},
        {"attention_mask": (torch.arange(20) < 14).long()[None]},
        {"num_beams": 3},
        {"return_timestamps": True, "frames": 70},
    ],
    ids=str,
)
@pytest.mark.parametrize("seed", range(3))
def test_times_of_tokens(options: dict[str, Any], seed: int) -> None:
    theirs, ours = writers(seed)
    options = dict(options)
    given = spectrograms([options.pop("frames", 20)], seed + 300)
    options |= {"return_token_timestamps": True, "return_segments": True, "max_new_tokens": 10}
    found, expected = (transcribed(model, given, options) for model in (ours, theirs))
    assert_same(found, expected)
    # The reference counts these from the beginning of each window.
    whole = torch.cat([segment["token_timestamps"] for segment in expected["segments"][0]])
    assert_close(found["token_timestamps"][0], whole.float())


@pytest.mark.filterwarnings("ignore")
def test_no_token_is_said_before_its_window() -> None:
    """Of a last frame alone the reference hears no position, and takes the one before the first."""
    theirs, ours = writers(0)
    given = spectrograms([20], 300) | {"attention_mask": (torch.arange(20) < 13).long()[None]}
    options = {"return_token_timestamps": True, "return_segments": True, "max_new_tokens": 10}
    found, expected = (transcribed(m, given, options)["segments"][0] for m in (ours, theirs))
    assert [s["tokens"].tolist() for s in found] == [s["tokens"].tolist() for s in expected]
    times = [
        torch.cat([s["token_timestamps"] for s in each]).double() for each in (found, expected)
    ]
    # The last window begins at 0.12 seconds.
    is_early = (times[1] - 0.10).abs() < 1e-6
    assert is_early.any()
    assert_close(times[0], torch.where(is_early, 0.12, times[1]))


@pytest.mark.filterwarnings("ignore")
def test_times_of_a_call_that_hears_silence() -> None:
    theirs, ours = writers(2)
    options = {
        "force_unique_generate_call": True, "return_dict_in_generate": True,
        "return_token_timestamps": True, "max_new_tokens": 6, "temperature": 0.0,
        "no_speech_threshold": 0.0, "logprob_threshold": 0.0,
    }  # fmt: skip
    given = spectrograms([20, 20], 11)
    found, expected = (transcribed(m, given, options) for m in (ours, theirs))
    assert_same(found, expected)
    assert_close(found["token_timestamps"], expected["token_timestamps"])


@pytest.mark.filterwarnings("ignore")
def test_all_that_a_call_computes() -> None:
    options = {"return_dict_in_generate": True, "output_scores": True, "max_new_tokens": 6}
    for more in ({}, {"output_attentions": True, "output_hidden_states": True}):
        theirs, ours = writers(3)
        given = spectrograms([20, 20], 5)
        found, expected = (transcribed(m, given, options | more) for m in (ours, theirs))
        assert found.sequences.tolist() == expected.sequences.tolist()
        for step, scores in enumerate(expected.scores):
            finite = scores.isfinite()
            assert torch.equal(found.scores[step].isfinite(), finite)
            assert_close(found.scores[step][finite], scores[finite])
        for name in ("cross_attentions", "decoder_attentions", "decoder_hidden_states"):
            assert (name in found) == bool(more), name
        for name in ("encoder_attentions", "encoder_hidden_states") if more else ():
            assert_close(found[name], expected[name], name)


@pytest.mark.filterwarnings("ignore")
def test_languages_that_are_heard() -> None:
    theirs, ours = writers(4)
    given = spectrograms([20] * 6, 6)
    features = given["input_features"]
    expected = theirs.detect_language(features)
    assert ours.detect_language(features).tolist() == expected.tolist()
    states = ours.get_encoder()(features)
    assert ours.detect_language(encoder_outputs=states).tolist() == expected.tolist()


@pytest.mark.filterwarnings("ignore")
def test_rules_of_times() -> None:
    """Row by row and place by place, on random scores."""
    chance = torch.Generator().manual_seed(0)
    config = transformers.GenerationConfig.from_dict(copy.deepcopy(SETTINGS))
    from transformers.generation.logits_process import WhisperTimeStampLogitsProcessor as Theirs

    theirs = Theirs(config, begin_index=3)
    ours = automodel_whisper.WhisperTimeStampLogitsProcessor(SETTINGS, begin_index=3)
    for length in (3, 4, 5, 8):
        for _ in range(30):
            ids = torch.randint(0, 62, (4, length), generator=chance)
            ids[:, 3:] = torch.where(ids[:, 3:] % 3 > 0, 51 + ids[:, 3:] % 11, ids[:, 3:])
            scores = 3 * torch.randn(4, 62, generator=chance)
            found, expected = ours(ids, scores.clone()), theirs(ids, scores.clone())
            assert torch.equal(found, expected), ids


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("alone", [False, True])
def test_an_assistant_changes_nothing(alone: bool) -> None:
    """A whole model, or a decoder that reads the states of the larger one's encoder."""
    _, ours = writers(0)
    _, other = writers(1)
    ours.generation_config.begin_suppress_tokens = None
    if alone:
        kind = automodel_whisper.WhisperForCausalLM
        other = kind.from_pretrained(None, config=other.config, state_dict=other.hub_state_dict())
    given = spectrograms([20], 9)
    for options in ({}, {"return_timestamps": True}, {"language": "en"}):
        expected = transcribed(ours, given, options)
        found = transcribed(ours, given, {"assistant_model": other, **options})
        assert found.tolist() == expected.tolist()
    assert IS_5 or found.numel()
