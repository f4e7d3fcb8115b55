"""DistilBERT alone: names on disk, sinusoids, dropout of its heads, its tokenizer."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import automodel_distilbert
from automodel_core import AutoTokenizer
from automodel_distilbert import DistilBertConfig, DistilBertTokenizer

SMALL: dict[str, Any] = {
    "vocab_size": 31,
    "dim": 16,
    "hidden_dim": 24,
    "n_layers": 1,
    "n_heads": 2,
    "max_position_embeddings": 12,
}


def build(head: str = "DistilBertModel", **config: Any) -> Any:
    torch.manual_seed(0)
    return getattr(automodel_distilbert, head)(DistilBertConfig(**{**SMALL, **config})).eval()


def tokens(*shape: int) -> Tensor:
    return torch.randint(1, 31, shape, generator=torch.Generator().manual_seed(1))


def test_the_names_on_disk_are_the_hubs() -> None:
    body = {
        "embeddings.word_embeddings.weight",
        "embeddings.position_embeddings.weight",
        "embeddings.LayerNorm.weight",
        "embeddings.LayerNorm.bias",
    }
    for part in ("q_lin", "k_lin", "v_lin", "out_lin"):
        body |= {f"transformer.layer.0.attention.{part}.{leaf}" for leaf in ("weight", "bias")}
    for part in ("sa_layer_norm", "ffn.lin1", "ffn.lin2", "output_layer_norm"):
        body |= {f"transformer.layer.0.{part}.{leaf}" for leaf in ("weight", "bias")}
    assert build().hub_state_dict().keys() == body
    heads = {
        "DistilBertForMaskedLM": ("vocab_transform", "vocab_layer_norm", "vocab_projector"),
        "DistilBertForSequenceClassification": ("pre_classifier", "classifier"),
        "DistilBertForMultipleChoice": ("pre_classifier", "classifier"),
        "DistilBertForQuestionAnswering": ("qa_outputs",),
    }
    for head, parts in heads.items():
        own = {f"{part}.{leaf}" for part in parts for leaf in ("weight", "bias")}
        expected = {f"distilbert.{name}" for name in body} | own
        assert build(head).hub_state_dict().keys() == expected


@pytest.mark.parametrize("changed", [False, True])
def test_sinusoids_are_those_of_the_file(changed: bool, tmp_path: Path) -> None:
    model = build(sinusoidal_pos_embds=True)
    table = model.embed_positions.weight
    assert not table.requires_grad
    angles = (3.0, 3 / 10_000 ** (2 / 16))
    expected = [wave(angle) for angle in angles for wave in (math.sin, math.cos)]
    assert table[3, :4].tolist() == pytest.approx(expected)
    if changed:
        table.mul_(2.0)
    model.save_pretrained(tmp_path)
    again = type(model).from_pretrained(tmp_path)
    assert torch.equal(again.embed_positions.weight, table)
    again.resize_position_embeddings(20)
    assert again(tokens(1, 20)).last_hidden_state.shape == (1, 20, 16)


def test_heads_drop_what_the_configuration_says() -> None:
    model = build("DistilBertForQuestionAnswering", qa_dropout=0.9, dropout=0.0).train()
    kept, dropped = ([model(tokens(1, 8)).start_logits for _ in range(2)] for model in [model] * 2)
    assert not torch.equal(kept[0], dropped[0])
    rates = {
        head: build(f"DistilBertFor{head}", seq_classif_dropout=0.3, dropout=0.4).dropout.p
        for head in ("SequenceClassification", "MultipleChoice", "TokenClassification")
    }
    assert rates == {
        "SequenceClassification": 0.3, "MultipleChoice": 0.3, "TokenClassification": 0.4,
    }  # fmt: skip


def test_there_is_no_pooler_and_there_are_no_token_types() -> None:
    model = build()
    assert "pooler_output" not in model(tokens(2, 4))
    assert not any(isinstance(m, nn.Embedding) and m.num_embeddings == 2 for m in model.modules())


@pytest.mark.parametrize("named", ["DistilBertTokenizer", "BertTokenizer", "BertTokenizerFast"])
def test_the_tokenizer_has_no_token_types(named: str, tmp_path: Path) -> None:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "dog"]
    (tmp_path / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    (tmp_path / "tokenizer_config.json").write_text(f'{{"tokenizer_class": "{named}"}}')
    (tmp_path / "config.json").write_text('{"model_type": "distilbert"}')
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert isinstance(tokenizer, DistilBertTokenizer)
    encoded = tokenizer("The dog", "the")
    assert encoded.data == {"input_ids": [2, 5, 6, 3, 5, 3], "attention_mask": [1] * 6}
    assert tokenizer("a", "b", return_token_type_ids=True)["token_type_ids"] == [0, 0, 0, 1, 1]
    tokenizer.save_pretrained(tmp_path / "saved")
    assert (tmp_path / "saved" / "vocab.txt").exists()
    assert AutoTokenizer.from_pretrained(tmp_path / "saved")("dog")["input_ids"] == [2, 6, 3]
