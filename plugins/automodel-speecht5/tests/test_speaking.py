"""SpeechT5 alone: recordings and texts into speech, batches, losses, files, what cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from automodel_core import (
    AutoModelForSpeechSeq2Seq,
    AutoModelForTextToSpectrogram,
    pipeline,
)
from automodel_core.errors import ConfigurationError, InputError
from automodel_speecht5 import (
    SpeechT5Config,
    SpeechT5ForSpeechToSpeech,
    SpeechT5ForSpeechToText,
    SpeechT5ForTextToSpeech,
    SpeechT5HifiGan,
    SpeechT5HifiGanConfig,
)

TINY: dict[str, Any] = {
    "vocab_size": 31, "hidden_size": 16, "encoder_layers": 1, "encoder_attention_heads": 2,
    "encoder_ffn_dim": 24, "decoder_layers": 1, "decoder_ffn_dim": 20,
    "decoder_attention_heads": 4, "conv_dim": [8, 8], "conv_stride": [5, 2],
    "conv_kernel": [10, 3], "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2,
    "num_mel_bins": 6, "speech_decoder_prenet_units": 10, "speaker_embedding_dim": 5,
    "speech_decoder_postnet_layers": 2, "speech_decoder_postnet_units": 7,
    "max_speech_positions": 200, "max_text_positions": 40,
}  # fmt: skip
IDS = torch.tensor([[5, 9, 8, 3, 2], [7, 3, 2, 1, 1]])
MASK = (IDS != 1).long()
VOICE = torch.ones(1, 5)


def drawn(kind: Any, **settings: Any) -> Any:
    torch.manual_seed(0)
    return kind(SpeechT5Config(**{**TINY, **settings})).eval()


def test_a_row_of_a_batch_is_spoken_as_alone() -> None:
    model = drawn(SpeechT5ForTextToSpeech, speech_decoder_prenet_dropout=0.0)
    vocoder = SpeechT5HifiGan(SpeechT5HifiGanConfig(model_in_dim=6, upsample_initial_channel=16))
    ends = {"threshold": 2.0, "maxlenratio": 3.0}
    both, lengths = model.generate(
        IDS, MASK, VOICE, vocoder=vocoder, return_output_lengths=True, **ends
    )
    assert both.shape[1] == max(lengths)
    alone = model.generate_speech(IDS[:1], VOICE, vocoder=vocoder, **ends)
    torch.testing.assert_close(both[0, : len(alone)], alone)
    frames = model.generate_speech(IDS[:1], VOICE, **ends)
    assert len(alone) == len(frames) * vocoder.config.samples_per_frame


def test_what_is_dropped_follows_the_seed() -> None:
    model = drawn(SpeechT5ForTextToSpeech)
    spoken = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        spoken.append(model.generate_speech(IDS[:1], VOICE, threshold=2.0, maxlenratio=2.0))
    assert torch.equal(spoken[0], spoken[1])
    assert not torch.equal(spoken[0], spoken[2])


def test_one_step_after_the_other_is_one_pass() -> None:
    model = drawn(SpeechT5ForTextToSpeech, speech_decoder_prenet_dropout=0.0)
    frames = torch.randn(1, 6, 6)
    with torch.no_grad():
        encoded = model.get_encoder()(IDS[:1])
        given = {"encoder_outputs": encoded, "speaker_embeddings": VOICE}
        whole = model.model(decoder_input_values=frames, **given).last_hidden_state
        cache, steps = None, []
        for step in range(6):
            output = model.model(
                decoder_input_values=frames[:, step : step + 1],
                past_key_values=cache,
                use_cache=True,
                **given,
            )
            cache = output.past_key_values
            steps.append(output.last_hidden_state)
    torch.testing.assert_close(torch.cat(steps, dim=1), whole, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", [SpeechT5ForTextToSpeech, SpeechT5ForSpeechToSpeech])
def test_speech_is_learned(kind: Any) -> None:
    model = drawn(kind, mask_time_prob=0.3, mask_time_length=2).train()
    given: dict[str, Any] = {"input_ids": IDS, "attention_mask": MASK}
    if kind is SpeechT5ForSpeechToSpeech:
        heard = torch.ones(2, 200, dtype=torch.long)
        heard[1, 120:] = 0
        given = {"input_values": torch.randn(2, 200), "attention_mask": heard}
    labels = torch.linspace(-1, 1, 6).repeat(2, 8, 1)
    labels[1, 4:] = -100.0
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(30):
        loss = model(**given, labels=labels, speaker_embeddings=VOICE).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
    ends = torch.zeros(2, 8)
    ends[:, -1] = ends[1, 3] = 1
    torch.manual_seed(0)
    usual = model.eval()(**given, labels=labels, speaker_embeddings=VOICE).loss
    torch.manual_seed(0)
    told = model(**given, labels=labels, stop_labels=ends, speaker_embeddings=VOICE).loss
    torch.testing.assert_close(told, usual)
    torch.manual_seed(0)
    other = model(**given, labels=labels, stop_labels=1 - ends, speaker_embeddings=VOICE).loss
    assert other.item() != usual.item()


def test_spans_are_hidden_in_training_only() -> None:
    prenet = drawn(SpeechT5ForSpeechToText, mask_time_prob=0.5, mask_time_length=3).get_encoder()
    waves = torch.randn(2, 300)
    first, second = (prenet(waves).last_hidden_state for _ in range(2))
    assert torch.equal(first, second)
    net = prenet.prenet.train()
    for name in ("feature_projection", "pos_conv_embed"):
        net.get_submodule(name).eval()
    torch.manual_seed(0)
    shown, _ = net.eval()(waves, None)
    hidden, _ = net.train()(waves, None)
    assert not torch.equal(shown, hidden)


def test_files_find_their_heads(tmp_path: Path) -> None:
    for auto, kind in (
        (AutoModelForSpeechSeq2Seq, SpeechT5ForSpeechToText),
        (AutoModelForTextToSpectrogram, SpeechT5ForTextToSpeech),
    ):
        drawn(kind).save_pretrained(tmp_path / kind.__name__)
        assert type(auto.from_pretrained(tmp_path / kind.__name__)) is kind
    vocoder = SpeechT5HifiGan(SpeechT5HifiGanConfig(model_in_dim=6, upsample_initial_channel=16))
    vocoder.mean.fill_(0.5)
    vocoder.save_pretrained(tmp_path / "vocoder")
    again = SpeechT5ForTextToSpeech.load_vocoder(str(tmp_path / "vocoder"))
    frames = torch.randn(4, 6)
    with torch.no_grad():
        assert torch.equal(again(frames), vocoder.eval()(frames))


class Letters:
    """A tokenizer in two lines."""

    pad_token_id, padding_side = 1, "right"

    def __call__(self, text: str, **options: Any) -> dict[str, torch.Tensor]:
        ids = torch.tensor([[3 + ord(letter) % 26 for letter in text] + [2]])
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def test_a_pipeline_speaks_by_a_vocoder(tmp_path: Path) -> None:
    model = drawn(SpeechT5ForTextToSpeech, speech_decoder_prenet_dropout=0.0)
    vocoder = SpeechT5HifiGan(SpeechT5HifiGanConfig(model_in_dim=6, upsample_initial_channel=16))
    vocoder.save_pretrained(tmp_path)
    ends = {"speaker_embeddings": VOICE, "threshold": 2.0, "maxlenratio": 2.0}
    speak: Any = pipeline(
        "text-to-speech", model=model, tokenizer=Letters(), vocoder=tmp_path, device="cpu"
    )
    alone = speak("ab", forward_params=ends)
    assert alone["sampling_rate"] == 16000
    expected = model.generate(**Letters()("ab"), **ends, vocoder=speak.vocoder)
    torch.testing.assert_close(torch.as_tensor(alone["audio"]), expected)
    together = speak(["ab", "abcd"], batch_size=2, generate_kwargs=ends)
    assert together[0]["audio"].ndim == 1


def test_what_cannot_be() -> None:
    model = drawn(SpeechT5ForTextToSpeech)
    with pytest.raises(InputError, match="whose voice it is"):
        model.generate(IDS)
    with pytest.raises(InputError, match=r"\(1, size\) or \(2, size\)"):
        model.generate(IDS, speaker_embeddings=torch.zeros(3, 5))
    with pytest.raises(InputError, match="the decoder needs its input"):
        model(IDS)
    with pytest.raises(InputError, match="the encoder needs its input"):
        model()
    with pytest.raises(InputError, match="frames"):
        model(IDS, decoder_input_values=IDS)
    with pytest.raises(ConfigurationError, match="multiple of 5 attention heads"):
        SpeechT5Config(encoder_attention_heads=5)
