"""Speech of SpeechT5 against the reference: texts and recordings, batches, lengths, attention."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers

import automodel_speecht5
from parity.speecht5.cases import arguments, pair, settled
from support.reference import assert_close

CASES = ("plain", "three frames a step", "one layer, three before the decoder")
SPEAKERS = ("SpeechT5ForTextToSpeech", "SpeechT5ForSpeechToSpeech")


def vocoders() -> tuple[Any, Any]:
    """Return the reference's vocoder and ours, with the same weights."""
    values = {
        "model_in_dim": 6, "upsample_initial_channel": 8, "upsample_rates": [2, 2],
        "upsample_kernel_sizes": [4, 4],
    }  # fmt: skip
    theirs = settled(transformers.SpeechT5HifiGan(transformers.SpeechT5HifiGanConfig(**values)))
    config = automodel_speecht5.SpeechT5HifiGanConfig(**values)
    ours = automodel_speecht5.SpeechT5HifiGan.from_pretrained(
        None, config=config, state_dict=theirs.state_dict()
    )
    return theirs, ours


def spoken(model: Any, given: dict[str, Any], **options: Any) -> Any:
    torch.manual_seed(2)
    return model.generate_speech(**given, **options)


def read(model: Any, head: str, rows: int) -> dict[str, Any]:
    given = arguments(model.config, head, labels=False)
    kept = ("input_ids", "input_values", "attention_mask", "speaker_embeddings")
    return {name: given[name][:rows] for name in kept if name in given}


LENGTHS: tuple[dict[str, float], ...] = (
    {"maxlenratio": 1.5},
    {"threshold": 0.4, "minlenratio": 0.5, "maxlenratio": 2.0},
    {"threshold": 0.0, "minlenratio": 0.8},
)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("head", SPEAKERS)
@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
def test_one_row(case: str, head: str, lengths: dict[str, float]) -> None:
    reference, model = pair(case, head, seed=1)
    given = read(model, head, 1)
    assert_close(spoken(model, given, **lengths), spoken(reference, given, **lengths))
    more = {**lengths, "output_cross_attentions": True}
    assert_close(spoken(model, given, **more), spoken(reference, given, **more))
    theirs, ours = vocoders()
    expected = spoken(reference, given, vocoder=theirs, **lengths)
    found = spoken(model, given, vocoder=ours, **lengths)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("head", SPEAKERS)
def test_rows_of_a_batch(case: str, head: str) -> None:
    reference, model = pair(case, head, seed=4)
    given = read(model, head, 3)
    for lengths in LENGTHS:
        assert_close(spoken(model, given, **lengths), spoken(reference, given, **lengths))
        more: dict[str, Any] = {**lengths, "return_output_lengths": True}
        found, expected = spoken(model, given, **more), spoken(reference, given, **more)
        assert found[1] == expected[1]
        assert_close(found[0], expected[0])
        theirs, ours = vocoders()
        found = spoken(model, given, vocoder=ours, **more)
        assert found[1] == spoken(reference, given, vocoder=theirs, **more)[1]
        for row, (frames, count) in enumerate(zip(*spoken(model, given, **more), strict=True)):
            alone = ours(frames[:count])
            torch.testing.assert_close(found[0][row, : len(alone)], alone, rtol=0, atol=1e-5)


def test_attention_of_a_batch_is_that_of_its_rows() -> None:
    """The reference mixes rows and layers, where there are as many of one as of the other, too."""
    reference, model = pair("plain", "SpeechT5ForTextToSpeech", seed=1)
    given = read(model, "SpeechT5ForTextToSpeech", 3)
    options = {"threshold": 2.0, "maxlenratio": 1.0, "output_cross_attentions": True}
    _, seen = spoken(model, given, **options)
    _, mixed = spoken(reference, given, **options)
    layers = model.config.decoder_layers
    assert seen.shape == mixed.shape == (3, layers, 4, *mixed.shape[3:])
    assert_close(seen, mixed.reshape(layers, 3, *mixed.shape[2:]).transpose(0, 1))


def test_generate_and_the_voice() -> None:
    reference, model = pair("plain", "SpeechT5ForTextToSpeech", seed=1)
    given = read(model, "SpeechT5ForTextToSpeech", 2)
    given["speaker_embeddings"] = given["speaker_embeddings"][:1]
    options = {"maxlenratio": 2.0, "return_output_lengths": True}
    torch.manual_seed(2)
    expected = reference.generate(**given, **options)
    torch.manual_seed(2)
    found = model.generate(**given, **options)
    assert_close(found[0], expected[0])
    assert found[1] == expected[1]
    ids = given["input_ids"]
    with pytest.raises(ValueError, match="whose voice it is"):
        model.generate_speech(ids)
    with pytest.raises(ValueError, match=r"\(2, size\), one for each row"):
        model.generate_speech(ids, torch.zeros(3, 5))
    unmasked = {"input_ids": ids, "speaker_embeddings": torch.ones(1, 5)}
    masked = {**unmasked, "attention_mask": (ids != 1).long()}
    assert_close(spoken(model, unmasked, **options)[0], spoken(model, masked, **options)[0])
    _, changed = pair("plain", "SpeechT5ForSpeechToSpeech", seed=1)
    waves = read(changed, "SpeechT5ForSpeechToSpeech", 2)
    waves.pop("speaker_embeddings")
    silent = {**waves, "speaker_embeddings": torch.zeros(2, 5)}
    assert_close(spoken(changed, waves, maxlenratio=1.0), spoken(changed, silent, maxlenratio=1.0))
