"""mBART against the reference."""

from __future__ import annotations

import torch

from parity.mbart.cases import MBART
from support.fairseq import FairseqParity
from support.family import Case


class TestMBart(FairseqParity):
    family = MBART


def test_targets_begin_with_their_last_token() -> None:
    reference, model = MBART.pair(Case(), "MBartForConditionalGeneration")
    labels = torch.tensor([[5, 6, 2, 38, 1], [7, 2, 39, -100, -100], [8, 9, 10, 2, 37]])
    expected = reference.prepare_decoder_input_ids_from_labels(labels)
    assert model.prepare_decoder_input_ids_from_labels(labels).tolist() == expected.tolist()
