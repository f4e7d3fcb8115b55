"""Seconds of ``generate()`` for 30 seconds of speech, against transformers and CTranslate2.

With ``--floor`` the same products alone, as they are done here, and nothing else.
"""

from __future__ import annotations

import argparse
import json
import time
from functools import partial
from pathlib import Path
from typing import Any

import torch
import transformers

import automodel_core
from automodel_core.layers.kernels.cpu_products import fast_product, product
from benchmarks.command import checkpoints_in, command
from benchmarks.products import Run, floor
from benchmarks.rounds import interleaved, table
from benchmarks.third_party import loaded

NEW_TOKENS = 96
SIZES = {"whisper-tiny": (384, 4, 6), "whisper-base": (512, 6, 8)}
"""Width, layers of each side, heads."""
CASES = {"batch 1": (1, 1), "batch 8": (8, 1), "batch 1, beam 5": (1, 5), "batch 8, beam 5": (8, 5)}
"""Rows and beams."""

BYTES, END, START = 256, 50257, 50258
SPECIAL = (
    "<|endoftext|> <|startoftranscript|> <|en|> "
    + " ".join(f"<|l{place}|>" for place in range(98))
    + " <|translate|> <|transcribe|> <|startoflm|> <|startofprev|> <|nospeech|> <|notimestamps|>"
).split()
PROMPT = [START, 50259, 50359, 50363]
HEADER = [
    "shape", "case", "automodel s", "transformers s", "ratio", "CTranslate2 s", "ratio",
    "times products", "same ids",
]  # fmt: skip


def checkpoint(folder: Path, name: str) -> Path:
    """Return the folder of a checkpoint with new weights and made-up words."""
    target = folder / name
    if (target / "model.safetensors").exists():
        return target
    width, layers, heads = SIZES[name]
    torch.manual_seed(0)
    config = transformers.WhisperConfig(
        d_model=width,
        encoder_layers=layers, decoder_layers=layers,
        encoder_attention_heads=heads, decoder_attention_heads=heads,
        encoder_ffn_dim=4 * width, decoder_ffn_dim=4 * width,
        pad_token_id=END, bos_token_id=END, eos_token_id=END, decoder_start_token_id=START,
        begin_suppress_tokens=None,
    )  # fmt: skip
    model = transformers.WhisperForConditionalGeneration(config)
    with torch.no_grad():  # an output layer that is the embeddings repeats one token for ever
        last = model.model.decoder.layer_norm.weight
        last.copy_(torch.randn_like(last).sign())
    settings = {
        "pad_token_id": END, "eos_token_id": END, "bos_token_id": END,
        "decoder_start_token_id": START, "max_length": 448, "is_multilingual": True,
        "no_timestamps_token_id": PROMPT[-1], "alignment_heads": [[0, 0]],
        "lang_to_id": {"<|en|>": PROMPT[1]},
        "task_to_id": {"transcribe": PROMPT[2], "translate": PROMPT[2] - 1},
        "suppress_tokens": [END], "begin_suppress_tokens": None,
    }  # fmt: skip
    model.generation_config = transformers.GenerationConfig.from_dict(settings)
    model.save_pretrained(target)
    words = [f"word{place}" for place in range(END)] + SPECIAL
    words += [f"<|{place * 0.02:.2f}|>" for place in range(config.vocab_size - len(words))]
    special = [{"id": END + i, "content": s, "special": True, "single_word": False,
                "lstrip": False, "rstrip": False, "normalized": False}
               for i, s in enumerate(SPECIAL)]  # fmt: skip
    tokenizer = {
        "version": "1.0", "added_tokens": special, "pre_tokenizer": {"type": "Whitespace"},
        "model": {
            "type": "WordLevel", "vocab": {w: i for i, w in enumerate(words)},
            "unk_token": SPECIAL[0],
        },
    }  # fmt: skip
    named = dict.fromkeys(("pad_token", "bos_token", "eos_token", "unk_token"), SPECIAL[0])
    about = {"tokenizer_class": "PreTrainedTokenizerFast", **named}
    for file, content in (("tokenizer", tokenizer), ("tokenizer_config", about)):
        (target / f"{file}.json").write_text(json.dumps(content), encoding="utf-8")
    transformers.WhisperFeatureExtractor().save_pretrained(target)
    return target


