"""Checkpoints of TensorFlow 1 under their authors' names load as by the reference's converters."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

import automodel_core
from automodel_core import registry
from foreign.cases import BERT, GPT2, T5
from foreign.write import bundle

DENSE = {"kernel": "weight", "bias": "bias"}
NORM = {"gamma": "weight", "beta": "bias"}
OUTPUT = {"output_weights": "weight", "output_bias": "bias"}
OPENAI = {"w": "weight", "b": "bias"}
MESH = {"kernel": "weight"}
SCALE = {"scale": "weight"}
ITSELF = {"": "weight"}
"""What the last levels of names are here and there; without one, the module is the variable."""

Names = Mapping[str, tuple[str, Mapping[str, str]]]
"""A module's name in TensorFlow, in torch, and its last levels."""


def numbered(names: Names, count: int) -> dict[str, tuple[str, Mapping[str, str]]]:
    """Return the names of so many layers, whose number stands at ``#``."""
    return {
        theirs.replace("#", str(number)): (hub.replace("#", str(number)), last)
        for number in range(count)
        for theirs, (hub, last) in names.items()
    }


LAYER = {
    **{f"attention/self/{part}": f"attention.self.{part}" for part in ("query", "key", "value")},
    "attention/output/dense": "attention.output.dense",
    "intermediate/dense": "intermediate.dense",
    "output/dense": "output.dense",
}
EMBEDDINGS = [f"{part}_embeddings" for part in ("word", "position", "token_type")]


def bert(model: str) -> Names:
    """Return the names of a body that Google wrote as it wrote BERT's."""
    layer = {
        f"{model}/encoder/layer_#/{a}": (f"{model}.encoder.layer.#.{b}", DENSE)
        for a, b in LAYER.items()
    }
    for part in ("attention/output", "output"):
        norm = f"{model}.encoder.layer.#.{part.replace('/', '.')}.LayerNorm"
        layer[f"{model}/encoder/layer_#/{part}/LayerNorm"] = norm, NORM
    return {
        **{f"{model}/embeddings/{e}": (f"{model}.embeddings.{e}", ITSELF) for e in EMBEDDINGS},
        f"{model}/embeddings/LayerNorm": (f"{model}.embeddings.LayerNorm", NORM),
        **numbered(layer, 2),
    }


POOLED = {**bert("bert"), "bert/pooler/dense": ("bert.pooler.dense", DENSE)}
GROUP = "bert/encoder/transformer/group_0/inner_group_0"
ALBERT_LAYER = "albert.encoder.albert_layer_groups.0.albert_layers.0"
ALBERT = {
    **{f"bert/embeddings/{e}": (f"albert.embeddings.{e}", ITSELF) for e in EMBEDDINGS},
    "bert/embeddings/LayerNorm": ("albert.embeddings.LayerNorm", NORM),
    "bert/encoder/embedding_hidden_mapping_in": (
        "albert.encoder.embedding_hidden_mapping_in",
        DENSE,
    ),
    **{
        f"{GROUP}/attention_1/self/{part}": (f"{ALBERT_LAYER}.attention.{part}", DENSE)
        for part in ("query", "key", "value")
    },
    f"{GROUP}/attention_1/output/dense": (f"{ALBERT_LAYER}.attention.dense", DENSE),
    f"{GROUP}/LayerNorm": (f"{ALBERT_LAYER}.attention.LayerNorm", NORM),
    f"{GROUP}/ffn_1/intermediate/dense": (f"{ALBERT_LAYER}.ffn", DENSE),
    f"{GROUP}/ffn_1/intermediate/output/dense": (f"{ALBERT_LAYER}.ffn_output", DENSE),
    f"{GROUP}/LayerNorm_1": (f"{ALBERT_LAYER}.full_layer_layer_norm", NORM),
    "bert/pooler/dense": ("albert.pooler", DENSE),
}
ELECTRA = {
    **bert("electra"),
    "electra/embeddings_project": ("electra.embeddings_project", DENSE),
    "discriminator_predictions/dense": ("discriminator_predictions.dense", DENSE),
    "discriminator_predictions/dense_1": ("discriminator_predictions.dense_prediction", DENSE),
}
DISCRIMINATOR = {name: names for name, names in ELECTRA.items() if "/encoder/" in name}
SHARED = {name: names for name, names in ELECTRA.items() if "/embeddings/" in name}
GENERATOR = {
    **SHARED,
    **{
        theirs.replace("electra/", "generator/"): names
        for theirs, names in ELECTRA.items()
        if "/encoder/" in theirs or "embeddings_project" in theirs
    },
    "generator_predictions/dense": ("generator_predictions.dense", DENSE),
    "generator_predictions/LayerNorm": ("generator_predictions.LayerNorm", NORM),
    "generator_predictions": ("generator_lm_head", {"output_bias": "bias"}),
}
OF_GENERATOR = {r"^electra\.(?!embeddings\.)": "discriminator.", r"^generator\.": "electra."}
OPENAIS = {
    "model/wte": ("transformer.wte", ITSELF),
    "model/wpe": ("transformer.wpe", ITSELF),
    **numbered(
        {
            **{
                f"model/h#/{part}": (f"transformer.h.#.{part.replace('/', '.')}", OPENAI)
                for part in ("attn/c_attn", "attn/c_proj", "mlp/c_fc", "mlp/c_proj")
            },
            **{
                f"model/h#/{norm}": (f"transformer.h.#.{norm}", {"g": "weight", "b": "bias"})
                for norm in ("ln_1", "ln_2")
            },
        },
        2,
    ),
    "model/ln_f": ("transformer.ln_f", {"g": "weight", "b": "bias"}),
}


