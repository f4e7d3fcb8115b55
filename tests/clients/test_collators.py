"""transformers' collators make the same batches with our tokenizers as with their own."""

from __future__ import annotations

from typing import Any

import pytest
import torch

transformers = pytest.importorskip("transformers")

from automodel_bert import BertTokenizer  # noqa: E402
from automodel_gpt2 import GPT2Tokenizer  # noqa: E402
from automodel_t5 import T5Config, T5ForConditionalGeneration  # noqa: E402
from automodel_vit import ViTConfig, ViTForImageClassification, ViTImageProcessor  # noqa: E402

TEXTS = ["a fox jumps", "the unquicklazy dog sleeps all day", "no dog jumps"]


@pytest.fixture(scope="module")
def pair() -> tuple[Any, Any]:
    ours = BertTokenizer().train_new_from_iterator(TEXTS * 3, 60)
    return ours, ours.to_transformers()


def assert_same(found: Any, expected: Any) -> None:
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert torch.equal(torch.as_tensor(found[key]), torch.as_tensor(value)), key


def assert_same_batches(pair: tuple[Any, Any], name: str, rows: Any, **settings: Any) -> None:
    """Compare what a collator makes by either tokenizer, with the same numbers drawn."""
    batches = []
    for tokenizer in pair:
        collator = getattr(transformers, name)(tokenizer, **settings)
        torch.manual_seed(0)
        batches.append(collator([dict(row) for row in rows]))
    assert_same(*batches)


def test_padding(pair: tuple[Any, Any]) -> None:
    rows = [{**pair[0](text), "label": index} for index, text in enumerate(TEXTS)]
    assert_same_batches(pair, "DataCollatorWithPadding", rows)
    assert_same_batches(pair, "DataCollatorWithPadding", rows, pad_to_multiple_of=8)


@pytest.mark.parametrize("more", ["nothing", "special_tokens_mask", "offsets_mapping"])
def test_masked_tokens(pair: tuple[Any, Any], more: str) -> None:
    """Where offsets are given, whole words are masked."""
    given = {} if more == "nothing" else {f"return_{more}": True}
    lengths = {"padding": "max_length", "max_length": 24}  # collators pad no offsets
    rows = [pair[0](text, **given, **lengths) for text in TEXTS * 4]
    settings = {"mlm_probability": 0.5, "whole_word_mask": more == "offsets_mapping"}
    assert_same_batches(pair, "DataCollatorForLanguageModeling", rows, **settings)


def test_causal_language_modelling() -> None:
    ours = GPT2Tokenizer().train_new_from_iterator(TEXTS * 3, 280)
    ours.pad_token = ours.eos_token
    pair = ours, ours.to_transformers()
    rows = [ours(text) for text in TEXTS]
    assert_same_batches(pair, "DataCollatorForLanguageModeling", rows, mlm=False)


def test_labels_of_tokens_and_choices(pair: tuple[Any, Any]) -> None:
    rows = []
    for text in TEXTS:
        row = pair[0](text.split(), is_split_into_words=True)
        rows.append({**row, "labels": [index or 0 for index in row.word_ids()]})
    assert_same_batches(pair, "DataCollatorForTokenClassification", rows)
    several = [{**pair[0](TEXTS[:2]), "label": 1}, {**pair[0](TEXTS[1:]), "label": 0}]
    assert_same_batches(pair, "DataCollatorForMultipleChoice", several)


def test_sequences_in_and_out(pair: tuple[Any, Any]) -> None:
    size = {"d_model": 8, "num_layers": 1, "num_heads": 2, "d_kv": 4, "d_ff": 8}
    model = T5ForConditionalGeneration(T5Config(vocab_size=60, decoder_start_token_id=0, **size))
    rows = [
        pair[0](text, text_target=target) for text, target in zip(TEXTS, TEXTS[::-1], strict=True)
    ]
    assert_same_batches(pair, "DataCollatorForSeq2Seq", rows, model=model)
    collator = transformers.DataCollatorForSeq2Seq(pair[0], model=model)
    assert "decoder_input_ids" in collator([dict(row) for row in rows])


def test_pictures() -> None:
    processor = ViTImageProcessor(size={"height": 8, "width": 8})
    pictures = torch.randint(0, 255, (3, 3, 12, 12), dtype=torch.uint8)
    rows = [
        {"pixel_values": processor(picture, return_tensors="pt").pixel_values[0], "label": index}
        for index, picture in enumerate(pictures)
    ]
    batch = transformers.default_data_collator(rows)
    assert batch["pixel_values"].shape == (3, 3, 8, 8)
    config = ViTConfig(
        image_size=8, patch_size=4, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=8, num_labels=3,
    )  # fmt: skip
    assert ViTForImageClassification(config)(**batch).loss > 0
