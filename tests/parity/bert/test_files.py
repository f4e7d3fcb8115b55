"""BERT's checkpoints go from the reference to us and back, from head to head, old ones too."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from automodel_core.testing import model_names

transformers = pytest.importorskip("transformers")
if not transformers.__version__.startswith("5."):
    pytest.skip("compares with transformers 5", allow_module_level=True)

import torch  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from torch import Tensor  # noqa: E402

import automodel_bert  # noqa: E402
from automodel_bert import BertForMaskedLM, BertForSequenceClassification, BertModel  # noqa: E402
from automodel_core.errors import IncompleteCheckpointError, InputError  # noqa: E402
from support.reference import assert_close, assert_same_outputs, randomise  # noqa: E402

HEADS = model_names("bert")
POOLED = {
    "BertModel",
    "BertForPreTraining",
    "BertForNextSentencePrediction",
    "BertForSequenceClassification",
    "BertForMultipleChoice",
}
SMALL: dict[str, Any] = {
    "vocab_size": 37,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 28,
    "max_position_embeddings": 24,
}
WEIGHTS = "model.safetensors"


def saved(head: str, folder: Path, **config: Any) -> Any:
    """Return a random model of the reference's, written into a folder."""
    model = getattr(transformers, head)(transformers.BertConfig(**SMALL, **config)).eval()
    randomise(model, seed=len(head))
    model.save_pretrained(folder)
    return model


def tokens(head: str) -> Tensor:
    shape = (2, 3, 6) if head == "BertForMultipleChoice" else (3, 6)
    return torch.randint(0, 37, shape, generator=torch.Generator().manual_seed(2))


def rewrite(folder: Path, change: Any) -> None:
    """Write a folder's weights again, changed."""
    weights = change(load_file(folder / WEIGHTS))
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("head", HEADS)
def test_the_reference_reads_what_we_write(head: str, tied: bool, tmp_path: Path) -> None:
    reference = saved(head, tmp_path / "theirs", tie_word_embeddings=tied)
    model = getattr(automodel_bert, head).from_pretrained(tmp_path / "theirs")
    assert model.hub_state_dict().keys() == reference.state_dict().keys()

    model.save_pretrained(tmp_path / "ours")
    names = [load_file(tmp_path / side / WEIGHTS).keys() for side in ("ours", "theirs")]
    assert names[0] == names[1]
    again, info = getattr(transformers, head).from_pretrained(
        tmp_path / "ours", output_loading_info=True
    )
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    assert again.config.architectures == [head]
    ids = tokens(head)
    expected = reference(ids)
    assert_same_outputs(again.eval()(ids), expected)
    ours = getattr(automodel_bert, head).from_pretrained(tmp_path / "ours")
    assert_same_outputs(ours(ids), expected)


SHARDED: dict[str, Any] = {"max_shard_size": "4KB"}


@pytest.mark.parametrize("after", [{}, SHARDED], ids=["single", "sharded"])
@pytest.mark.parametrize("before", [{}, SHARDED], ids=["over single", "over sharded"])
def test_the_reference_reads_a_save_over_another(
    before: dict[str, Any], after: dict[str, Any], tmp_path: Path
) -> None:
    """Shards that replace others have names of their own, which the index tells."""
    old = saved("BertForMaskedLM", tmp_path)
    ours = BertForMaskedLM.from_pretrained(tmp_path)
    ours.save_pretrained(tmp_path, **before)
    with torch.no_grad():
        ours.get_input_embeddings().weight.mul_(2)
    ours.save_pretrained(tmp_path, **after)
    again = transformers.BertForMaskedLM.from_pretrained(tmp_path).eval()
    assert_same_outputs(again(tokens("")), ours(tokens("")))
    old.save_pretrained(tmp_path, **after)
    again = BertForMaskedLM.from_pretrained(tmp_path)
    assert_same_outputs(again(tokens("")), old(tokens("")))


@pytest.mark.parametrize("new", HEADS)
@pytest.mark.parametrize("old", HEADS)
def test_any_head_from_any_other(old: str, new: str, tmp_path: Path) -> None:
    reference = saved(old, tmp_path)
    options = {"output_loading_info": True, "ignore_mismatched_sizes": True}
    model, info = getattr(automodel_bert, new).from_pretrained(tmp_path, **options)
    _, expected = getattr(transformers, new).from_pretrained(tmp_path, **options)
    assert set(info["missing_keys"]) == set(expected["missing_keys"]) - {
        "cls.predictions.decoder.bias"  # the reference's other name for cls.predictions.bias
    }
    assert {k.removeprefix("bert.") for k in info["unexpected_keys"]} == {
        k.removeprefix("bert.") for k in expected["unexpected_keys"]
    }
    ids = tokens("")
    pooled = {"pooler_output"} if {old, new} <= POOLED else set()
    ours, theirs = model.base_model(ids), reference.base_model(ids)
    for key in {"last_hidden_state"} | pooled:
        assert_close(ours[key], theirs[key], key)


