"""ELECTRA alone: its configuration, names on disk, detector, summary and tokenizer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

import automodel_electra
from automodel_core import AutoConfig, AutoModelForPreTraining, AutoTokenizer
from automodel_core.errors import ConfigurationError
from automodel_electra import ElectraConfig, ElectraForPreTraining, ElectraTokenizer

SMALL: dict[str, Any] = {
    "vocab_size": 31,
    "embedding_size": 10,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 12,
}
# config.json of google/electra-small-discriminator, as it stands on the hub.
SMALL_DISCRIMINATOR = {
    "architectures": ["ElectraForPreTraining"],
    "attention_probs_dropout_prob": 0.1,
    "embedding_size": 128,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 256,
    "initializer_range": 0.02,
    "intermediate_size": 1024,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 512,
    "model_type": "electra",
    "num_attention_heads": 4,
    "num_hidden_layers": 12,
    "pad_token_id": 0,
    "position_embedding_type": "absolute",
    "summary_activation": "gelu",
    "summary_last_dropout": 0.1,
    "summary_type": "first",
    "summary_use_proj": True,
    "transformers_version": "4.0.0",
    "type_vocab_size": 2,
    "vocab_size": 30522,
}


def build(head: str = "ElectraModel", **config: Any) -> Any:
    torch.manual_seed(0)
    return getattr(automodel_electra, head)(ElectraConfig(**{**SMALL, **config})).eval()


def tokens(*shape: int) -> Tensor:
    return torch.randint(1, 31, shape, generator=torch.Generator().manual_seed(1))


def test_every_key_survives_reading_and_writing(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(SMALL_DISCRIMINATOR))
    config = AutoConfig.from_pretrained(tmp_path)
    assert type(config) is ElectraConfig
    config.save_pretrained(tmp_path / "again")
    written = json.loads((tmp_path / "again" / "config.json").read_text())
    assert written.items() >= SMALL_DISCRIMINATOR.items()


def test_a_summary_that_was_never_defined_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="summary_type='attn'"):
        build("ElectraForMultipleChoice", summary_type="attn")
    with pytest.raises(ConfigurationError, match="summary_type"):
        ElectraConfig(summary_type="middle")


@pytest.mark.parametrize("size", [10, 16])
def test_the_names_on_disk_are_the_hubs(size: int) -> None:
    def own(head: str) -> set[str]:
        names = build(head, embedding_size=size).hub_state_dict()
        return {name for name in names if not name.startswith("electra.")}

    def both(*parts: str) -> set[str]:
        return {f"{part}.{leaf}" for part in parts for leaf in ("weight", "bias")}

    projected = "embeddings_project.weight" in build(embedding_size=size).hub_state_dict()
    assert projected == (size == 10)
    assert own("ElectraForPreTraining") == both(
        "discriminator_predictions.dense", "discriminator_predictions.dense_prediction"
    )
    generator = both(
        "generator_predictions.dense", "generator_predictions.LayerNorm", "generator_lm_head"
    )
    assert own("ElectraForMaskedLM") == own("ElectraForCausalLM") == generator
    assert own("ElectraForMultipleChoice") == both("sequence_summary.summary", "classifier")


@torch.no_grad()
def test_tokens_that_are_hidden_or_not_labelled_do_not_count() -> None:
    model, ids = build("ElectraForPreTraining"), tokens(2, 6)
    mask = torch.tensor([[1, 1, 1, 1, 0, 0], [1] * 6])
    labels = ids % 2
    found = model(ids, attention_mask=mask, labels=labels)
    shown = mask == 1
    expected = F.binary_cross_entropy_with_logits(found.logits[shown], labels[shown].float())
    torch.testing.assert_close(found.loss, expected)
    labels = labels.masked_fill(mask == 0, -100)
    torch.testing.assert_close(model(ids, attention_mask=mask, labels=labels).loss, expected)
    whole = model(ids, labels=ids % 2)
    expected = F.binary_cross_entropy_with_logits(whole.logits, (ids % 2).float())
    torch.testing.assert_close(whole.loss, expected)


@torch.no_grad()
@pytest.mark.parametrize("kind", ["first", "last", "mean"])
def test_a_choice_is_scored_by_a_summary(kind: str) -> None:
    model, ids = build("ElectraForMultipleChoice", summary_type=kind), tokens(2, 3, 5)
    states = model.base_model(ids.flatten(0, 1)).last_hidden_state
    chosen = {"first": states[:, 0], "last": states[:, -1], "mean": states.mean(1)}[kind]
    expected = model.classifier(F.gelu(model.sequence_summary.summary(chosen))).view(2, 3)
    torch.testing.assert_close(model(ids).logits, expected)


def test_the_discriminator_is_the_pretrained_model(tmp_path: Path) -> None:
    build("ElectraForPreTraining").save_pretrained(tmp_path)
    assert type(AutoModelForPreTraining.from_pretrained(tmp_path)) is ElectraForPreTraining


@pytest.mark.parametrize("named", ["ElectraTokenizer", "ElectraTokenizerFast", "BertTokenizer"])
def test_the_tokenizer_is_berts(named: str, tmp_path: Path) -> None:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "dog"]
    (tmp_path / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": named}))
    (tmp_path / "config.json").write_text('{"model_type": "electra"}')
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert isinstance(tokenizer, ElectraTokenizer)
    encoded = tokenizer("The dog", "the")
    assert encoded["input_ids"] == [2, 5, 6, 3, 5, 3]
    assert encoded["token_type_ids"] == [0, 0, 0, 0, 1, 1]


def test_neither_the_configuration_nor_the_manifest_imports_torch() -> None:
    code = (
        "import sys, automodel_electra, automodel_electra.plugin; "
        "from automodel_electra import ElectraConfig; ElectraConfig(); "
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
