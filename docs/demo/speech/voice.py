"""Speak English numbers by formant synthesis: harmonics and noise under resonances of a throat.

Formants of vowels are the means that Peterson and Barney measured (1952); those of the other
sounds, and all lengths, are chosen by ear.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = [
    "LARGEST",
    "RATE",
    "Speaker",
    "held_out",
    "random_number",
    "random_speaker",
    "speak",
    "spelled",
]

RATE = 16_000
"""Samples a second."""
STEP = 80
"""Samples from one setting of the throat to the next: 5 ms."""
FFT = 512
LARGEST = 999
UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
).split()
TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()


@dataclass(frozen=True)
class Sound:
    """A setting of the throat: resonances in Hz, how long in ms, how loud voice and hiss are."""

    formants: tuple[float, float, float]
    length: float
    voice: float = 1.0
    hiss: float = 0.0
    pitch_of_hiss: float = 4000.0
    width_of_hiss: float = 1200.0


NEUTRAL = (500.0, 1500.0, 2500.0)
SOUNDS = {
    "iy": Sound((270, 2290, 3010), 110), "ih": Sound((390, 1990, 2550), 80),
    "eh": Sound((530, 1840, 2480), 100), "ah": Sound((640, 1190, 2390), 80),
    "ao": Sound((570, 840, 2410), 120), "uw": Sound((300, 870, 2240), 120),
    "er": Sound((490, 1350, 1690), 120), "aa": Sound((730, 1090, 2440), 90),
    "oh": Sound((480, 900, 2400), 90), "eh+": Sound((460, 2050, 2600), 80),
    "w": Sound((290, 610, 2150), 60, 0.6), "r": Sound((310, 1060, 1380), 60, 0.6),
    "l": Sound((360, 1000, 2700), 65, 0.6), "n": Sound((250, 1600, 2600), 70, 0.4),
    "v": Sound((300, 1100, 2300), 55, 0.4, 0.1, 5000, 2000),
    "z": Sound((300, 1700, 2500), 80, 0.3, 0.5, 6000, 1200),
    "s": Sound((300, 1700, 2500), 100, 0.0, 0.8, 6000, 1200),
    "f": Sound((300, 1100, 2300), 90, 0.0, 0.25, 5000, 2500),
    "th": Sound((300, 1400, 2500), 80, 0.0, 0.2, 6500, 2000),
    "hh": Sound(NEUTRAL, 60, 0.0, 0.25, 1500, 900),
    "closed": Sound(NEUTRAL, 50, 0.0), "hum": Sound((200, 1600, 2600), 40, 0.15),
    "t!": Sound((350, 1800, 2600), 30, 0.0, 0.7, 4200, 1500),
    "k!": Sound((350, 1900, 2400), 30, 0.0, 0.6, 2000, 600),
    "d!": Sound((350, 1700, 2600), 20, 0.4, 0.4, 3800, 1500),
}  # fmt: skip
T, K, D = "closed t!", "closed k!", "hum d!"
AY, EY, OW = "aa ih", "eh+ iy", "oh uw"
STEMS = {
    "thir": "th er", "for": "f ao r", "fif": "f ih f", "six": f"s ih {K} s",
    "seven": "s eh v ah n", "eigh": EY, "nine": f"n {AY} n",
}  # fmt: skip
WORDS = {
    "zero": f"z iy r {OW}", "one": "w ah n", "two": f"{T} uw", "three": "th r iy",
    "four": "f ao r", "five": f"f {AY} v", "eight": f"{EY} {T}", "ten": f"{T} eh n",
    "eleven": "ih l eh v ah n", "twelve": f"{T} w eh l v", "fourteen": f"f ao r {T} iy n",
    "twenty": f"{T} w eh n {T} iy", "hundred": f"hh ah n {D} r ih {D}",
    **{stem: sounds for stem, sounds in STEMS.items() if stem in UNITS},
    **{f"{stem}teen": f"{sounds} {T} iy n" for stem, sounds in STEMS.items()},
    **{f"{stem}ty": f"{sounds} {T} iy" for stem, sounds in STEMS.items()},
}  # fmt: skip


@dataclass(frozen=True)
class Speaker:
    """A voice: its pitch in Hz, the size of its throat, its speed, and the noise of its room."""

    pitch: float
    throat: float
    speed: float
    noise: float


def random_speaker(rng: random.Random) -> Speaker:
    """Return a voice of a low or a high pitch, and what goes with it."""
    pitch = rng.uniform(85, 240)
    throat = 0.9 + 0.25 * (pitch - 85) / 155 + rng.uniform(-0.05, 0.05)
    return Speaker(pitch, throat, rng.uniform(0.65, 1.1), 10 ** rng.uniform(-4, -2))


def spelled(number: int) -> str:
    """Spell a number below a thousand: 342 is ``three hundred forty two``."""
    if number < 20:
        return UNITS[number]
    if number < 100:
        tens, rest = divmod(number, 10)
        return f"{TENS[tens]} {UNITS[rest]}" if rest else TENS[tens]
    hundreds, rest = divmod(number, 100)
    return f"{UNITS[hundreds]} hundred" + (f" {spelled(rest)}" if rest else "")


def held_out(number: int) -> bool:
    """Return whether a number is kept for the test; below a hundred every word must be learnt."""
    return number >= 100 and random.Random(number).random() < 0.1


def random_number(rng: random.Random, wanted: bool) -> int:
    """Return a number that is held out, or not, as ``wanted``; half are below a hundred."""
    while True:
        number = rng.randint(0, rng.choice((99, LARGEST)))
        if held_out(number) == wanted:
            return number


def speak(text: str, speaker: Speaker, rng: random.Random) -> Tensor:
    """Return the samples of number words, float32 between -1 and 1, at `RATE`."""
    sounds = [SOUNDS["closed"]]
    for word in text.split():
        sounds += [SOUNDS[name] for name in WORDS[word].split()]
        sounds.append(Sound(NEUTRAL, rng.uniform(10, 70), 0.0))
    lengths = [
        max(2, round(rng.uniform(0.85, 1.2) * sound.length / speaker.speed / 5)) for sound in sounds
    ]
    settings = torch.tensor(
        [
            [*sound.formants, sound.voice, sound.hiss, sound.pitch_of_hiss, sound.width_of_hiss]
            for sound in sounds
        ]
    ).repeat_interleave(torch.tensor(lengths), dim=0)
    formants = _gliding(settings[:, :3], 9) * speaker.throat
    voice, hiss = _gliding(settings[:, 3:5], 5).unbind(1)
    chance = torch.Generator().manual_seed(rng.getrandbits(32))
    fall = torch.linspace(1.1, 0.85, len(settings))
    wobble = 1 + 0.03 * torch.sin(torch.arange(len(settings)) / rng.uniform(8, 20))
    voiced = _harmonics(speaker.pitch * fall * wobble, formants, voice)
    hissed = _noise(settings[:, 5], settings[:, 6], hiss, chance)
    samples = voiced / voiced.abs().amax().clamp(min=1e-6) + 0.6 * hissed
    samples = 0.5 * samples / samples.abs().amax()
    return samples + speaker.noise * torch.randn(samples.shape, generator=chance)


def _gliding(settings: Tensor, width: int) -> Tensor:
    """Return settings ``(steps, kinds)`` whose changes take ``width`` steps, as muscles do."""
    padded = F.pad(settings.T, (width // 2, width // 2), mode="replicate")
    return F.avg_pool1d(padded, width, stride=1).T


def _harmonics(pitch: Tensor, formants: Tensor, loudness: Tensor) -> Tensor:
    """Return the sum of a pitch's harmonics, each as loud as the resonances let it be."""
    numbers = torch.arange(1, int(0.45 * RATE / pitch.min()) + 1)
    heights = pitch[:, None] * numbers
    widths, strengths = torch.tensor([60.0, 90.0, 150.0]), torch.tensor([1.0, 0.6, 0.3])
    away = (heights[..., None] - formants[:, None]) / widths
    gains = (strengths / (1 + away.square()).sqrt()).sum(-1) / (1 + heights / 800)
    gains = gains * loudness[:, None] * (heights < 0.48 * RATE)
    turns = _by_sample(pitch[:, None])[:, 0].cumsum(0) / RATE
    waves = torch.sin(2 * math.pi * (turns[:, None] * numbers).remainder(1.0))
    return (waves * _by_sample(gains)).sum(-1)


def _noise(center: Tensor, width: Tensor, loudness: Tensor, chance: torch.Generator) -> Tensor:
    """Return noise whose band and loudness change from step to step."""
    count = STEP * len(center)
    window = torch.hann_window(FFT)
    white = torch.stft(
        torch.randn(count, generator=chance), FFT, STEP, window=window, return_complex=True
    )
    bins = torch.linspace(0, RATE / 2, FFT // 2 + 1)[:, None]
    bands = torch.exp(-((bins - center) / width).square()) * loudness
    bands = F.pad(bands, (0, white.shape[1] - bands.shape[1]), mode="replicate")
    return torch.istft(white * bands, FFT, STEP, window=window, length=count)


def _by_sample(settings: Tensor) -> Tensor:
    """Return settings ``(steps, kinds)`` for each sample, on straight lines between steps."""
    lines = F.interpolate(settings.T[None], scale_factor=STEP, mode="linear", align_corners=False)
    return lines[0].T
