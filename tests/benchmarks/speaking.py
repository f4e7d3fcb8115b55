"""Seconds to speak a text.

``python -m benchmarks speaking [--rounds N]`` speaks by VITS, as MMS's voices are, and makes
spectrograms by SpeechT5, both at their real sizes with random weights, on both sides in turn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import transformers

from automodel_speecht5 import SpeechT5Config, SpeechT5ForTextToSpeech
from automodel_vits import VitsConfig, VitsModel
from benchmarks.command import command
from benchmarks.rounds import interleaved

LETTERS, FRAMES_A_LETTER = 40, 5.0


def vits() -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Return what speaks a text, by the reference and by ours."""
    torch.manual_seed(0)
    theirs = transformers.VitsModel(transformers.VitsConfig()).eval()
    config = VitsConfig.from_dict({**theirs.config.to_dict(), "dtype": None})
    ours = VitsModel.from_pretrained(None, config=config, state_dict=theirs.state_dict())
    ids = torch.randint(1, 38, (1, 2 * LETTERS + 1))
    ids[:, ::2] = 0
    return seeded(lambda: theirs(ids).waveform), seeded(lambda: ours(ids).waveform)


def speecht5() -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Return what makes a spectrogram of a text, by the reference and by ours."""
    torch.manual_seed(0)
    theirs = transformers.SpeechT5ForTextToSpeech(transformers.SpeechT5Config()).eval()
    config = SpeechT5Config.from_dict({**theirs.config.to_dict(), "dtype": None})
    state = theirs.state_dict()
    ours = SpeechT5ForTextToSpeech.from_pretrained(None, config=config, state_dict=state)
    given = {
        "input_ids": torch.randint(4, 80, (1, LETTERS)),
        "speaker_embeddings": torch.randn(1, 512),
        "threshold": 9.0,
        "maxlenratio": FRAMES_A_LETTER,
    }
    return (
        seeded(lambda: theirs.generate_speech(**given)),
        seeded(lambda: ours.generate_speech(**given)),
    )


def seeded(speak: Callable[[], Any]) -> Callable[[], Any]:
    def once() -> Any:
        torch.manual_seed(1)
        with torch.no_grad():
            return speak()

    return once


def main() -> None:
    options = command(__doc__, ()).parse_args()
    for name, build in (("vits", vits), ("speecht5", speecht5)):
        sides = build()
        found, expected = (side() for side in reversed(sides))
        difference = (found - expected).abs().max().item()
        rounds = interleaved(
            dict(zip(("transformers", "ours"), sides, strict=True)), options.rounds
        )
        theirs, ours = (rounds.median(side) for side in ("transformers", "ours"))
        print(
            f"{name}: transformers {theirs:.2f} s, ours {ours:.2f} s, "
            f"{rounds.ratio('ours', 'transformers'):.2f} times as fast; "
            f"the results differ by {difference:.1e}"
        )


if __name__ == "__main__":
    main()
