"""Adapters of languages: loaded with a checkpoint or later, trained anew; PEFT keeps its method."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from automodel_core import AutoModelForCTC, AutoTokenizer
from automodel_core.errors import (
    CheckpointNotFoundError,
    ConfigurationError,
    InputError,
    TokenizationError,
)
from automodel_wav2vec2 import Wav2Vec2Config, Wav2Vec2CTCTokenizer, Wav2Vec2ForCTC

SMALL: dict[str, Any] = {
    "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 8,
    "conv_dim": [4, 4], "conv_stride": [10, 4], "conv_kernel": [12, 4], "vocab_size": 6,
    "num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2, "adapter_attn_dim": 3,
    "do_stable_layer_norm": True, "feat_extract_norm": "layer",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a checkpoint with adapters of two languages, one of them with more symbols."""
    pytest.importorskip("numpy", reason="safetensors writes torch's tensors by NumPy")
    model = Wav2Vec2ForCTC(Wav2Vec2Config(**SMALL))
    model.save_pretrained(tmp_path)
    for language, symbols, form in (("fra", 6, "safetensors"), ("deu", 9, "bin")):
        state = {name: torch.randn_like(value) for name, value in model._get_adapters().items()}
        state["lm_head.weight"] = torch.randn(symbols, 8)
        state["lm_head.bias"] = torch.randn(symbols)
        path = tmp_path / f"adapter.{language}.{form}"
        save_file(state, path) if form == "safetensors" else torch.save(state, path)
    return tmp_path


def weight(model: Any) -> torch.Tensor:
    found: torch.Tensor = model.model.stack.layers[1].adapter.down_proj.weight
    return found


def test_a_language_is_loaded_with_the_model_and_changed(folder: Path) -> None:
    plain = AutoModelForCTC.from_pretrained(folder)
    french = AutoModelForCTC.from_pretrained(folder, target_lang="fra")
    assert not torch.equal(weight(plain), weight(french))
    assert french.target_lang == "fra"
    french.load_adapter("deu")
    assert french.config.vocab_size == 9
    assert french(torch.randn(1, 400)).logits.shape[-1] == 9
    plain.load_adapter("fra")
    again = AutoModelForCTC.from_pretrained(folder, target_lang="fra")
    assert torch.equal(weight(plain), weight(again))
    french.load_adapter("deu", force_load=False)


def test_what_cannot_be_loaded(folder: Path) -> None:
    model = AutoModelForCTC.from_pretrained(folder)
    with pytest.raises(CheckpointNotFoundError, match=r"no adapter of 'ita': adapter.ita.safe"):
        model.load_adapter("ita")
    with pytest.raises(CheckpointNotFoundError, match=r"adapter.deu.safetensors was expected"):
        model.load_adapter("deu", use_safetensors=True)
    save_file({"lm_head.weight": torch.zeros(2, 8)}, folder / "adapter.bad.safetensors")
    with pytest.raises(InputError, match=r"the adapter of 'bad' does not fit: it lacks .*linear_1"):
        model.load_adapter("bad")
    with pytest.raises(ConfigurationError, match="no adapter_attn_dim"):
        Wav2Vec2ForCTC(Wav2Vec2Config(**{**SMALL, "adapter_attn_dim": None}), target_lang="fra")


def test_adapters_are_drawn_anew_and_trained_alone(folder: Path) -> None:
    model = AutoModelForCTC.from_pretrained(folder, target_lang="fra")
    before = weight(model).clone()
    model.init_adapter_layers()
    assert not torch.equal(weight(model), before)
    model.freeze_base_model()
    for parameter in model._get_adapters().values():
        parameter.requires_grad = True
    learning = {name for name, p in model.named_parameters() if p.requires_grad}
    assert learning == {n for n in dict(model.named_parameters()) if "adapter" in n or "lm_" in n}


def test_a_vocabulary_for_each_language(tmp_path: Path) -> None:
    vocabularies = {"eng": {"<pad>": 0, "<unk>": 1, "|": 2, "a": 3}, "fra": {"<pad>": 0}}
    vocabularies["fra"] |= {"<unk>": 1, "|": 2, "à": 3, "a": 4}
    (tmp_path / "vocab.json").write_text(json.dumps(vocabularies), encoding="utf-8")
    tokenizer = Wav2Vec2CTCTokenizer(tmp_path / "vocab.json", target_lang="eng")
    assert tokenizer("a à")["input_ids"] == [3, 2, 1]
    tokenizer.set_target_lang("fra")
    tokenizer.save_pretrained(tmp_path / "saved")
    again = AutoTokenizer.from_pretrained(tmp_path / "saved")
    for one in (tokenizer, again):
        assert one("a à")["input_ids"] == [4, 2, 3]
    with pytest.raises(TokenizationError, match="target_lang='ita' has no vocabulary here"):
        tokenizer.set_target_lang("ita")
    assert tokenizer.target_lang == "fra"
    with pytest.raises(TokenizationError, match="languages are eng, fra"):
        Wav2Vec2CTCTokenizer(tmp_path / "vocab.json")
