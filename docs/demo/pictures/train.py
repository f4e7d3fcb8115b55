"""Train the picture demo: a small ViT and GPT-2 that say which shapes a picture shows, in minutes.

    python docs/demo/pictures/train.py docs/demo/pictures/checkpoint

One pair of shapes in ten is held out of the training; the script ends with the share of held-out
drawings that the saved checkpoint describes exactly.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path
from typing import Any

import torch
from drawing import SIDE, draw, random_drawing

from automodel_gpt2 import GPT2Config, GPT2Tokenizer
from automodel_vision_encoder_decoder import (
    VisionEncoderDecoderConfig,
    VisionEncoderDecoderModel,
)
from automodel_vit import ViTConfig, ViTImageProcessor

WIDTH = 96


def new_tokenizer(rng: random.Random) -> GPT2Tokenizer:
    """Learn the words of the captions as tokens."""
    captions = [random_drawing(rng, wanted=False).caption for _ in range(5000)]
    start = GPT2Tokenizer(vocab={"<|endoftext|>": 0}, merges=[])
    tokenizer = start.train_new_from_iterator(captions, vocab_size=320)
    tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def new_model(tokenizer: GPT2Tokenizer) -> VisionEncoderDecoderModel:
    end = tokenizer.eos_token_id
    encoder = ViTConfig(
        image_size=SIDE, patch_size=8, hidden_size=WIDTH, num_hidden_layers=4,
        num_attention_heads=4, intermediate_size=3 * WIDTH, hidden_dropout_prob=0.0,
    )  # fmt: skip
    decoder = GPT2Config(
        vocab_size=len(tokenizer), n_positions=32, n_embd=WIDTH, n_layer=2, n_head=4,
        n_inner=3 * WIDTH, bos_token_id=end, eos_token_id=end,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
    )  # fmt: skip
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
    config.decoder_start_token_id = config.pad_token_id = config.eos_token_id = end
    return VisionEncoderDecoderModel(config=config)


def batch_of(
    rng: random.Random, processor: Any, tokenizer: Any, size: int, *, wanted: bool
) -> tuple[dict[str, torch.Tensor], list[str]]:
    """Return pictures and their captions, as a model learns them and as texts."""
    drawings = [random_drawing(rng, wanted) for _ in range(size)]
    captions = [drawing.caption for drawing in drawings]
    pictures = [draw(drawing, rng) for drawing in drawings]
    texts = tokenizer(
        [caption + tokenizer.eos_token for caption in captions], padding=True, return_tensors="pt"
    )
    labels = texts["input_ids"].masked_fill(texts["attention_mask"] == 0, -100)
    pixel_values = processor(pictures, return_tensors="pt")["pixel_values"]
    return {"pixel_values": pixel_values, "labels": labels}, captions


def accuracy(folder: Path, count: int = 1000, **options: Any) -> float:
    """Return the share of held-out drawings that the checkpoint in ``folder`` describes exactly.

    ``options`` say how it is loaded.
    """
    processor, tokenizer = (
        kind.from_pretrained(folder) for kind in (ViTImageProcessor, GPT2Tokenizer)
    )
    model = VisionEncoderDecoderModel.from_pretrained(folder, **options)
    rng, right = random.Random(1), 0
    for _ in range(0, count, 100):
        batch, captions = batch_of(rng, processor, tokenizer, 100, wanted=True)
        ids = model.generate(batch["pixel_values"])
        found = tokenizer.batch_decode(ids, skip_special_tokens=True)
        right += sum(a == b for a, b in zip(found, captions, strict=True))
    return right / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the checkpoint goes")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch-size", type=int, default=32)
    options = parser.parse_args()

    rng = random.Random(0)
    torch.manual_seed(0)
    tokenizer = new_tokenizer(rng)
    processor = ViTImageProcessor(size={"height": SIDE, "width": SIDE})
    model = new_model(tokenizer).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=2e-3, total_steps=options.steps
    )
    for step in range(1, options.steps + 1):
        batch, _ = batch_of(rng, processor, tokenizer, options.batch_size, wanted=False)
        loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if step % 100 == 0:
            print(f"step {step}/{options.steps}  loss {loss.item():.4f}", flush=True)

    model.generation_config.max_new_tokens = 16
    model.eval()
    for part in (model, tokenizer, processor):
        part.save_pretrained(options.folder)
    print(f"held-out drawings right: {accuracy(options.folder):.2%}")


if __name__ == "__main__":
    main()
