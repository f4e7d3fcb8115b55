"""Train a new vocabulary with the pipeline of an existing tokenizer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tokenizers import AddedToken, Tokenizer, pre_tokenizers, trainers

from automodel_core.errors import TokenizationError
from automodel_core.text.encoding.rust import rust_errors

__all__ = ["retrained"]

TRAINERS = {
    "BPE": trainers.BpeTrainer,
    "Unigram": trainers.UnigramTrainer,
    "WordLevel": trainers.WordLevelTrainer,
    "WordPiece": trainers.WordPieceTrainer,
}


def retrained(
    content: str,
    texts: Iterable[str] | Iterable[list[str]],
    vocab_size: int,
    *,
    length: int | None = None,
    new_special_tokens: Sequence[str | AddedToken] = (),
    renamed: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Tokenizer:
    """Return the tokenizer of file ``content`` with a vocabulary learnt from ``texts``.

    ``renamed`` gives special tokens other texts; ``options`` go to the trainer.
    """
    names = dict(renamed or {})
    state = json.loads(content)
    model = state["model"]
    kind = model["type"]
    if kind not in TRAINERS:
        raise TokenizationError(f"A {kind} tokenizer cannot be trained; {', '.join(TRAINERS)} can")
    added, processor = state["added_tokens"], state["post_processor"]
    state["added_tokens"], state["post_processor"] = [], None
    options = {"show_progress": False, **(options or {})}

    if kind == "Unigram":
        unk = model["unk_id"]
        if unk is None:
            model["vocab"] = []
        else:
            text = model["vocab"][unk][0]
            options["unk_token"] = names.get(text, text)
            model.update(unk_id=0, vocab=[[options["unk_token"], 0.0]])
    else:
        model["vocab"] = {}
        if kind == "BPE":
            model["merges"] = []
            for key in ("continuing_subword_prefix", "end_of_word_suffix"):
                if model.get(key) is not None:
                    options.setdefault(key, model[key])
        if model.get("unk_token") in names:
            model["unk_token"] = names[model["unk_token"]]
    if '"ByteLevel"' in json.dumps(state["pre_tokenizer"]):
        options.setdefault("initial_alphabet", pre_tokenizers.ByteLevel.alphabet())

    kept = [_renamed(token, names) for token in added if kind == "Unigram" or token["special"]]
    with rust_errors("training the tokenizer"):
        rust = Tokenizer.from_str(json.dumps(state))
        trainer = TRAINERS[kind](
            vocab_size=vocab_size, special_tokens=[*kept, *new_special_tokens], **options
        )
        rust.train_from_iterator(texts, length=length, trainer=trainer)
    if processor is None:
        return rust
    state = json.loads(rust.to_str())
    state["post_processor"] = _with_ids(processor, names, rust)
    with rust_errors("setting the post-processor of the trained tokenizer"):
        return Tokenizer.from_str(json.dumps(state))


def _renamed(token: dict[str, Any], names: Mapping[str, str]) -> AddedToken:
    rules = {key: value for key, value in token.items() if key not in ("id", "special")}
    rules["content"] = names.get(rules["content"], rules["content"])
    return AddedToken(**rules)


def _with_ids(processor: Any, names: Mapping[str, str], rust: Tokenizer) -> Any:
    """Return the post-processor with the new ids of its tokens."""

    def find(token: str) -> tuple[str, int]:
        text = names.get(token, token)
        index = rust.token_to_id(text)
        if index is None:
            raise TokenizationError(
                f"The post-processor adds {text!r}, which the trained vocabulary lacks: "
                "give it in new_special_tokens"
            )
        return text, index

    if processor["type"] == "Sequence":
        return {
            **processor,
            "processors": [_with_ids(part, names, rust) for part in processor["processors"]],
        }
    for entry in processor.get("special_tokens", {}).values():
        found = [find(token) for token in entry["tokens"]]
        entry["tokens"] = [text for text, _ in found]
        entry["ids"] = [index for _, index in found]
    for key in ("cls", "sep"):
        if key in processor:
            processor[key] = list(find(processor[key][0]))
    return processor