def mesh(*, gated: bool) -> Names:
    """Return the names of T5, as Mesh TensorFlow wrote them."""
    names: dict[str, tuple[str, Mapping[str, str]]] = {
        "shared": ("shared", {"embedding": "weight"})
    }
    for side, parts in (
        ("encoder", ["SelfAttention"]),
        ("decoder", ["SelfAttention", "EncDecAttention"]),
    ):
        for block in range(2):
            theirs, hub = f"{side}/block_{block:03}", f"{side}.block.{block}"
            for number, part in enumerate([*parts, "DenseReluDense"]):
                layer, place = f"{theirs}/layer_{number:03}", f"{hub}.layer.{number}"
                norm = "rms_norm" if gated else "layer_norm"
                names[f"{layer}/{norm}"] = f"{place}.layer_norm", SCALE
                if part == "DenseReluDense":
                    inner = ["wi_0", "wi_1", "wo"] if gated else ["wi", "wo"]
                    names |= {f"{layer}/{part}/{w}": (f"{place}.{part}.{w}", MESH) for w in inner}
                else:
                    names |= {
                        f"{layer}/{part}/{w}": (f"{place}.{part}.{w}", ITSELF) for w in "qkvo"
                    }
            if block == 0:
                biases = "SelfAttention/relative_attention_bias"
                place = f"{hub}.layer.0.{biases.replace('/', '.')}"
                names[f"{theirs}/layer_000/{biases}"] = place, ITSELF
        norm = "rms_norm" if gated else "final_layer_norm"
        names[f"{side}/{norm}"] = f"{side}.final_layer_norm", SCALE
    return names | ({"decoder/logits": ("lm_head", MESH)} if gated else {})


@dataclass(frozen=True)
class Release:
    """A checkpoint: its model type and head, and the names of its variables."""

    model_type: str
    head: str
    keys: Mapping[str, Any]
    names: Names
    can_be_converted: bool = True
    """Whether the reference's converter knows these names of the head."""
    key_mapping: Mapping[str, str] | None = None
    others: Names = field(default_factory=dict)
    """Variables of another model in the file, which are not to be read."""


