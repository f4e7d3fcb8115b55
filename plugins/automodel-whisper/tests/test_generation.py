"""Transcription: arguments that cannot be meant, prompts, segments, times, languages."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from automodel_core.errors import GenerationArgumentError, InputError
from automodel_whisper import WhisperConfig, WhisperForCausalLM, WhisperForConditionalGeneration
from automodel_whisper.transcription.segments import Clock, Written, padded, split
from automodel_whisper.transcription.token_times import first_frames, token_times

END, START, TIMES = 40, 41, 51
SIZES = {
    "vocab_size": 62, "d_model": 16, "num_mel_bins": 8, "max_source_positions": 10,
    "max_target_positions": 48, "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 24,
    "decoder_ffn_dim": 24, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
    "pad_token_id": END, "bos_token_id": END, "eos_token_id": END,
    "decoder_start_token_id": START, "begin_suppress_tokens": None,
}  # fmt: skip
SETTINGS = {
    "max_length": 48, "is_multilingual": True, "no_timestamps_token_id": 50,
    "lang_to_id": {"<|en|>": 42, "<|de|>": 43}, "task_to_id": {"translate": 45, "transcribe": 46},
    "prev_sot_token_id": 48, "suppress_tokens": [41, 42, 43, 44, 45, 46, 47, 48, 49],
    "alignment_heads": [[0, 1], [1, 0]], "return_timestamps": False,
}  # fmt: skip


@pytest.fixture(scope="module")
def model() -> Any:
    torch.manual_seed(0)
    model = WhisperForConditionalGeneration(WhisperConfig(**SIZES)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0.0, 0.4)
    for name, value in SETTINGS.items():
        setattr(model.generation_config, name, value)
    return model


def features(*frames: int) -> torch.Tensor:
    chance = torch.Generator().manual_seed(len(frames))
    return torch.randn(len(frames), 8, max(frames), generator=chance)


def test_a_prompt_is_scored_at_its_end_alone(model: Any) -> None:
    prompt = torch.tensor([[START, 42, 46, 50]])
    with torch.no_grad():
        whole = model(features(20), decoder_input_ids=prompt).logits
        for kept in (2, torch.tensor([1, 3])):
            some = model(features(20), decoder_input_ids=prompt, logits_to_keep=kept).logits
            torch.testing.assert_close(some, whole[:, [2, 3] if isinstance(kept, int) else [1, 3]])
    scored: list[int] = []
    head = model.lm_head
    hook = head.register_forward_hook(lambda _, given, __: scored.append(given[0].numel() // 16))
    model.generate(features(20), language="en", task="transcribe", max_new_tokens=3)
    hook.remove()
    assert scored == [1, 1, 1]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "unknown language": ({"language": "klingon"}, "unknown language 'klingon'"),
    "a language it lacks": ({"language": "fr"}, "the model has no language 'fr'; it has"),
    "too few languages": ({"language": ["en"]}, "1 languages for a batch of 2"),
    "a language that is none": ({"language": ["en", None]}, "give a name or code"),
    "unknown task": ({"task": "sing"}, "unknown task 'sing'"),
    "frames": ({"num_segment_frames": 7}, "reads 20 frames, and no others"),
    "too many tokens": ({"max_new_tokens": 46}, "more than the 48 positions"),
    "prompts": ({"prompt_condition_type": "none"}, "first-segment, all-segments"),
    "prompts of no past": ({"prompt_condition_type": "all-segments"}, "condition_on_prev_tokens"),
    "times by no heads": (
        {"return_token_timestamps": True, "alignment_heads": []}, "needs alignment_heads",
    ),
    "old tokens": ({"forced_decoder_ids": [[2, 43]]}, "must name the places 1, 2"),
    "an unknown argument": ({"num_beam": 3}, "did you mean 'num_beams'"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_meant(model: Any, name: str) -> None:
    options, message = WRONG[name]
    with pytest.raises(match=message.replace("?", r"\?")):
        model.generate(features(20, 20), **options)


def test_long_recordings_need_times_and_ends(model: Any) -> None:
    with pytest.raises(GenerationArgumentError, match="is cut by timestamps"):
        model.generate(features(50), return_timestamps=False)
    with pytest.raises(GenerationArgumentError, match="need attention_mask"):
        model.generate(features(50, 30))
    # A file that says no means short recordings.
    assert model.generation_config.return_timestamps is False
    assert int(model.generate(features(50))[0, 0]) >= TIMES
    with pytest.raises(GenerationArgumentError, match="give input_features"):
        model.generate()
    with pytest.raises(InputError, match="batch, mels, frames"):
        model.generate(features(20)[0])


def test_an_english_model_takes_no_language(model: Any) -> None:
    for option in ({"language": "en"}, {"task": "translate"}):
        with pytest.raises(GenerationArgumentError, match="English only"):
            model.generate(features(20), is_multilingual=False, **option)


def test_rows_are_transcribed_as_alone(model: Any) -> None:
    """Whatever stands beside it: features, times of tokens, languages."""
    together = features(70, 33, 51)
    mask = torch.arange(70)[None] < torch.tensor([[70], [33], [51]])
    options: dict[str, Any] = {
        "return_segments": True, "return_token_timestamps": True, "max_new_tokens": 12,
    }  # fmt: skip
    rows = model.generate(
        together, attention_mask=mask.long(), language=["en", "de", "en"], **options
    )
    for row, frames in enumerate((70, 33, 51)):
        alone = model.generate(
            together[row : row + 1, :, :frames],
            attention_mask=torch.ones(1, frames, dtype=torch.long),
            language="de" if row == 1 else "en",
            **options,
        )
        width = alone["sequences"].shape[1]
        assert rows["sequences"][row, :width].tolist() == alone["sequences"][0].tolist()
        found, expected = (each["token_timestamps"] for each in (rows, alone))
        torch.testing.assert_close(found[row, :width], expected[0])
        assert [s["start"] for s in rows["segments"][row]] == [
            s["start"] for s in alone["segments"][0]
        ]


def test_times_rise_within_a_recording(model: Any) -> None:
    found = model.generate(features(90), return_token_timestamps=True, max_new_tokens=12)
    assert found["token_timestamps"].shape == found["sequences"].shape
    assert bool((found["token_timestamps"].diff() >= 0).all())


def test_chance_is_asked_for_either_way(model: Any) -> None:
    greedy = model.generate(features(20))
    torch.manual_seed(0)
    drawn = model.generate(features(20), do_sample=True)
    torch.manual_seed(0)
    assert torch.equal(drawn, model.generate(features(20), temperature=1.0))
    assert drawn.tolist() != greedy.tolist()


def test_several_drawn_for_each_row(model: Any) -> None:
    found = model.generate(
        features(20, 20), temperature=0.9, num_return_sequences=3, max_new_tokens=6
    )
    assert found.shape[0] == 6


def test_states_may_be_given(model: Any) -> None:
    heard = features(20, 20)
    states = model.get_encoder()(heard)
    expected = model.generate(heard)
    assert torch.equal(model.generate(encoder_outputs=states), expected)
    assert torch.equal(model.generate(encoder_outputs=states.last_hidden_state), expected)
    assert torch.equal(model.generate(inputs=heard), expected)


def test_short_features_are_filled_up(model: Any) -> None:
    heard = features(13)
    whole = torch.nn.functional.pad(heard, (0, 7))
    assert torch.equal(model.generate(heard), model.generate(whole))


def test_silence_is_left_out(model: Any) -> None:
    found = model.generate(
        features(50), no_speech_threshold=0.0, return_segments=True, return_timestamps=True
    )
    assert found["segments"] == [[]]
    assert found["sequences"].shape == (1, 0)


def test_progress_is_told(model: Any) -> None:
    seen: list[list[int]] = []
    model.generate(features(50), monitor_progress=lambda p: seen.append(p[0].tolist()))
    assert seen[0] == [0, 50]
    assert [end for _, end in seen] == [50] * len(seen)
    assert seen == sorted(seen)


def test_languages_are_found_among_those_of_the_model(model: Any) -> None:
    assert set(model.detect_language(features(20, 20, 20)).tolist()) <= {42, 43}
    with pytest.raises(GenerationArgumentError, match="either input_features or"):
        model.detect_language()


def test_an_assistant_without_an_encoder_needs_no_features(model: Any) -> None:
    alone = WhisperForCausalLM.from_pretrained(
        None, config=model.config, state_dict=model.hub_state_dict()
    )
    found = model.generate(features(20), assistant_model=alone, max_new_tokens=20)
    assert torch.equal(found, model.generate(features(20), max_new_tokens=20))


def test_training_hides_some_of_the_sound() -> None:
    more = {"apply_spec_augment": True, "mask_time_length": 3, "mask_feature_prob": 0.3}
    config = WhisperConfig(**SIZES, **more, mask_feature_length=2, mask_feature_min_masks=1)
    model = WhisperForConditionalGeneration(config)
    heard = features(20, 20).abs() + 1.0
    assert model.eval().model.hidden(heard, None) is heard
    model.train()
    torch.manual_seed(0)
    hidden = model.model.hidden(heard, torch.ones(2, 20)) == 0.0
    assert bool(hidden.all(dim=1).any())
    assert bool(hidden.all(dim=2).any())
    assert not bool(hidden.all())


# ---- parts ----

CLOCK = Clock(TIMES, 0.02, 0.01)


@pytest.mark.parametrize(
    ("tokens", "spans", "moved"),
    [
        ([1, 2], [(0.0, 0.2)], 20),
        ([51, 1, 55], [(0.0, 0.08)], 20),
        ([51, 1, 53, 53, 2, 58], [(0.0, 0.04), (0.04, 0.14)], 20),
        ([51, 1, 53, 53, 2], [(0.0, 0.04)], 4),
        ([52, 1, 54, 54, 2, 57, 57], [(0.02, 0.06), (0.06, 0.12)], 12),
    ],
)
def test_segments(tokens: list[int], spans: list[tuple[float, float]], moved: int) -> None:
    written = Written(torch.tensor(tokens), 3, None)
    segments, offset = split(written, 40, 20, CLOCK)
    found = [(float(s["start"]) - 0.4, float(s["end"]) - 0.4) for s in segments]
    assert found == [pytest.approx(span) for span in spans]
    assert offset == moved
    assert segments[0]["idxs"][0] == 3


def test_the_cheapest_path() -> None:
    """By all paths, of which there are few."""

    def paths(tokens: int, frames: int) -> list[list[tuple[int, int]]]:
        if (tokens, frames) == (0, 0):
            return [[(0, 0)]]
        before = [
            (tokens - t, frames - f)
            for t, f in ((1, 1), (1, 0), (0, 1))
            if tokens >= t and frames >= f
        ]  # fmt: skip
        return [[*path, (tokens, frames)] for each in before for path in paths(*each)]

    chance = torch.Generator().manual_seed(0)
    for tokens, frames in ((1, 5), (3, 4), (4, 4), (4, 2), (2, 6)):
        costs = torch.rand(tokens, frames, generator=chance, dtype=torch.float64)
        best = min(paths(tokens - 1, frames - 1), key=lambda p: sum(float(costs[c]) for c in p))
        expected = [min(f for t, f in best if t == token) for token in range(tokens)]
        assert first_frames(costs) == expected


def test_times_of_one_token_and_of_none() -> None:
    assert token_times(torch.rand(2, 1, 9), 3, 0.02).tolist() == [0.0]
    assert token_times(torch.rand(2, 0, 9), 3, 0.02).tolist() == []


def test_rows_of_several_lengths() -> None:
    rows = [torch.tensor([1, 2, 3]), torch.tensor([4])]
    assert padded(rows, 9).tolist() == [[1, 2, 3], [4, 9, 9]]
    assert padded(rows, 9, left=True).tolist() == [[1, 2, 3], [9, 9, 4]]
    assert padded(rows, None).tolist() == [[1, 2, 3], [4, 4, 4]]
