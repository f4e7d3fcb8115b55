"""Tokens a second of compiled decoding, against uncompiled, transformers and the memory's limit."""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers

from automodel_core import AutoModelForCausalLM, AutoModelForSeq2SeqLM, CompileConfig
from benchmarks.rounds import interleaved, table

NEW_TOKENS = 128
SOURCE = 64
CASES = {"batch 1": (1, 1), "batch 8": (8, 1), "beam 4": (1, 4)}
TOKENS = {"bos_token_id": 1, "eos_token_id": 1, "pad_token_id": 0}
SHAPES: dict[str, Callable[[], Any]] = {
    "gpt2": lambda: transformers.GPT2LMHeadModel(transformers.GPT2Config(**TOKENS)),
    "t5-base": lambda: transformers.T5ForConditionalGeneration(
        transformers.T5Config(
            d_model=768, d_ff=3072, num_layers=12, num_heads=12, decoder_start_token_id=0
        )
    ),
    "bart-base": lambda: transformers.BartForConditionalGeneration(
        transformers.BartConfig(
            d_model=768, encoder_layers=6, decoder_layers=6, encoder_ffn_dim=3072,
            decoder_ffn_dim=3072, encoder_attention_heads=12, decoder_attention_heads=12,
            vocab_size=50265,
        )
    ),
}  # fmt: skip
HEADER = [
    "shape",
    "case",
    "compiled tokens/s",
    "of the memory's limit",
    "uncompiled",
    "ratio",
    "transformers",
    "ratio",
    "transformers, static cache, compiled",
    "ratio",
    "same ids",
    "first call",
]


def bandwidth(device: str) -> float:
    """Return bytes a second at which one tensor of a gigabyte is read."""
    numbers = torch.zeros(1 << 28, device=device)
    seconds = min(interleaved({"read": lambda: numbers.sum().item()}, 7).seconds["read"])
    return numbers.nbytes / seconds


def models(folder: Path, shape: str, device: str, dtype: torch.dtype) -> tuple[Any, Any]:
    """Return our model and the reference's, of the same random weights."""
    target = folder / shape
    if not (target / "model.safetensors").exists():
        torch.manual_seed(0)
        SHAPES[shape]().save_pretrained(target)
    ours = AutoModelForCausalLM if shape == "gpt2" else AutoModelForSeq2SeqLM
    theirs = getattr(transformers, ours.__name__)
    loaded = (auto.from_pretrained(target, dtype=dtype).to(device) for auto in (ours, theirs))
    return next(loaded), next(loaded).eval()


def theirs_compiled() -> dict[str, Any]:
    """Return what makes transformers compile its step, which it does by itself on a GPU alone."""
    config = transformers.CompileConfig()
    config._compile_all_devices = True
    return {"cache_implementation": "static", "compile_config": config}


def measure(folder: Path, shape: str, case: str, rounds: int, device: str, speed: float) -> Any:
    rows, beams = CASES[case]
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    ours, theirs = models(folder, shape, device, dtype)
    torch.manual_seed(1)
    source = torch.randint(3, ours.config.vocab_size, (rows, SOURCE), device=device)
    settings = {
        "max_new_tokens": NEW_TOKENS,
        "do_sample": False,
        "eos_token_id": None,
        "pad_token_id": 0,
        "forced_eos_token_id": None,
        "attention_mask": torch.ones_like(source),
        "num_beams": beams,
    }
    found: dict[str, list[list[int]]] = {}

    def run(name: str, model: Any, **more: Any) -> Callable[[], None]:
        def once() -> None:
            found[name] = model.generate(source, **settings, **more)[:, -NEW_TOKENS:].tolist()

        return once

    compiled = run("compiled", ours, compile_config=CompileConfig(fullgraph=True))
    start = time.perf_counter()
    compiled()
    first = time.perf_counter() - start
    result = interleaved(
        {
            "compiled": compiled,
            "uncompiled": run("uncompiled", ours),
            "theirs": run("theirs", theirs),
            "theirs compiled": run("theirs compiled", theirs, **theirs_compiled()),
        },
        rounds,
    )
    decoded = rows * NEW_TOKENS
    stack = ours.base_model.stack if shape == "gpt2" else ours.get_decoder().stack
    streamed = sum(p.nbytes for p in stack.parameters()) + ours.lm_head.weight.nbytes
    rate = decoded / result.median("compiled")
    row = [shape, case, f"{rate:.0f}", f"{rate * streamed / (rows * speed):.0%}"]
    for other in ("uncompiled", "theirs", "theirs compiled"):
        row.append(f"{decoded / result.median(other):.0f}")
        row.append(f"{result.ratio('compiled', other):.2f}")
    same = found["compiled"] == found["uncompiled"]
    return [*row, "yes" if same else "NO", f"{first:.0f} s"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--folder", type=Path, default=None, help="keep the checkpoints here")
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        speed = bandwidth(options.device)
        rows = [
            measure(folder, shape, case, options.rounds, options.device, speed)
            for shape in options.shapes
            for case in options.cases
        ]
    where = (
        torch.cuda.get_device_name()
        if options.device == "cuda"
        else f"{torch.get_num_threads()} threads"
    )
    print(
        table(
            f"compiled generate(), {where}, {SOURCE} source and {NEW_TOKENS} new tokens, memory "
            f"read at {speed / 1e9:.0f} GB/s",
            HEADER,
            rows,
        )
    )


if __name__ == "__main__":
    main()
