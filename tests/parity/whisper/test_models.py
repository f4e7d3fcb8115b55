"""Whisper's models against the reference: numbers, gradients, files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

import automodel_whisper
from automodel_core import AutoModelForAudioClassification, AutoModelForSpeechSeq2Seq
from parity.whisper.cases import WHISPER, spectrograms, writers
from support.fairseq import FairseqParity
from support.family import ROWS, Case
from support.parity import ArchitectureParity
from support.reference import assert_close

CLASSIFIER = "WhisperForAudioClassification"


class TestWhisper(FairseqParity):
    family = WHISPER
    least_sum = 1.0

    def arguments(
        self, case: Case, head: str, config: Any = None, rows: int = ROWS
    ) -> dict[str, Any]:
        if head != CLASSIFIER:
            return ArchitectureParity.arguments(self, case, head, config, rows)
        given = self.family.batch(case, head, rows)
        if config is None:
            return given
        chance = torch.Generator().manual_seed(9)
        if config.num_labels == 1:
            # The reference compares classes, of which there is one, whatever the labels are.
            return {**given, "labels": torch.zeros(rows, dtype=torch.long)}
        return {**given, "labels": torch.randint(0, config.num_labels, (rows,), generator=chance)}

    def halved(self, given: dict[str, Any]) -> dict[str, Any]:
        return {k: v.bfloat16() if v.is_floating_point() else v for k, v in given.items()}

    def test_outputs_losses_and_gradients(self, name: str, head: str) -> None:
        if name == "a number" and head == CLASSIFIER:
            pytest.skip("a regression, which the reference does not know")
        super().test_outputs_losses_and_gradients(name, head)

    @pytest.mark.parametrize("size", [36, 45])
    def test_a_resized_vocabulary(self, head: str, size: int) -> None:
        if head == CLASSIFIER:
            pytest.skip("reads no tokens")
        super().test_a_resized_vocabulary(head, size)

    def test_embeddings_may_be_given(self, head: str) -> None:
        if head == CLASSIFIER:
            pytest.skip("reads no tokens")
        super().test_embeddings_may_be_given(head)

    @pytest.mark.parametrize("beams", [1, 3])
    def test_generated_ids(self, name: str, writer: str, beams: int) -> None:
        if writer != "WhisperForCausalLM":
            pytest.skip("test_generation.py has its own story")
        super().test_generated_ids(name, writer, beams)


# What config.json of a released checkpoint holds besides sizes.
RELEASED = {
    "activation_dropout": 0.0, "activation_function": "gelu", "attention_dropout": 0.0,
    "architectures": ["WhisperForConditionalGeneration"], "begin_suppress_tokens": [220, 2],
    "decoder_layerdrop": 0.0, "dropout": 0.0, "encoder_layerdrop": 0.0,
    "forced_decoder_ids": [[1, 5], [2, 6], [3, 7]], "init_std": 0.02, "is_encoder_decoder": True,
    "max_length": 448, "model_type": "whisper", "num_hidden_layers": 2, "scale_embedding": False,
    "suppress_tokens": [8, 9], "torch_dtype": "float32", "transformers_version": "4.27.0.dev0",
    "use_cache": True, "apply_spec_augment": False,
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
def test_an_old_file(tmp_path: Path) -> None:
    """Settings of generation stand in config.json, and there is no generation_config.json."""
    reference = WHISPER.reference(Case(), "WhisperForConditionalGeneration")
    sizes = {**WHISPER.small, "begin_suppress_tokens": [20, 2], "max_length": 12}
    values = {**RELEASED, **sizes}
    (tmp_path / "config.json").write_text(json.dumps(values))
    torch.save(dict(reference.state_dict()), tmp_path / "pytorch_model.bin")
    theirs = transformers.WhisperForConditionalGeneration.from_pretrained(tmp_path).eval()
    ours = AutoModelForSpeechSeq2Seq.from_pretrained(tmp_path)
    given = WHISPER.batch(Case(), "WhisperForConditionalGeneration")
    features = given["input_features"]
    for model in (theirs, ours):
        model.generation_config.forced_decoder_ids = RELEASED["forced_decoder_ids"]
    found, expected = (m.generate(features, max_new_tokens=8) for m in (ours, theirs))
    assert found.tolist() == expected.tolist()
    with torch.no_grad():
        assert_close(ours(**given).logits, theirs(**given).logits)


def test_a_recogniser_begins_a_classifier(tmp_path: Path) -> None:
    theirs, _ = writers(0)
    theirs.save_pretrained(tmp_path)
    labels = {"num_labels": 4, "classifier_proj_size": 6}
    model = AutoModelForAudioClassification.from_pretrained(tmp_path, **labels)
    features = spectrograms([20], 1)["input_features"]
    with torch.no_grad():
        states = model.get_encoder()(features).last_hidden_state
        assert_close(states, theirs.model.encoder(features).last_hidden_state)
    assert type(model) is automodel_whisper.WhisperForAudioClassification
    model.freeze_encoder()
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert trained == {f"{part}.{kind}" for part in ("projector", "classifier") for kind in
                       ("weight", "bias")}  # fmt: skip