def test_what_is_new_is_reported_and_drawn(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    saved("BertForMaskedLM", tmp_path)
    with caplog.at_level(logging.WARNING, "automodel_core"):
        model = BertForSequenceClassification.from_pretrained(tmp_path)
    assert "classifier.weight" in caplog.text
    assert "bert.pooler.dense.weight" in caplog.text
    assert 0.01 < model.classifier.weight.std() < 0.03
    assert not model.classifier.bias.any()


def test_a_checkpoint_without_a_layer_is_refused(tmp_path: Path) -> None:
    saved("BertModel", tmp_path)
    rewrite(tmp_path, lambda w: {k: v for k, v in w.items() if "layer.1.output.dense" not in k})
    with pytest.raises(IncompleteCheckpointError, match=r"encoder\.layer\.1\.output\.dense\.bias"):
        BertModel.from_pretrained(tmp_path)


@pytest.mark.parametrize("head", HEADS)
def test_old_names(head: str, tmp_path: Path) -> None:
    reference = saved(head, tmp_path)

    def as_of_old(weights: dict[str, Tensor]) -> dict[str, Tensor]:
        old = {
            name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
                "LayerNorm.bias", "LayerNorm.beta"
            ): tensor
            for name, tensor in weights.items()
        }
        prefix = "" if head == "BertModel" else "bert."
        return old | {f"{prefix}embeddings.position_ids": torch.arange(24)[None]}

    rewrite(tmp_path, as_of_old)
    model, info = getattr(automodel_bert, head).from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values())
    assert_same_outputs(model(tokens(head)), reference(tokens(head)))


def test_a_pickled_file(tmp_path: Path) -> None:
    reference = saved("BertForMaskedLM", tmp_path)
    (tmp_path / WEIGHTS).unlink()
    torch.save(reference.state_dict(), tmp_path / "pytorch_model.bin")
    model, info = BertForMaskedLM.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values())
    assert model.lm_head.weight is model.get_input_embeddings().weight
    assert_same_outputs(model(tokens("")), reference(tokens("")))


@pytest.mark.parametrize("name", ["cls.predictions.bias", "cls.predictions.decoder.bias"])
def test_the_output_bias_has_two_names(name: str, tmp_path: Path) -> None:
    """An output layer of its own has its bias under the first in version 4, the second in 5."""
    reference = saved("BertForMaskedLM", tmp_path, tie_word_embeddings=False)
    bias = reference.cls.predictions.decoder.bias.detach().clone()

    def under_one_name(weights: dict[str, Tensor]) -> dict[str, Tensor]:
        del weights["cls.predictions.bias"], weights["cls.predictions.decoder.bias"]
        return weights | {name: bias}

    rewrite(tmp_path, under_one_name)
    model, info = BertForMaskedLM.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values())
    assert_same_outputs(model(tokens("")), reference(tokens("")))


def test_the_output_bias_that_is_not_used_does_not_count(tmp_path: Path) -> None:
    reference = saved("BertForMaskedLM", tmp_path, tie_word_embeddings=False)
    unused = {"cls.predictions.bias": torch.ones(reference.config.vocab_size)}
    rewrite(tmp_path, lambda weights: weights | unused)
    model, info = BertForMaskedLM.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values())
    assert_same_outputs(model(tokens("")), reference(tokens("")))


@pytest.mark.parametrize("size", [30, 44])
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("head", ["BertForMaskedLM", "BertForPreTraining", "BertModel"])
def test_another_vocabulary_size(head: str, tied: bool, size: int, tmp_path: Path) -> None:
    reference = saved(head, tmp_path / "old", tie_word_embeddings=tied)
    model = getattr(automodel_bert, head).from_pretrained(tmp_path / "old")
    ids = tokens(head) % 30
    before = reference(ids)
    embeddings = model.resize_token_embeddings(size)
    assert embeddings.weight.shape == (size, 16)
    assert model.config.vocab_size == size
    after = model(ids)
    for key, expected in before.items():
        shared = zip(after[key].shape, expected.shape, strict=True)
        common = tuple(slice(0, min(pair)) for pair in shared)
        assert_close(after[key][common], expected[common], key)

    model.save_pretrained(tmp_path / "new")
    again = getattr(transformers, head).from_pretrained(tmp_path / "new").eval()
    assert_same_outputs(after, again(ids))


def test_wrong_inputs_are_named(tmp_path: Path) -> None:
    saved("BertModel", tmp_path)
    model = BertModel.from_pretrained(tmp_path)
    with pytest.raises(InputError, match="either input_ids or inputs_embeds"):
        model()
    with pytest.raises(InputError, match=r"25 positions.*max_position_embeddings=24"):
        model(torch.zeros(1, 25, dtype=torch.long))
    with pytest.raises(InputError, match="add_cross_attention=True"):
        model(tokens(""), encoder_hidden_states=torch.zeros(3, 2, 16))


def test_arguments_of_the_class(tmp_path: Path) -> None:
    saved("BertModel", tmp_path)
    model = BertModel.from_pretrained(tmp_path, add_pooling_layer=False)
    assert model.pooler is None
    assert model(tokens("")).pooler_output is None
    assert BertForMaskedLM.from_pretrained(tmp_path).bert.pooler is None
