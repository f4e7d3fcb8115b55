"""Texts after a JSON schema or a regular expression: xgrammar, llguidance and outlines."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from automodel_core import (
    AutoImageProcessor,
    AutoModelForImageTextToText,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    LogitsProcessor,
)
from automodel_core.integrations import to_transformers

transformers = pytest.importorskip("transformers")

DEMO = Path(__file__).parents[2] / "docs" / "demo"
SCHEMA = json.dumps({
    "type": "object",
    "properties": {"red": {"type": "boolean"}},
    "required": ["red"],
    "additionalProperties": False,
})  # fmt: skip
DIGITS = r"[0-9]{3}"


@pytest.fixture(scope="module")
def captions() -> Any:
    """Return a function from a logits processor to the captions of four pictures."""
    images = pytest.importorskip("PIL.Image")
    folder = DEMO / "pictures" / "checkpoint"
    model = AutoModelForImageTextToText.from_pretrained(folder)
    process = AutoImageProcessor.from_pretrained(folder)
    files = sorted((DEMO / "pictures").glob("[0-9].png"))
    pixels = process([images.open(file) for file in files], return_tensors="pt").pixel_values
    tokenizer = AutoTokenizer.from_pretrained(folder)

    def write(processor: Any, **settings: Any) -> list[str]:
        ids = model.generate(pixels, max_new_tokens=30, logits_processor=[processor], **settings)
        return tokenizer.batch_decode(ids, skip_special_tokens=True)

    write.model, write.tokenizer = model, tokenizer  # type: ignore[attr-defined]
    return write


@pytest.fixture(scope="module")
def numbers() -> Any:
    """Return a model of encoder and decoder, and its tokenizer, of SentencePiece's kind."""
    folder = DEMO / "checkpoint"
    return AutoModelForSeq2SeqLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)


def assert_follow_the_schema(texts: list[str]) -> None:
    assert len(texts) == 4
    for text in texts:
        found = json.loads(text)
        assert found.keys() == {"red"}
        assert isinstance(found["red"], bool)


@pytest.mark.parametrize("settings", [{}, {"do_sample": True}])
def test_xgrammar(captions: Any, numbers: Any, settings: dict[str, Any]) -> None:
    xgrammar = pytest.importorskip("xgrammar")
    torch.manual_seed(0)

    def compiler(tokenizer: Any) -> Any:
        info = xgrammar.TokenizerInfo.from_huggingface(
            to_transformers(tokenizer), vocab_size=len(tokenizer)
        )
        return xgrammar.GrammarCompiler(info)

    grammar = compiler(captions.tokenizer).compile_json_schema(SCHEMA, any_whitespace=False)
    assert_follow_the_schema(captions(xgrammar.contrib.hf.LogitsProcessor(grammar), **settings))
    model, tokenizer = numbers
    grammar = compiler(tokenizer).compile_regex(DIGITS)
    ids = model.generate(
        **tokenizer(["forty-two", "six hundred and one"], padding=True, return_tensors="pt"),
        logits_processor=[xgrammar.contrib.hf.LogitsProcessor(grammar)],
        **settings,
    )
    texts = tokenizer.batch_decode(ids, skip_special_tokens=True)
    assert all(re.fullmatch(DIGITS, text) for text in texts), texts


class Guided(LogitsProcessor):
    """Hide the tokens that a grammar of llguidance forbids."""

    def __init__(self, package: Any, tokenizer: Any, grammar: str) -> None:
        self.package = package
        self.tokenizer = package.hf.from_tokenizer(to_transformers(tokenizer))
        self.grammar = grammar
        self.matchers: list[Any] = []

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        if self.matchers:
            for matcher, token in zip(self.matchers, input_ids[:, -1].tolist(), strict=True):
                matcher.consume_token(token)
        else:
            matcher = self.package.LLMatcher
            self.matchers = [matcher(self.tokenizer, self.grammar) for _ in input_ids]
        allowed = b"".join(matcher.compute_logit_bias() for matcher in self.matchers)
        mask = torch.frombuffer(bytearray(allowed), dtype=torch.uint8).view_as(scores)
        return scores.masked_fill(mask == 0, -torch.inf)


@pytest.mark.parametrize("settings", [{}, {"do_sample": True}])
def test_llguidance(captions: Any, settings: dict[str, Any]) -> None:
    package = pytest.importorskip("llguidance")
    pytest.importorskip("llguidance.hf")
    torch.manual_seed(0)
    grammar = package.LLMatcher.grammar_from_json_schema(SCHEMA, {"whitespace_flexible": False})
    assert_follow_the_schema(captions(Guided(package, captions.tokenizer, grammar), **settings))
    grammar = package.LLMatcher.grammar_from_regex(DIGITS)
    texts = captions(Guided(package, captions.tokenizer, grammar), **settings)
    assert all(re.fullmatch(DIGITS, text) for text in texts), texts


def test_outlines(captions: Any, numbers: Any) -> None:
    outlines = pytest.importorskip("outlines")
    from outlines.backends import get_json_schema_logits_processor

    model, tokenizer = numbers
    write = outlines.from_transformers(model, to_transformers(tokenizer))
    assert re.fullmatch(DIGITS, write("forty-two", outlines.types.Regex(DIGITS), max_new_tokens=8))
    theirs = outlines.from_transformers(captions.model, to_transformers(captions.tokenizer))
    assert_follow_the_schema(captions(get_json_schema_logits_processor(None, theirs, SCHEMA)))
