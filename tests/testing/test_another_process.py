"""One process answers for every model, and says what goes wrong there."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from automodel_bert import BertConfig, BertModel
from automodel_core.testing import another_process
from automodel_core.testing.another_process import outputs_elsewhere
from automodel_core.testing.case import outputs
from automodel_core.testing.check import CheckFailedError

CONFIG = BertConfig(
    vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
)
INPUTS = {"input_ids": torch.tensor([[1, 2, 3]])}


def test_one_process_answers_for_every_model() -> None:
    first = another_process._process()
    for _ in range(2):
        model = BertModel(CONFIG).eval()
        found = outputs_elsewhere(model, INPUTS)
        for name, value in outputs(model, INPUTS).items():
            torch.testing.assert_close(found[name], value)
    assert another_process._process() is first


def test_what_goes_wrong_there_is_told() -> None:
    with pytest.raises(CheckFailedError, match=r"(?s)a new process cannot run.*between 0 and 8"):
        outputs_elsewhere(BertModel(CONFIG), {"input_ids": torch.tensor([[10]])})


def test_a_process_that_ended_is_named_and_another_one_started() -> None:
    another_process._process()._python.kill()
    with pytest.raises(CheckFailedError, match="it ended with -9"):
        outputs_elsewhere(BertModel(CONFIG), INPUTS)
    assert outputs_elsewhere(BertModel(CONFIG), INPUTS)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert "there is no folder" in another_process._process().ask(str(tmp_path / "nothing"))
