"""VITS alone: seeds and rates, speakers, rows of a batch, splines both ways, what cannot be."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from automodel_core import AutoModelForTextToWaveform
from automodel_core.errors import ConfigurationError, InputError
from automodel_vits import VitsConfig, VitsModel

TINY: dict[str, Any] = {
    "vocab_size": 29, "hidden_size": 16, "num_hidden_layers": 1, "ffn_dim": 24, "flow_size": 8,
    "spectrogram_bins": 9, "upsample_initial_channel": 16, "upsample_rates": [4, 2],
    "upsample_kernel_sizes": [8, 4], "resblock_kernel_sizes": [3],
    "resblock_dilation_sizes": [[1, 3]], "duration_predictor_num_flows": 2,
    "depth_separable_num_layers": 1, "prior_encoder_num_flows": 2,
    "prior_encoder_num_wavenet_layers": 2, "posterior_encoder_num_wavenet_layers": 1,
}  # fmt: skip
IDS = torch.tensor([[3, 9, 4, 1, 7], [5, 2, 0, 0, 0]])
MASK = (IDS > 0).long()


def drawn(**settings: Any) -> Any:
    torch.manual_seed(0)
    model: Any = AutoModelForTextToWaveform.from_config(VitsConfig(**{**TINY, **settings}))
    assert type(model) is VitsModel
    with torch.no_grad():
        for weight in model.duration_predictor.parameters():
            weight.add_(torch.randn_like(weight), alpha=0.5)
    return model.eval()


@torch.no_grad()
def test_a_seed_draws_the_same_noise_and_leaves_others_alone() -> None:
    model = drawn()
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first, second = (model(IDS, MASK, seed=4).waveform for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(first[:, :8], model(IDS, MASK, seed=5).waveform[:, :8])
    torch.manual_seed(4)
    assert torch.equal(model(IDS, MASK).waveform, first)


@torch.no_grad()
def test_rates_and_scales_of_a_call_or_of_the_model() -> None:
    model = drawn(noise_scale_duration=0.0)
    usual = int(model(IDS[:1], seed=0).sequence_lengths)
    slow = int(model(IDS[:1], speaking_rate=0.25, seed=0).sequence_lengths)
    assert slow > 2 * usual
    model.speaking_rate = 0.25
    assert int(model(IDS[:1], seed=0).sequence_lengths) == slow
    quiet = [model(IDS[:1], noise_scale=0.0, seed=seed).waveform for seed in range(2)]
    assert torch.equal(*quiet)
    assert model.config.samples_per_frame == 8


@torch.no_grad()
def test_a_row_of_a_batch_is_heard_as_alone_and_then_silent() -> None:
    model = drawn(noise_scale=0.0, noise_scale_duration=0.0)
    both = model(IDS, MASK)
    for row, count in enumerate(MASK.sum(1).tolist()):
        alone = model(IDS[row : row + 1, :count])
        length = int(both.sequence_lengths[row])
        assert int(alone.sequence_lengths) == length
        torch.testing.assert_close(both.waveform[row, :length], alone.waveform[0])
        assert not both.waveform[row, length:].any()


@torch.no_grad()
def test_what_a_flow_does_it_undoes() -> None:
    model = drawn().double()
    flow = model.duration_predictor.flows[1]
    inputs, shown = 4 * torch.randn(3, 2, 9).double(), torch.ones(3, 1, 9).double()
    inputs[0, 1, 0] = 50.0  # beyond the spline
    bent, change = flow(inputs, shown)
    back, undone = flow(bent, shown, reverse=True)
    torch.testing.assert_close(back, inputs)
    torch.testing.assert_close(undone, -change)
    sounds = torch.randn(3, 8, 9).double()
    there = model.flow(sounds, shown)
    torch.testing.assert_close(model.flow(there, shown, reverse=True), sounds)


def test_durations_are_learned() -> None:
    model = drawn().train()
    states, durations = torch.randn(2, 16, 5), torch.tensor([[[3, 1, 4, 1, 5]], [[2, 7, 1, 8, 2]]])
    shown = MASK[:, None].float()
    optimizer = torch.optim.Adam(model.duration_predictor.parameters(), lr=1e-2)
    losses = []
    for _ in range(40):
        loss = model.duration_predictor(states, shown, None, durations.float()).sum()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert sum(losses[-5:]) < sum(losses[:5])


def test_what_cannot_be() -> None:
    model = drawn(num_speakers=3, speaker_embedding_size=4)
    with pytest.raises(InputError, match="give input_ids"):
        model()
    with pytest.raises(InputError, match="speakers are 0 to 2"):
        model(IDS, speaker_id=3)
    with pytest.raises(InputError, match="4 speakers were given for 2 texts"):
        model(IDS, speaker_id=[0, 1, 2, 0])
    for settings, message in (
        ({"upsample_rates": [2]}, "upsample_rates has 1 entries and upsample_kernel_sizes 2"),
        ({"resblock_kernel_sizes": []}, "resblock_dilation_sizes"),
        ({"hidden_size": 15}, "multiple of 2 attention heads"),
        ({"flow_size": 7}, "multiple of 2 halves"),
        ({"num_speakers": 2}, "needs a speaker_embedding_size"),
        ({"upsample_initial_channel": 3}, "cannot be halved 2 times"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            VitsConfig(**{**TINY, **settings})
