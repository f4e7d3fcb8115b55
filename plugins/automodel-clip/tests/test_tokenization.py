"""CLIP's tokenizer and processor, with a vocabulary of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from automodel_clip import CLIPImageProcessor, CLIPProcessor, CLIPTokenizer
from automodel_core import AutoProcessor, AutoTokenizer
from automodel_core.errors import TokenizationError

START, END = "<|startoftext|>", "<|endoftext|>"


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    texts = ["a photo of a cat", "it's the dogs' photo: 27 dogs!"]
    return CLIPTokenizer().train_new_from_iterator(texts * 5, vocab_size=600)


def test_a_text_is_cut_in_words_of_lower_case(tokenizer: Any) -> None:
    ids = tokenizer("A  photo\nof CATS").input_ids
    assert tokenizer.convert_ids_to_tokens(ids) == [
        START, "a</w>", "photo</w>", "of</w>", "cat", "s</w>", END,
    ] or tokenizer.decode(ids, skip_special_tokens=True) == "a photo of cats"  # fmt: skip
    assert ids[0] == tokenizer.bos_token_id
    assert ids[-1] == tokenizer.eos_token_id == tokenizer.pad_token_id
    assert tokenizer.decode(ids, skip_special_tokens=True) == "a photo of cats"
    assert tokenizer.decode(tokenizer("it's 27!").input_ids) == f"{START}it 's 2 7 ! {END}"


def test_pairs_have_an_end_each_and_two_between(tokenizer: Any) -> None:
    ids = tokenizer("a", "cat").input_ids
    end = tokenizer.eos_token_id
    assert [index == end for index in ids].count(True) == 3
    assert tokenizer.build_inputs_with_special_tokens([7], [8]) == [ids[0], 7, end, end, 8, end]


def test_the_pieces_are_written_and_read(tokenizer: Any, tmp_path: Path) -> None:
    names = tokenizer.save_vocabulary(tmp_path)
    vocab, merges = (Path(name) for name in names[:2])
    again = CLIPTokenizer(vocab_file=vocab, merges_file=merges)
    text = "The dogs' photo, and 3 CATS"
    assert again(text).input_ids == tokenizer(text).input_ids
    tokenizer.save_pretrained(tmp_path)
    assert type(AutoTokenizer.from_pretrained(tmp_path)) is CLIPTokenizer


def test_a_tokenizer_without_an_end_is_refused() -> None:
    with pytest.raises(TokenizationError, match="needs a eos_token"):
        CLIPTokenizer(eos_token=None)


def test_a_processor_gives_the_inputs_of_both_towers(tokenizer: Any, tmp_path: Path) -> None:
    processor = CLIPProcessor(CLIPImageProcessor(size=16, crop_size=12), tokenizer)
    picture = torch.zeros(3, 20, 30, dtype=torch.uint8)
    inputs = processor(text=["a cat", "a photo of a dog"], images=picture, padding=True,
                       return_tensors="pt")  # fmt: skip
    assert list(inputs) == ["pixel_values", "input_ids", "attention_mask"]
    assert inputs.pixel_values.shape == (1, 3, 12, 12)
    assert inputs.attention_mask[0].sum() < inputs.attention_mask.shape[1]
    processor.save_pretrained(tmp_path)
    again = AutoProcessor.from_pretrained(tmp_path)
    assert type(again) is CLIPProcessor
    assert again(text="a cat").input_ids == processor(text="a cat").input_ids
