"""What transformers 5 dropped from BERT and checkpoints still use: relative positions, 3D masks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from automodel_core.testing import model_names

transformers = pytest.importorskip("transformers")
if not transformers.__version__.startswith("4."):
    pytest.skip("compares with transformers 4", allow_module_level=True)

import torch  # noqa: E402
from torch import Tensor  # noqa: E402

import automodel_bert  # noqa: E402
from support.reference import (  # noqa: E402
    assert_close,
    assert_same_gradients,
    assert_same_outputs,
    randomise,
    reload,
)

SMALL: dict[str, Any] = {
    "vocab_size": 37,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 28,
    "max_position_embeddings": 16,
    "pad_token_id": 0,
    "eos_token_id": 2,
}
CROSS = {"is_decoder": True, "add_cross_attention": True}
CONFIGS: dict[str, dict[str, Any]] = {
    "small": {},
    "one layer, one head": {"num_hidden_layers": 1, "num_attention_heads": 1, "hidden_size": 6},
    "four layers": {"num_hidden_layers": 4},
    "three heads": {"num_attention_heads": 3, "hidden_size": 24},
    "five heads": {"num_attention_heads": 5, "hidden_size": 35},
    "gelu_new": {"hidden_act": "gelu_new"},
    "relu": {"hidden_act": "relu"},
    "silu": {"hidden_act": "silu"},
    "three token types": {"type_vocab_size": 3},
    "large epsilon": {"layer_norm_eps": 1e-2},
    "as many positions as tokens": {"max_position_embeddings": 7},
    "output layer of its own": {"tie_word_embeddings": False},
}
HEADS = model_names("bert")
KINDS = ("absolute", "relative_key", "relative_key_query")
RELATIVE = KINDS[1:]
ROWS, LENGTH = 3, 7


def pair(head: str, folder: Path, kind: str, attention: str = "eager", **config: Any) -> Any:
    settings = {**SMALL, "position_embedding_type": kind, **config}
    reference = getattr(transformers, head)(
        transformers.BertConfig(**settings, attn_implementation="eager")
    ).eval()
    randomise(reference, seed=len(head), spread=0.3)
    ours, info = reload(
        reference,
        folder,
        getattr(automodel_bert, head),
        output_loading_info=True,
        attn_implementation=attention,
    )
    assert not any(info.values())
    return ours, reference


def inputs_for(head: str, padding: str = "right") -> dict[str, Tensor]:
    chance = torch.Generator().manual_seed(4)
    shape = (ROWS, 2, LENGTH) if head == "BertForMultipleChoice" else (ROWS, LENGTH)
    ids = torch.randint(3, 37, shape, generator=chance)
    visible = torch.ones_like(ids)
    visible[1, ..., 4:] = 0
    if padding == "left":
        visible = visible.flip(-1)
    return {"input_ids": ids.masked_fill(visible == 0, 0), "attention_mask": visible}


@pytest.mark.parametrize("kind", RELATIVE)
@pytest.mark.parametrize("config", CONFIGS)
def test_outputs_loss_and_gradients(config: str, kind: str, tmp_path: Path) -> None:
    model, reference = pair("BertForMaskedLM", tmp_path, kind, **CONFIGS[config])
    inputs = inputs_for("BertForMaskedLM")
    inputs["labels"] = inputs["input_ids"].masked_fill(inputs["attention_mask"] == 0, -100)
    seen = {"output_attentions": True, "output_hidden_states": True}
    ours, theirs = model(**inputs, **seen), reference(**inputs, **seen)
    assert_same_outputs(ours, theirs)
    ours.loss.backward()
    theirs.loss.backward()
    assert_same_gradients(model, reference)


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("head", HEADS)
def test_every_head(head: str, kind: str, attention: str, tmp_path: Path) -> None:
    model, reference = pair(head, tmp_path, kind, attention)
    inputs = inputs_for(head)
    assert_same_outputs(model(**inputs), reference(**inputs))


@pytest.mark.parametrize("is_decoder", [False, True], ids=["encoder", "decoder"])
@pytest.mark.parametrize("kind", KINDS)
def test_masks_of_queries_and_keys(kind: str, is_decoder: bool, tmp_path: Path) -> None:
    model, reference = pair("BertModel", tmp_path, kind, is_decoder=is_decoder)
    inputs = inputs_for("BertModel")
    pairs = torch.rand(ROWS, LENGTH, LENGTH, generator=torch.Generator().manual_seed(1)) > 0.4
    inputs["attention_mask"] = (pairs | torch.eye(LENGTH, dtype=torch.bool)).long()
    ours = model(**inputs, use_cache=False)
    assert_same_outputs(ours, reference(**inputs, use_cache=False))


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("padding", ["right", "left"])
@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_a_decoder(kind: str, padding: str, attention: str, tmp_path: Path) -> None:
    model, reference = pair("BertLMHeadModel", tmp_path, kind, attention, **CROSS)
    inputs = inputs_for("BertLMHeadModel", padding)
    ids, visible = inputs["input_ids"], inputs["attention_mask"]
    context = {
        "encoder_hidden_states": torch.randn(ROWS, 5, 16),
        "encoder_attention_mask": torch.tensor([[1, 1, 1, 0, 0], [1] * 5, [0, 1, 1, 1, 1]]),
    }
    whole = reference(ids, attention_mask=visible, **context, use_cache=False).logits
    ours = model(ids, attention_mask=visible, **context, use_cache=False).logits
    assert_close(ours, whole)

    cache, found = None, []
    for start, end in ((0, 3), (3, 4), (4, 6), (6, 7)):
        output = model(
            ids[:, start:end],
            attention_mask=visible[:, :end],
            **context,
            past_key_values=cache,
            use_cache=True,
        )
        cache = output.past_key_values
        found.append(output.logits)
    seen = visible.bool()
    assert_close(torch.cat(found, dim=1)[seen], whole[seen])


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_generated_tokens(kind: str, beams: int, tmp_path: Path) -> None:
    """The reference reads a prompt into its cache as if each token stood at the prompt's end.

    Without a cache it is right, and so we compare with that.
    """
    model, reference = pair("BertLMHeadModel", tmp_path, kind, is_decoder=True)
    ids = torch.randint(3, 37, (ROWS, 4), generator=torch.Generator().manual_seed(5))
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    settings = {"max_new_tokens": 10, "num_beams": beams, "do_sample": False}
    expected = reference.generate(**inputs, **settings, use_cache=False)
    assert model.generate(**inputs, **settings).tolist() == expected.tolist()
    assert model.generate(**inputs, **settings, use_cache=False).tolist() == expected.tolist()


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("head", HEADS)
def test_the_reference_reads_what_we_write(
    head: str, kind: str, tied: bool, tmp_path: Path
) -> None:
    model, reference = pair(head, tmp_path / "theirs", kind, tie_word_embeddings=tied)
    assert model.hub_state_dict().keys() == reference.state_dict().keys()
    model.save_pretrained(tmp_path / "ours")
    again, info = getattr(transformers, head).from_pretrained(
        tmp_path / "ours", output_loading_info=True
    )
    assert not any(info.values())
    inputs = inputs_for(head)
    assert_same_outputs(again.eval()(**inputs), reference(**inputs))


def test_too_many_positions_are_named(tmp_path: Path) -> None:
    model, _ = pair("BertModel", tmp_path, "relative_key")
    with pytest.raises(ValueError, match=r"17 positions.*max_position_embeddings=16"):
        model(torch.ones(1, 17, dtype=torch.long), position_ids=torch.zeros(1, 17).long())
