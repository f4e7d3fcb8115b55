"""Drafts out of the text so far and the encoder's input."""

from __future__ import annotations

import torch

from automodel_core.generation.drafting.prompt_lookup import LookupDraft


def test_drafts_out_of_the_text():
    draft = LookupDraft(
        3, 2, eos_token_ids=(1,), source=torch.tensor([[9, 8, 7, 1, 6], [5, 5, 5, 5, 5]])
    )
    ids = torch.tensor([[4, 5, 6, 7, 4, 5], [2, 3, 9, 3, 2, 9]])
    assert draft.propose(ids, 9).tokens.tolist() == [[6, 7, 4], [3, 2, 9]]
    assert draft.propose(ids, 2).tokens.tolist() == [[6, 7], [3, 2]]
    assert draft.propose(ids, 0).tokens.shape == (2, 0)
    ids = torch.tensor([[2, 9, 8], [2, 3, 4]])
    assert draft.propose(ids, 9).tokens.tolist() == [[7], [-1]]
    ids = torch.tensor([[2, 3, 7], [2, 3, 4]])
    assert draft.propose(ids, 9).tokens.shape == (2, 0)
