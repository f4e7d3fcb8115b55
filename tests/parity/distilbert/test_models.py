"""DistilBERT against the reference: numbers and files."""

from __future__ import annotations

from typing import Any

import torch
import transformers

import automodel_distilbert
from automodel_distilbert import DistilBertConfig, DistilBertModel
from support.family import Case, Family
from support.parity import ArchitectureParity

HEADS = (
    "DistilBertModel", "DistilBertForMaskedLM", "DistilBertForSequenceClassification",
    "DistilBertForMultipleChoice", "DistilBertForTokenClassification",
    "DistilBertForQuestionAnswering",
)  # fmt: skip


class WithFixedSinusoids(Family):
    def reference(self, case: Case, head: str, seed: int = 0, **more: Any) -> Any:
        """Return a model that does not learn sinusoids, which transformers 5 does."""
        model = super().reference(case, head, seed, **more)
        table = model.base_model.embeddings.position_embeddings
        table.requires_grad_(not model.config.sinusoidal_pos_embds)
        return model


class TestDistilBert(ArchitectureParity):
    family = WithFixedSinusoids(
        package=automodel_distilbert,
        heads=HEADS,
        small={
            "vocab_size": 40, "dim": 16, "hidden_dim": 28, "n_layers": 2, "n_heads": 2,
            "max_position_embeddings": 24, "pad_token_id": 0,
        },
        cases={
            "padded": Case(),
            "sinusoids": Case({"sinusoidal_pos_embds": True}),
            "three layers": Case({"n_layers": 3, "n_heads": 4}, padding="none"),
            "one layer, one head": Case({"n_layers": 1, "n_heads": 1, "dim": 6}),
            "five heads, one label": Case({"n_heads": 5, "dim": 35, "num_labels": 1}),
            "relu, five labels": Case({"activation": "relu", "num_labels": 5}, lengths=(17, 6)),
            "far padding": Case({"pad_token_id": 5}, padding="left"),
            "output layer of its own": Case({"tie_word_embeddings": False}, untied=True),
        },
        by_head={"DistilBertForQuestionAnswering": {"num_labels": 2}},
        pad=0,
    )  # fmt: skip


def test_sinusoids_are_computed_where_a_file_has_none() -> None:
    settings = {"dim": 14, "n_heads": 2, "n_layers": 1, "sinusoidal_pos_embds": True}
    reference = transformers.DistilBertModel(transformers.DistilBertConfig(**settings))
    table = reference.embeddings.position_embeddings.weight
    model = DistilBertModel(DistilBertConfig(**settings))
    torch.testing.assert_close(model.embed_positions.weight, table.detach(), rtol=0, atol=1e-7)
