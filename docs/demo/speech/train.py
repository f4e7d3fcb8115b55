"""Train the speech demo: a small Wav2Vec2 that writes spoken numbers down, in minutes.

    python docs/demo/speech/train.py docs/demo/speech/checkpoint

The voices are synthesised, each utterance by another speaker. One number in ten from a hundred on
is held out of the training; the script ends with the share of held-out utterances that the saved
checkpoint gets exactly right.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path
from typing import Any

import torch
from voice import RATE, TENS, UNITS, random_number, random_speaker, speak, spelled

from automodel_core import AutoModelForCTC, pipeline
from automodel_wav2vec2 import (
    Wav2Vec2Config,
    Wav2Vec2CTCTokenizer,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForCTC,
    Wav2Vec2Processor,
)

WIDTH = 96


def new_processor() -> Wav2Vec2Processor:
    """Return what turns samples into inputs, and texts into the numbers of their letters."""
    letters = sorted(set("".join([*UNITS, *TENS[2:], "hundred"])))
    symbols = ["<pad>", "<s>", "</s>", "<unk>", "|", *letters]
    tokenizer = Wav2Vec2CTCTokenizer({symbol: number for number, symbol in enumerate(symbols)})
    extractor = Wav2Vec2FeatureExtractor(sampling_rate=RATE, return_attention_mask=True)
    return Wav2Vec2Processor(feature_extractor=extractor, tokenizer=tokenizer)


def new_model(vocab_size: int) -> Wav2Vec2ForCTC:
    """Return a model of half a million weights, with a frame for every 20 ms."""
    return Wav2Vec2ForCTC(
        Wav2Vec2Config(
            vocab_size=vocab_size, hidden_size=WIDTH, num_hidden_layers=3, num_attention_heads=4,
            intermediate_size=2 * WIDTH, conv_dim=[32, 48, 64, 64, 64],
            conv_kernel=[16, 10, 4, 4, 4], conv_stride=[8, 5, 2, 2, 2],
            feat_extract_norm="layer", do_stable_layer_norm=True,
            num_conv_pos_embeddings=32, num_conv_pos_embedding_groups=8,
            ctc_loss_reduction="mean", ctc_zero_infinity=True, apply_spec_augment=False,
            hidden_dropout=0.0, activation_dropout=0.0, attention_dropout=0.0, final_dropout=0.0,
            layerdrop=0.0,
        )
    )  # fmt: skip


def spoken(rng: random.Random, wanted: bool) -> tuple[torch.Tensor, str]:
    """Return the samples of a number, held out or not as ``wanted``, and its words."""
    text = spelled(random_number(rng, wanted))
    return speak(text, random_speaker(rng), rng), text


def batch_of(rng: random.Random, processor: Wav2Vec2Processor, size: int) -> Any:
    """Return sounds with their labels, as the model learns them."""
    sounds, texts = zip(*(spoken(rng, wanted=False) for _ in range(size)), strict=True)
    batch = processor(list(sounds), sampling_rate=RATE, padding=True, return_tensors="pt")
    labels = processor.tokenizer(list(texts), padding=True, return_tensors="pt")
    batch["labels"] = labels["input_ids"].masked_fill(labels["attention_mask"] == 0, -100)
    return batch


def accuracy(folder: Path, count: int = 500, **options: Any) -> float:
    """Return the share of held-out utterances that the checkpoint in ``folder`` gets exactly.

    ``options`` say how the model is loaded.
    """
    model = AutoModelForCTC.from_pretrained(folder, **options)
    processor = Wav2Vec2Processor.from_pretrained(folder)
    recogniser = pipeline(
        "automatic-speech-recognition",
        model=model,
        tokenizer=processor.tokenizer,
        feature_extractor=processor.feature_extractor,
    )
    rng, right = random.Random(1), 0
    for _ in range(count):
        samples, text = spoken(rng, wanted=True)
        right += recogniser({"raw": samples, "sampling_rate": RATE})["text"] == text
    return right / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the checkpoint goes")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--batch-size", type=int, default=16)
    options = parser.parse_args()

    rng = random.Random(0)
    torch.manual_seed(0)
    processor = new_processor()
    model = new_model(len(processor.tokenizer)).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=1e-3, total_steps=options.steps, pct_start=0.1
    )
    mean = 0.0
    for step in range(1, options.steps + 1):
        loss = model(**batch_of(rng, processor, options.batch_size)).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        mean += loss.item() / 100
        if step % 100 == 0:
            print(f"step {step}/{options.steps}  loss {mean:.4f}", flush=True)
            mean = 0.0

    model.eval()
    for part in (model, processor):
        part.save_pretrained(options.folder)
    print(f"held-out utterances right: {accuracy(options.folder):.2%}")


if __name__ == "__main__":
    main()
