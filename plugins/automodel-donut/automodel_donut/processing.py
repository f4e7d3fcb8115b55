"""Donut's processor: pages and prompts to model inputs, and generated text to fields."""

from __future__ import annotations

import re
from typing import Any

from automodel_core.processing import ProcessorMixin

OPENS = re.compile("<s_", re.IGNORECASE)
NEXT = "<sep/>"


class DonutProcessor(ProcessorMixin):
    """A `DonutImageProcessor` and a tokenizer; texts beside pages are prompts, and labels too."""

    def text_defaults(self) -> dict[str, Any]:
        return {"add_special_tokens": False}

    def join(self, features: Any, encoding: Any) -> Any:
        features = super().join(features, encoding)
        features["labels"] = features["input_ids"]
        return features

    @property
    def model_input_names(self) -> list[str]:
        return [*super().model_input_names, "labels"]

    def token2json(self, tokens: str, is_inner_value: bool = False, added_vocab: Any = None) -> Any:
        """Return the fields that a generated text writes as ``<s_name>value</s_name>``.

        Values are texts, fields again, or lists of either, with ``<sep/>`` between. A text without
        fields is the value of ``text_sequence``.
        """
        known = self.tokenizer.get_added_vocab() if added_vocab is None else added_vocab
        fields: dict[str, Any] = {}
        while (opening := OPENS.search(tokens)) is not None:
            end = tokens.find(">", opening.start())
            if end < 0:
                break
            name = tokens[opening.end() : end]
            closing = re.compile(re.escape(f"</s_{name}>"), re.IGNORECASE)
            first = closing.search(tokens)
            if first is None:
                tokens = tokens.replace(tokens[opening.start() : end + 1], "")
                continue
            own = closing.search(tokens, end + 1)
            if own is not None:
                self._read(tokens[end + 1 : own.start()].strip(), name, fields, known)
            tokens = tokens[first.end() :].strip()
            if tokens.startswith(NEXT):
                return [fields, *self.token2json(tokens[len(NEXT) :], True, known)]
        if fields:
            return [fields] if is_inner_value else fields
        return [] if is_inner_value else {"text_sequence": tokens}

    def _read(self, content: str, name: str, fields: dict[str, Any], known: Any) -> None:
        """Put a field's content under its name, unless it holds fields that hold nothing."""
        if "<s_" in content and "</s_" in content:
            values = self.token2json(content, True, known)
        else:
            # A category is one token, "<name/>".
            values = [
                leaf[1:-2] if leaf in known and leaf[0] == "<" and leaf.endswith("/>") else leaf
                for leaf in map(str.strip, content.split(NEXT))
            ]
        if values:
            fields[name] = values[0] if len(values) == 1 else values