TRANSFORM = {
    "cls/predictions/transform/dense": ("cls.predictions.transform.dense", DENSE),
    "cls/predictions/transform/LayerNorm": ("cls.predictions.transform.LayerNorm", NORM),
    "cls/predictions": ("cls.predictions", {"output_bias": "bias"}),
    "cls/seq_relationship": ("cls.seq_relationship", OUTPUT),
}
PREDICTIONS = {
    "cls/predictions/transform/dense": ("predictions.dense", DENSE),
    "cls/predictions/transform/LayerNorm": ("predictions.LayerNorm", NORM),
    "cls/predictions": ("predictions", {"output_bias": "bias"}),
    "cls/seq_relationship": ("sop_classifier.classifier", OUTPUT),
}
ANSWERING = {**bert("bert"), "cls/squad": ("qa_outputs", OUTPUT)}
GATED = {**T5, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}
NARROW = {**BERT, "embedding_size": 6}
TAPAS = {
    "bert/embeddings/word_embeddings": ("tapas.embeddings.word_embeddings", ITSELF),
    "bert/embeddings/position_embeddings": ("tapas.embeddings.position_embeddings", ITSELF),
    **{
        f"bert/embeddings/token_type_embeddings_{kind}": (
            f"tapas.embeddings.token_type_embeddings_{kind}",
            ITSELF,
        )
        for kind in range(7)
    },
    **{
        theirs: (hub.replace("bert.", "tapas.", 1), last)
        for theirs, (hub, last) in POOLED.items()
        if "_embeddings" not in theirs
    },
    "output_weights": ("output_weights", {"": ""}),
    "output_bias": ("output_bias", {"": ""}),
    "column_output_weights": ("column_output_weights", {"": ""}),
    "column_output_bias": ("column_output_bias", {"": ""}),
    "output_weights_agg": ("aggregation_classifier", ITSELF),
    "output_bias_agg": ("aggregation_classifier", {"": "bias"}),
}
CELLS = {**BERT, "num_aggregation_labels": 4, "type_vocab_sizes": [3, 6, 6, 2, 6, 6, 10]}
RELEASES = {
    "bert": Release("bert", "PreTraining", BERT, {**POOLED, **TRANSFORM}),
    "bert for classes": Release(
        "bert", "SequenceClassification", BERT, {**POOLED, "": ("classifier", OUTPUT)}, False
    ),
    "bert for answers": Release(
        "bert", "QuestionAnswering", BERT, ANSWERING, False
    ),
    "albert": Release("albert", "PreTraining", NARROW, {**ALBERT, **PREDICTIONS}),
    "albert for classes": Release(
        "albert", "SequenceClassification", NARROW, {**ALBERT, "": ("classifier", OUTPUT)}
    ),
    "electra": Release("electra", "PreTraining", NARROW, ELECTRA),
    "electra's generator": Release(
        "electra", "MaskedLM", NARROW, GENERATOR, False, OF_GENERATOR, DISCRIMINATOR
    ),
    "tapas": Release("tapas", "TableQuestionAnswering", CELLS, TAPAS, False),
    "gpt2": Release("gpt2", "CausalLM", GPT2, OPENAIS, False),
    "t5": Release("t5", "Seq2SeqLM", T5, mesh(gated=False)),
    "t5 1.1": Release("t5", "Seq2SeqLM", GATED, mesh(gated=True)),
}  # fmt: skip


def variables(release: Release, state: Mapping[str, torch.Tensor]) -> Iterator[tuple[str, Any]]:
    """Yield each variable as its authors wrote it."""
    for theirs, (hub, last) in release.names.items():
        for level, torch_level in last.items():
            value = state[".".join(filter(None, (hub, torch_level)))].numpy()
            name = "/".join(filter(None, (theirs, level)))
            turned = level == "kernel" or (last is ITSELF and release.model_type == "t5")
            if level == "w":
                value = value[None]
            yield name, np.ascontiguousarray(value.T) if turned else value
            if level == "kernel":
                yield f"{name}/adam_v", value * 0


@pytest.mark.parametrize("name", RELEASES)
def test_a_first_release_is_read_as_by_its_converter(name: str, tmp_path: Path) -> None:
    release = RELEASES[name]
    if release.model_type not in registry.model_types():
        pytest.skip(f"{release.model_type} is not installed")
    torch.manual_seed(1)
    config = transformers.AutoConfig.for_model(release.model_type, **release.keys)
    reference = getattr(transformers, f"AutoModelFor{release.head}").from_config(config).eval()
    for weight in reference.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    prefix = tmp_path / "model.ckpt"
    state = reference.state_dict()
    unread = variables(replace(release, names=release.others), state)
    others = {name: value * 2 for name, value in unread}
    bundle(prefix, others | dict(variables(release, state)))
    reference.config.save_pretrained(tmp_path)
    auto = getattr(automodel_core, f"AutoModelFor{release.head}")
    options = {} if release.key_mapping is None else {"key_mapping": release.key_mapping}
    model, info = auto.from_pretrained(tmp_path, output_loading_info=True, **options)
    assert not info["missing_keys"]
    assert bool(info["unexpected_keys"]) == bool(release.others)
    expected = [reference]
    if release.can_be_converted:
        module = importlib.import_module(type(reference).__module__)
        converter = getattr(module, f"load_tf_weights_in_{release.model_type}")
        expected.append(converter(type(reference)(config), config, str(prefix)).eval())
    ids = torch.tensor([[5, 6, 7, 8, 2]])
    inputs = {"input_ids": ids, **({"decoder_input_ids": ids[:, :3]} if "t5" in name else {})}
    for other in expected:
        with torch.no_grad():
            found, outputs = model(**inputs), other(**inputs)
        for key, value in outputs.items():
            if isinstance(value, torch.Tensor):
                torch.testing.assert_close(found[key], value, rtol=0, atol=5e-6)
