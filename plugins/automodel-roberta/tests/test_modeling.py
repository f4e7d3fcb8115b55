"""RoBERTa alone: names on disk, positions that count no padding, decoding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import automodel_roberta
from automodel_core import AutoModelForMaskedLM, AutoModelForSequenceClassification
from automodel_core.errors import InputError
from automodel_roberta import (
    CamembertConfig,
    CamembertForMaskedLM,
    RobertaConfig,
    XLMRobertaForSequenceClassification,
)

SMALL: dict[str, Any] = {
    "vocab_size": 31,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 12,
}


def build(head: str = "RobertaModel", **config: Any) -> Any:
    """Return a model whose weights are all random, norms and biases too."""
    kind = getattr(automodel_roberta, head)
    model = kind(kind.config_class(**{**SMALL, **config})).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0.0, 0.3, generator=generator)
    return model


def tokens(*shape: int) -> Tensor:
    return torch.randint(3, 31, shape, generator=torch.Generator().manual_seed(1))


def test_positions_begin_behind_the_padding_and_skip_it() -> None:
    model, ids = build(), tokens(1, 5)
    expected = model(ids, position_ids=torch.tensor([[2, 3, 4, 5, 6]])).last_hidden_state
    torch.testing.assert_close(model(ids).last_hidden_state, expected)
    for columns in (slice(0, 5), slice(3, 8)):
        padded, mask = torch.full((1, 8), 1), torch.zeros(1, 8, dtype=torch.long)
        padded[:, columns], mask[:, columns] = ids, 1
        found = model(padded, attention_mask=mask).last_hidden_state
        torch.testing.assert_close(found[:, columns], expected)


def test_there_are_fewer_positions_than_rows() -> None:
    model = build()
    assert model(tokens(1, 10)).last_hidden_state.shape == (1, 10, 16)
    with pytest.raises(InputError, match="11 positions are more than max_position_embeddings=10"):
        model(tokens(1, 11))


def test_the_names_of_heads_on_disk_are_the_hubs() -> None:
    scorer = build("RobertaForSequenceClassification").hub_state_dict()
    assert {name for name in scorer if not name.startswith("roberta.")} == {
        f"classifier.{part}.{leaf}" for part in ("dense", "out_proj") for leaf in ("weight", "bias")
    }
    assert not any("pooler" in name for name in scorer)
    guesser = build("XLMRobertaForMaskedLM").hub_state_dict()
    layers = {f"lm_head.{part}.weight" for part in ("dense", "layer_norm", "decoder")}
    biases = {name.replace("weight", "bias") for name in layers}
    expected = {"lm_head.bias", *layers, *biases}
    assert {name for name in guesser if not name.startswith("roberta.")} == expected


def test_a_guesser_becomes_a_classifier(tmp_path: Path) -> None:
    build("CamembertForMaskedLM").save_pretrained(tmp_path)
    assert type(AutoModelForMaskedLM.from_pretrained(tmp_path)) is CamembertForMaskedLM
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path, num_labels=3)
    assert isinstance(model.config, CamembertConfig)
    assert model(tokens(2, 5)).logits.shape == (2, 3)
    report = model.load_report
    assert {name.split(".")[0] for name in report.missing} == {"classifier"}
    assert {name.split(".")[0] for name in report.unexpected} == {"lm_head"}


def test_the_three_share_their_weights() -> None:
    state = build("RobertaForSequenceClassification").hub_state_dict()
    config = XLMRobertaForSequenceClassification.config_class(**SMALL)
    model = XLMRobertaForSequenceClassification.from_pretrained(
        None, config=config, state_dict=state
    )
    ids = tokens(2, 6)
    expected = build("RobertaForSequenceClassification")(ids).logits
    assert torch.equal(model(ids).logits, expected)


@pytest.mark.parametrize("position", ["absolute", "relative_key", "relative_key_query"])
@torch.no_grad()
def test_a_decoder_continues_from_its_cache(position: str) -> None:
    model = build("RobertaForCausalLM", is_decoder=True, position_embedding_type=position)
    ids = tokens(2, 3)
    expected = ids
    for _ in range(5):
        following = model(expected, use_cache=False).logits[:, -1].argmax(dim=-1)
        expected = torch.cat([expected, following[:, None]], dim=1)
    options = {"max_new_tokens": 5, "eos_token_id": None}
    assert model.generate(ids, **options).tolist() == expected.tolist()


def test_the_body_has_its_name_on_the_hub() -> None:
    for name in ("Roberta", "XLMRoberta", "Camembert"):
        model = build(f"{name}ForTokenClassification")
        assert model.roberta is model.base_model is model.model
    assert RobertaConfig().vocab_size == 50265
