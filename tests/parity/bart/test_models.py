"""BART against the reference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

import automodel_bart
from parity.bart.cases import BART
from support.fairseq import FairseqParity
from support.family import Case
from support.parity import assert_same_generation, generated

# What config.json of released checkpoints holds besides sizes.
RELEASED: dict[str, dict[str, Any]] = {
    "bart-large-cnn": {
        "_num_labels": 3, "activation_dropout": 0.0, "activation_function": "gelu",
        "add_final_layer_norm": False, "attention_dropout": 0.0, "bos_token_id": 0,
        "classif_dropout": 0.0, "classifier_dropout": 0.0, "decoder_layerdrop": 0.0,
        "decoder_start_token_id": 2, "dropout": 0.1, "early_stopping": True,
        "encoder_layerdrop": 0.0, "eos_token_id": 2, "force_bos_token_to_be_generated": True,
        "forced_bos_token_id": 0, "forced_eos_token_id": 2, "gradient_checkpointing": False,
        "id2label": {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}, "init_std": 0.02,
        "label2id": {"LABEL_0": 0, "LABEL_1": 1, "LABEL_2": 2}, "length_penalty": 2.0,
        "max_length": 14, "min_length": 6, "no_repeat_ngram_size": 3, "normalize_before": False,
        "num_beams": 4, "num_hidden_layers": 2, "output_past": True, "pad_token_id": 1,
        "prefix": " ", "scale_embedding": False, "use_cache": True,
        "task_specific_params": {"summarization": {"num_beams": 4, "max_length": 14}},
    },
    "bart-large-mnli": {
        "_num_labels": 3, "add_bias_logits": False, "bos_token_id": 0, "eos_token_id": 2,
        "decoder_start_token_id": 2, "forced_eos_token_id": 2, "pad_token_id": 1,
        "id2label": {"0": "contradiction", "1": "neutral", "2": "entailment"},
        "label2id": {"contradiction": 0, "entailment": 2, "neutral": 1},
        "normalize_before": False, "num_hidden_layers": 2, "output_past": False,
    },
    "distilbart-xsum": {
        "bos_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 2, "pad_token_id": 1,
        "extra_pos_embeddings": 2, "force_bos_token_to_be_generated": False,
        "max_length": 12, "min_length": 5, "num_beams": 3, "num_hidden_layers": 2,
        "save_step": 57, "static_position_embeddings": False, "normalize_embedding": True,
        "replacing_rate": 0, "student_decoder_layers": None, "length_penalty": 0.5,
    },
}  # fmt: skip


class TestBart(FairseqParity):
    family = BART


@pytest.fixture
def released(tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    """Return the reference's model and the folder of a checkpoint as it was released."""
    head = "ForSequenceClassification" if "mnli" in request.param else "ForConditionalGeneration"
    reference = BART.reference(Case({"decoder_layers": 1}), f"Bart{head}")
    sizes = {**BART.small, "decoder_layers": 1}
    values = {**RELEASED[request.param], **sizes, "architectures": [type(reference).__name__]}
    (tmp_path / "config.json").write_text(json.dumps({**values, "model_type": "bart"}))
    state = {key: tensor.clone() for key, tensor in reference.state_dict().items()}
    torch.save(state, tmp_path / "pytorch_model.bin")
    return reference, tmp_path


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("released", ["bart-large-cnn", "distilbart-xsum"], indirect=True)
def test_old_files_that_summarise(released: Any) -> None:
    _, folder = released
    theirs = transformers.BartForConditionalGeneration.from_pretrained(folder).eval()
    ours, info = automodel_bart.BartForConditionalGeneration.from_pretrained(
        folder, output_loading_info=True
    )
    assert not any(info.values()), info
    for key in ("num_beams", "max_length", "min_length", "forced_bos_token_id", "length_penalty"):
        assert getattr(ours.generation_config, key) == getattr(theirs.generation_config, key), key
    given = BART.batch(Case(), "BartForConditionalGeneration")
    given = {key: value for key, value in given.items() if "decoder" not in key}
    # Transformers 5 forces the end only where the file says so, 4 did by default.
    expected = generated(theirs, given, {"forced_eos_token_id": 2})
    assert_same_generation(generated(ours, given, {}), expected)


@pytest.mark.parametrize("released", ["bart-large-mnli"], indirect=True)
def test_old_files_that_classify(released: Any) -> None:
    reference, folder = released
    ours, info = automodel_bart.BartForSequenceClassification.from_pretrained(
        folder, output_loading_info=True
    )
    assert not any(info.values()), info
    assert ours.config.id2label[2] == "entailment"
    given = BART.batch(Case(), "BartModel")
    given = {key: value for key, value in given.items() if "decoder" not in key}
    with torch.no_grad():
        torch.testing.assert_close(ours(**given).logits, reference(**given).logits)
