"""HiFi-GAN's generator: lengths of waveforms, and rows that end early."""

from __future__ import annotations

import torch

from automodel_core.families.hifigan import GeneratorConfig, WaveformGenerator

CONFIG = GeneratorConfig(
    upsample_initial_channel=16,
    upsample_rates=[3, 2],
    upsample_kernel_sizes=[7, 4],
    resblock_kernel_sizes=[3, 5],
    resblock_dilation_sizes=[[1, 3], [1, 2]],
)


@torch.no_grad()
def test_a_frame_becomes_as_many_samples_as_the_rates_say() -> None:
    torch.manual_seed(0)
    generator = WaveformGenerator(5, CONFIG, post_bias=True).eval()
    assert CONFIG.samples_per_frame == 6
    waveform = generator(torch.randn(2, 5, 9))
    assert waveform.shape == (2, 1, 54)
    assert bool((waveform.abs() < 1).all())


@torch.no_grad()
def test_what_is_behind_the_end_of_a_row_is_neither_heard_nor_spoken() -> None:
    torch.manual_seed(0)
    generator = WaveformGenerator(5, CONFIG, post_bias=False).eval()
    spectrogram, added = torch.randn(2, 5, 9), torch.randn(2, 16, 1)
    shown = torch.ones(2, 1, 9)
    shown[1, :, 4:] = 0
    found = generator(spectrogram, added, shown)
    torch.testing.assert_close(found[:1], generator(spectrogram[:1], added[:1]))
    alone = generator(spectrogram[1:, :, :4], added[1:])
    torch.testing.assert_close(found[1:, :, : alone.shape[2]], alone)
    assert not found[1, :, alone.shape[2] :].any()
