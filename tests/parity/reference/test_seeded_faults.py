"""Faults that agree with themselves, which only another implementation's numbers tell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from automodel_bert import BertConfig, modeling as bert
from automodel_core.checkpoint import WeightNames
from automodel_core.errors import IncompleteCheckpointError
from automodel_core.families.bert import models as bert_family
from automodel_core.layers import RMSNorm, RotaryEmbedding
from automodel_core.layers.kernels import attention_functions
from automodel_core.testing import CheckFailedError, Subject, checks_of
from automodel_core.testing.reference import record
from automodel_core.testing.tiny import decoder_tasks
from automodel_gpt2 import modeling as gpt2, weights as gpt2_weights
from automodel_llama import LlamaConfig
from automodel_vit import modeling as vit
from support.parity import IS_5
from support.tiny_plugin import Site

SIZES = {
    "vocab_size": 99, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4,
    "intermediate_size": 24, "max_position_embeddings": 32,
}  # fmt: skip
TINY: dict[str, dict[str, Any]] = {
    "bert": {**SIZES, "layer_norm_eps": 0.05},
    "gpt2": {
        "vocab_size": 99, "n_positions": 32, "n_embd": 16, "n_layer": 2, "n_head": 4,
        "bos_token_id": 2, "eos_token_id": 2, "pad_token_id": 0,
    },
    "llama": {
        **SIZES, "num_key_value_heads": 2, "pad_token_id": 0, "rms_norm_eps": 0.05,
        "rope_parameters": {"rope_type": "default", "rope_theta": 20.0},
    },
    "roberta": {**SIZES, "type_vocab_size": 1},
    "vit": {
        "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4, "image_size": 12,
        "intermediate_size": 24, "patch_size": 4, "encoder_stride": 4,
    },
}  # fmt: skip
TASKS = {
    "bert": ("masked-lm",), "gpt2": ("causal-lm",), "llama": ("causal-lm",),
    "roberta": ("masked-lm",), "vit": ("image-classification",),
}  # fmt: skip

pytestmark = pytest.mark.skipif(not IS_5, reason="compared with one major version")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("references")
    site = Site(folder)
    for name in TINY:
        points = {name: f"automodel_{name}.plugin"}
        site.metadata(f"automodel-{name}", "automodel.architectures", points)
    with pytest.MonkeyPatch.context() as patch:
        site.use(patch)
        for name, values in TINY.items():
            subject = Subject(name, values, decoder_tasks(name) or {})
            record(subject, folder / name, TASKS[name])
    return folder


def check(folder: Path, name: str) -> None:
    """Compare an architecture with what was recorded."""
    tasks = decoder_tasks(name) or {}
    checks = checks_of(name, TINY[name], task_configs=tasks, reference=folder / name)
    compared = [check for check in checks if "reference" in check.id]
    assert compared
    for each in compared:
        each()


@pytest.mark.parametrize("name", TINY)
def test_without_a_fault_it_is_equal(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Site(folder).use(monkeypatch)
    check(folder, name)


Fault = Callable[[pytest.MonkeyPatch], None]
FAULTS: dict[str, tuple[str, Fault]] = {}


def seen(name: str) -> Callable[[Fault], Fault]:
    def register(fault: Fault) -> Fault:
        FAULTS[fault.__name__] = name, fault
        return fault

    return register


@seen("bert")
def query_and_key_are_swapped(patch: pytest.MonkeyPatch) -> None:
    names = bert.bert_names
    swap = {"q_proj": "k_proj", "k_proj": "q_proj"}

    def swapped(body: str, *, is_tied: bool) -> WeightNames:
        table = names(body, is_tied=is_tied)
        rules = {
            hub: ".".join(swap.get(part, part) for part in module.split("."))
            for hub, module in table.rules.items()
        }
        return WeightNames(rules, aliases=table.aliases, segment_aliases=table.segment_aliases)

    patch.setattr(bert, "bert_names", swapped)


@seen("bert")
def the_epsilon_of_norms_is_ignored(patch: pytest.MonkeyPatch) -> None:
    usual = bert_family.layer_norm
    patch.setattr(bert_family, "layer_norm", lambda size, eps=0.0: usual(size))


@seen("bert")
def the_activation_is_ignored(patch: pytest.MonkeyPatch) -> None:
    feed_forward = bert_family.FeedForward
    patch.setattr(
        bert_family,
        "FeedForward",
        lambda *sizes, activation: feed_forward(*sizes, activation="relu"),
    )


@seen("bert")
def a_default_is_not_that_of_the_hub(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(BertConfig, "type_vocab_size", 3)
    from automodel_core.fields import fields_of

    fields_of.cache_clear()


def gpt2_names(patch: pytest.MonkeyPatch, hub: str = "transformer", **changes: Any) -> None:
    tables = {
        "rules": gpt2_weights.BODY_NAMES,
        "fused": gpt2_weights.FUSED,
        "transposed": gpt2_weights.TRANSPOSED,
        **changes,
    }

    def names(body: str) -> WeightNames:
        table = WeightNames(**tables)
        return table.nested(hub=hub, module=body) if body else table

    patch.setattr(gpt2, "gpt2_names", names)


@seen("gpt2")
def a_square_matrix_is_not_transposed(patch: pytest.MonkeyPatch) -> None:
    kept = [name for name in gpt2_weights.TRANSPOSED if name != "h.*.attn.c_proj"]
    gpt2_names(patch, transposed=kept)


@seen("gpt2")
def fused_parts_are_in_another_order(patch: pytest.MonkeyPatch) -> None:
    query, key, value = gpt2_weights.FUSED["h.*.attn.c_attn"]
    gpt2_names(patch, fused={**gpt2_weights.FUSED, "h.*.attn.c_attn": (query, value, key)})


@seen("gpt2")
def the_prefix_of_the_body_is_misspelt(patch: pytest.MonkeyPatch) -> None:
    gpt2_names(patch, hub="transfomer")
    patch.setattr(gpt2.GPT2PreTrainedModel, "base_model_prefix", "transfomer")


@seen("llama")
def theta_is_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(LlamaConfig, "rope", property(lambda config: {"rope_theta": 10_000.0}))


@seen("llama")
def grouped_heads_are_repeated_in_another_order(patch: pytest.MonkeyPatch) -> None:
    def attend_in_groups(
        query: Tensor, key: Tensor, value: Tensor, mask: Any, *, function: Any = None, **more: Any
    ) -> Tensor:
        group = query.shape[1] // key.shape[1]
        key, value = (tensor.repeat(1, group, 1, 1) for tensor in (key, value))
        return attention_functions.sdpa_attention(query, key, value, mask, **more)

    from automodel_core.layers import attention

    patch.setattr(attention.Attention, "_function", lambda self: attend_in_groups)


@seen("llama")
def the_epsilon_of_rms_norms_is_ignored(patch: pytest.MonkeyPatch) -> None:
    init = RMSNorm.__init__
    patch.setattr(RMSNorm, "__init__", lambda self, size, eps=0.0: init(self, size))


@seen("llama")
def features_turn_in_pairs_of_neighbours(patch: pytest.MonkeyPatch) -> None:
    frequencies = RotaryEmbedding.frequencies
    patch.setattr(RotaryEmbedding, "frequencies", lambda self, ids: frequencies(self, ids).flip(-1))


@seen("roberta")
def positions_begin_one_later(patch: pytest.MonkeyPatch) -> None:
    place = bert_family.PositionsBehindPadding.place

    def later(model: Any, embedded: Tensor, inputs: Any) -> Tensor:
        inputs.position_ids = inputs.span.positions[None] + model.first_position + 1
        return place(model, embedded, inputs)

    patch.setattr(bert_family.PositionsBehindPadding, "place", later)


@seen("vit")
def the_classifier_reads_the_second_token(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        vit.ViTForImageClassification,
        "classify",
        lambda self, body: self.classifier(body.last_hidden_state[:, 1]),
    )


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(fault: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, seed = FAULTS[fault]
    Site(folder).use(monkeypatch)
    seed(monkeypatch)
    with pytest.raises((CheckFailedError, IncompleteCheckpointError)):
        check(folder, name)
