"""Show where the captioner looks: cross-attention over the picture, a panel for each word.

python docs/demo/pictures/attention.py docs/demo/pictures/1.png docs/demo/pictures/attention.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from PIL import Image, ImageDraw

from automodel_core import AutoImageProcessor, AutoModelForVision2Seq, AutoTokenizer

CHECKPOINT = Path(__file__).parent / "checkpoint"
PANEL = 160


def looks(picture: Image.Image) -> list[tuple[str, torch.Tensor]]:
    """Return each word of the caption, and the weights ``(rows, columns)`` of the patches."""
    processor = AutoImageProcessor.from_pretrained(CHECKPOINT)
    tokenizer = AutoTokenizer.from_pretrained(CHECKPOINT)
    model = AutoModelForVision2Seq.from_pretrained(CHECKPOINT)
    found = model.generate(
        processor(picture, return_tensors="pt").pixel_values,
        return_dict_in_generate=True,
        output_attentions=True,
    )
    side = model.config.encoder.image_size // model.config.encoder.patch_size
    words: list[tuple[str, torch.Tensor]] = []
    for token, layers in zip(found.sequences[0, 1:], found.cross_attentions, strict=True):
        if token == tokenizer.eos_token_id:
            break
        # All layers and heads; the first state is of no patch.
        weights = torch.stack(layers).mean(dim=(0, 1, 2))[-1, 1:].view(side, side)
        text = tokenizer.decode(token)
        if text.startswith(" ") or not words:
            words.append((text.strip(), weights))
        else:
            words[-1] = (words[-1][0] + text, words[-1][1] + weights)
    return words


def panel(picture: Image.Image, word: str, weights: torch.Tensor) -> Image.Image:
    """Return the picture, bright where the model looked, with the word under it."""
    light = (weights / weights.max() * 255).to(torch.uint8)
    mask = Image.frombytes("L", tuple(light.shape[::-1]), bytes(light.flatten().tolist()))
    size = (PANEL, PANEL)
    bright = picture.resize(size, Image.Resampling.BICUBIC)
    dark = Image.blend(bright, Image.new("RGB", size), 0.8)
    shown = Image.composite(bright, dark, mask.resize(size, Image.Resampling.BICUBIC))
    framed = Image.new("RGB", (PANEL + 8, PANEL + 24), "white")
    framed.paste(shown, (4, 4))
    ImageDraw.Draw(framed).text((PANEL // 2, PANEL + 14), word, "black", anchor="mm", font_size=14)
    return framed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture", type=Path)
    parser.add_argument("map", type=Path, help="the image file to write")
    options = parser.parse_args()
    picture = Image.open(options.picture).convert("RGB")
    panels = [panel(picture, word, weights) for word, weights in looks(picture)]
    strip = Image.new("RGB", (sum(p.width for p in panels), panels[0].height), "white")
    for index, part in enumerate(panels):
        strip.paste(part, (index * part.width, 0))
    strip.save(options.map, optimize=True)


if __name__ == "__main__":
    main()
