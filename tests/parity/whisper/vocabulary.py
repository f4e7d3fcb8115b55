"""Files of a small tokenizer, as a released checkpoint has them, without tokenizer.json."""

from __future__ import annotations

import json
from pathlib import Path

from tokenizers import ByteLevelBPETokenizer

from automodel_whisper.languages import LANGUAGES

__all__ = ["SPECIAL", "SPELLING", "TEXTS", "TIMES", "write_tokenizer"]

TEXTS = [
    "Hello there, how are you?", " I'm fine — thank you very much.", " the quick brown fox",
    ' Größe 東京 is (not) a "city".',
]  # fmt: skip
SPECIAL = [
    "<|endoftext|>", "<|startoftranscript|>", *(f"<|{code}|>" for code in list(LANGUAGES)[:99]),
    "<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>",
    "<|notimestamps|>",
]  # fmt: skip
TIMES = [f"<|{place * 0.02:.2f}|>" for place in range(1501)]
RULES = {"lstrip": False, "rstrip": False, "normalized": False, "single_word": False}
SPELLING = {"colour": "color", "organise": "organize"}


def write_tokenizer(folder: Path) -> None:
    """Write vocabulary, merges, settings and spellings into a folder."""
    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(TEXTS * 9, 340, special_tokens=[], show_progress=False)
    trained.save_model(str(folder))
    vocabulary = json.loads((folder / "vocab.json").read_text())
    first = vocabulary[SPECIAL[0]] = len(vocabulary)
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    added = {
        str(first + place): {"content": token, "special": place < len(SPECIAL), **RULES}
        for place, token in enumerate(SPECIAL + TIMES)
    }
    settings = {
        "tokenizer_class": "WhisperTokenizer", "added_tokens_decoder": added,
        "additional_special_tokens": SPECIAL[1:], "errors": "replace", "model_max_length": 1024,
        "return_attention_mask": False,
        **dict.fromkeys(("bos_token", "eos_token", "unk_token", "pad_token"), SPECIAL[0]),
    }  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    (folder / "normalizer.json").write_text(json.dumps(SPELLING))
    (folder / "config.json").write_text(json.dumps({"model_type": "whisper"}))