def products(path: Path, features: torch.Tensor, beams: int) -> Run:
    """Return what does the products of encoding, and of each step, by random numbers."""
    options = {"attn_implementation": "eager"}
    model: Any = automodel_core.AutoModelForSpeechSeq2Seq.from_pretrained(path, **options)
    encode = floor(model.model.encoder, {"input_features": features})
    rows, config = len(features), model.config
    context = torch.randn(rows * config.max_source_positions, config.d_model)
    step = products_of_a_step(model, rows, beams)

    @torch.inference_mode()
    def once() -> None:
        encode()
        for layer in model.model.decoder.stack.layers:
            for part in (layer.cross_attn.k_proj, layer.cross_attn.v_proj):
                product(context, part.weight, None)
        for _ in range(NEW_TOKENS):
            for run in step:
                run()

    return once


def products_of_a_step(model: Any, rows: int, beams: int) -> list[Run]:
    """Return what does the products of a step, those with keys and values of speech included."""
    config, steps = model.config, []
    heads, frames = config.decoder_attention_heads, config.max_source_positions
    size = config.d_model // heads

    def project(weight: torch.Tensor) -> None:
        states = torch.randn(rows * beams, weight.shape[1])
        steps.append(partial(fast_product(weight, None, rows * beams), states))

    for layer in model.model.decoder.stack.layers:
        over, own = layer.cross_attn, layer.self_attn
        project(torch.cat([part.weight for part in (own.q_proj, own.k_proj, own.v_proj)]))
        for part in (own.o_proj, over.q_proj, over.o_proj, layer.mlp.up_proj, layer.mlp.down_proj):
            project(part.weight)
        keys, values = torch.randn(2, rows * heads, frames, size)
        queries, weights = (torch.randn(rows * heads, beams, inner) for inner in (size, frames))
        steps.append(partial(torch.bmm, queries, keys.transpose(1, 2)))
        steps.append(partial(torch.bmm, weights, values))
    project(model.lm_head.weight)
    return steps


def measure(folder: Path, name: str, case: str, options: argparse.Namespace) -> list[str]:
    """Return a row of the table."""
    path, (rows, beams) = checkpoint(folder, name), CASES[case]
    third = loaded("models.Whisper", path, "float32")
    ours: Any = automodel_core.AutoModelForSpeechSeq2Seq.from_pretrained(path)
    theirs = transformers.AutoModelForSpeechSeq2Seq.from_pretrained(path).eval()
    features = torch.randn(rows, 80, 3000, generator=torch.Generator().manual_seed(1))
    settings = {
        "language": "en", "task": "transcribe", "max_new_tokens": NEW_TOKENS, "num_beams": beams,
    }  # fmt: skip
    found: dict[str, list[list[int]]] = {}

    def run(who: str, model: Any) -> Run:
        def once() -> None:
            found[who] = model.generate(features, **settings)[:, -NEW_TOKENS:].tolist()

        return once

    def other() -> None:
        import ctranslate2

        view = ctranslate2.StorageView.from_array(features.numpy())
        results = third.generate(
            view, [PROMPT] * rows, beam_size=beams, max_length=2 * NEW_TOKENS,
            suppress_tokens=[END], suppress_blank=False,
        )  # fmt: skip
        found["CTranslate2"] = [result.sequences_ids[0] for result in results]

    contenders = {"ours": run("ours", ours), "theirs": run("theirs", theirs), "CTranslate2": other}
    if options.floor:
        contenders["products"] = products(path, features, beams)
    clock = time.process_time if options.cpu_time else time.perf_counter
    result = interleaved(contenders, options.rounds, clock)
    lengths = {len(row) for row in found["CTranslate2"]}
    same = "yes" if found["ours"] == found["theirs"] else "NO"
    different = min(len(set(row)) for row in found["ours"])
    floored = f"{result.ratio('products', 'ours'):.2f}" if options.floor else "-"
    return [
        name,
        case,
        f"{result.median('ours'):.2f}",
        f"{result.median('theirs'):.2f}",
        f"{result.ratio('ours', 'theirs'):.2f}",
        f"{result.median('CTranslate2'):.2f}",
        f"{result.ratio('ours', 'CTranslate2'):.2f}",
        floored,
        f"{same}, {different} different; {lengths}",
    ]


def main() -> None:
    parser = command(__doc__)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--cpu-time", action="store_true", help="on one thread, beside other work")
    parser.add_argument("--floor", action="store_true", help="measure the products alone, too")
    options = parser.parse_args()
    with checkpoints_in(options) as folder:
        rows = []
        for name in options.sizes:
            for case in options.cases:
                rows.append(measure(folder, name, case, options))
                print(rows[-1], flush=True)
    title = f"30 seconds, {NEW_TOKENS} new tokens, fp32, {torch.get_num_threads()} threads"
    print(table(title, HEADER, rows))


if __name__ == "__main__":
    main()
