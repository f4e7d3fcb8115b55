"""Show what the recogniser hears: a spectrogram with each letter at its time, and the words.

python docs/demo/speech/alignment.py docs/demo/speech/1.wav docs/demo/speech/alignment.png
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw

from automodel_core import pipeline
from automodel_core.audio import (
    Framing,
    mel_filter_bank,
    read_audio,
    spectrogram,
    window_function,
)

CHECKPOINT = Path(__file__).parent / "checkpoint"
SECOND, BANDS, BAND, LINE = 420, 80, 2, 22
"""Pixels of a second; bands of the spectrogram, and the pixels of a band and of a line of text."""


def heights(samples: torch.Tensor, rate: int) -> torch.Tensor:
    """Return how loud each band is, ``(bands, frames)`` between 0 and 1, high bands first."""
    filters = mel_filter_bank(1 + rate // 64, BANDS, 60.0, rate / 2, rate)
    framing = Framing(window_function(rate // 40), hop_length=rate // 200, fft_length=rate // 32)
    found = spectrogram(samples, framing, power=2.0, mel_filters=filters, log_mel="log10")
    return ((found - found.max() + 5) / 5).clamp(0, 1).flip(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sound", type=Path)
    parser.add_argument("map", type=Path, help="the image file to write")
    options = parser.parse_args()
    recording = read_audio(options.sound)
    size = (round(recording.duration * SECOND), BANDS * BAND)
    light = (255 * (1 - heights(recording.waveform, recording.sampling_rate))).to(torch.uint8)
    grey = Image.frombytes("L", tuple(light.shape[::-1]), bytes(light.flatten().tolist()))
    image = Image.new("L", (size[0], size[1] + 2 * LINE), 255)
    image.paste(grey.resize(size, Image.Resampling.BICUBIC))
    pen = ImageDraw.Draw(image)
    recogniser = pipeline("automatic-speech-recognition", model=str(CHECKPOINT))
    for line, unit in enumerate(("char", "word")):
        answer: Any = recogniser(str(options.sound), return_timestamps=unit)
        for chunk in answer["chunks"]:
            start, end = (SECOND * second for second in chunk["timestamp"])
            place = ((start + end) / 2, size[1] + (line + 0.5) * LINE)
            pen.text(place, chunk["text"], fill=0, anchor="mm", font_size=14)
            if unit == "word":
                pen.line((start, size[1] + LINE, end, size[1] + LINE), fill=0)
    image.save(options.map, optimize=True)


if __name__ == "__main__":
    main()
