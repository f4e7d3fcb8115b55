"""Every extension does what it is for, in models and checkpoints that know nothing of it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers

import automodel_core
from automodel_bert import BertConfig, BertLMHeadModel
from automodel_core.errors import CheckpointFormatError
from automodel_core.tasks import get_supported_tasks
from automodel_extras import BertForTextEmbedding
from automodel_extras.half import HalfLinear

SIZES = {
    "vocab_size": 99,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}
TEXTS = torch.tensor([[5, 6, 7, 8], [9, 10, 0, 0]])
MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])


@pytest.fixture
def model() -> Any:
    torch.manual_seed(0)
    return BertForTextEmbedding(BertConfig(**SIZES)).eval()


def embeddings(model: Any) -> torch.Tensor:
    found: torch.Tensor = model(TEXTS, attention_mask=MASK).embeddings
    return found


def test_the_task_has_an_auto_class_and_bert_a_head_for_it(model: Any, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path)
    loaded = automodel_core.AutoModelForTextEmbedding.from_pretrained(tmp_path)
    assert type(loaded) is BertForTextEmbedding
    torch.testing.assert_close(embeddings(loaded), embeddings(model))
    torch.testing.assert_close(embeddings(model).norm(dim=-1), torch.ones(2))


def test_the_task_has_a_pipeline(model: Any, tmp_path: Path) -> None:
    tokenizer = Tokenizer(models.WordLevel({"a": 0, "b": 1, "[UNK]": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    model.save_pretrained(tmp_path)
    answer = automodel_core.pipeline("text-embedding", model=tmp_path, device="cpu")
    one = answer("a b a")
    assert len(one) == SIZES["hidden_size"]
    assert answer(["a b a", "b"], digits=2)[0] == [round(number, 2) for number in one]
    assert "text-embedding" in get_supported_tasks()
    guessed = automodel_core.pipeline(model=tmp_path, device="cpu")
    assert type(guessed) is type(answer)


def test_the_strategy_ends_where_the_model_is_not_sure() -> None:
    torch.manual_seed(0)
    writer = BertLMHeadModel(BertConfig(**SIZES, is_decoder=True, eos_token_id=2)).eval()
    options: dict[str, Any] = {"max_new_tokens": 5, "pad_token_id": 0, "strategy": "cautious"}
    prompt = torch.tensor([[5, 6, 7], [8, 9, 10]])
    usual = writer.generate(prompt, max_new_tokens=5, pad_token_id=0)
    found = writer.generate(prompt, least_probability=1e-9, **options)
    assert torch.equal(found, usual)
    ended = writer.generate(prompt, least_probability=0.99, **options)
    assert ended[:, 3:].tolist() == [[2], [2]]


def test_the_format_is_written_and_read(model: Any, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path, format="npz")
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "model.npz"}
    loaded = BertForTextEmbedding.from_pretrained(tmp_path)
    assert torch.equal(embeddings(loaded), embeddings(model))
    (tmp_path / "model.npz").write_bytes(b"nothing")
    with pytest.raises(CheckpointFormatError, match="no archive"):
        BertForTextEmbedding.from_pretrained(tmp_path)


def test_the_weights_take_half_of_the_memory(model: Any, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path)
    loaded = BertForTextEmbedding.from_pretrained(tmp_path, weights="half")
    dtypes = [layer.weight.dtype for layer in loaded.modules() if isinstance(layer, HalfLinear)]
    assert dtypes == [torch.bfloat16] * 12
    torch.testing.assert_close(embeddings(loaded), embeddings(model), atol=2e-2, rtol=0)


def test_the_shelf_is_looked_into_and_the_load_is_noted(
    model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AUTOMODEL_EXTRAS_SHELF", str(tmp_path))
    model.save_pretrained(tmp_path / "mine")
    with caplog.at_level(logging.INFO, "automodel_extras"):
        loaded = BertForTextEmbedding.from_pretrained("shelf:mine")
    assert torch.equal(embeddings(loaded), embeddings(model))
    assert "loaded BertForTextEmbedding of shelf:mine" in caplog.text
