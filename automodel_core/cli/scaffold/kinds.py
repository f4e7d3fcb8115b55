"""The kinds of plugins and of tokenizers that ``new`` writes."""

from __future__ import annotations

__all__ = ["KINDS", "READS_TEXT", "TOKENIZERS"]

KINDS = {
    "decoder": "writes text: a causal language model",
    "encoder": "reads text: masked words, labels, answers",
    "encoder-decoder": "text in, text out",
    "vision": "labels images, with an image processor",
    "audio": "labels recordings, with a feature extractor",
    "extension": "adds a task, a head for another plugin's models and an attention kernel",
}
READS_TEXT = ("decoder", "encoder", "encoder-decoder")
TOKENIZERS = {
    "any": "whichever a checkpoint's tokenizer.json describes",
    "byte-level": "byte-level BPE, from vocab.json and merges.txt",
    "wordpiece": "WordPiece, from vocab.txt",
    "sentencepiece": "SentencePiece, from spiece.model",
}
