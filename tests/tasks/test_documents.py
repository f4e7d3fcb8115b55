"""Answers that a model writes are taken out of their tags."""

from __future__ import annotations

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from automodel_core import DocumentQuestionAnsweringPipeline, PreTrainedTokenizerFast

WORDS = (
    "<pad> </s> <unk> <s_docvqa> <s_question> </s_question> <s_answer> </s_answer> who ten".split()
)
PROMPT = "<s_docvqa> <s_question> who </s_question>"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (f"{PROMPT} <s_answer> ten ten </s_answer> </s> <pad>", "tenten"),
        (f"{PROMPT} <s_answer> ten </s>", None),
        (f"{PROMPT} ten", None),
    ],
)
def test_an_answer_stands_between_its_tags(text: str, answer: str | None) -> None:
    vocabulary = {word: index for index, word in enumerate(WORDS)}
    rust = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    rust.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    rust.decoder = decoders.Sequence([])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=rust, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )
    pipeline = DocumentQuestionAnsweringPipeline.__new__(DocumentQuestionAnsweringPipeline)
    pipeline.tokenizer = tokenizer
    ids = torch.tensor([vocabulary[word] for word in text.split()])
    found = pipeline._written(ids)["answer"]
    assert found == answer
