"""Token healing: the last token is chosen again among those that begin with it."""

from __future__ import annotations

import pytest
import torch

from automodel_core.errors import GenerationArgumentError
from support.tiny_lm import drawn


class Pieces:
    """A tokenizer of pieces; those that begin with the same letters stand for each other."""

    bos_token_id = 2

    def __init__(self) -> None:
        self.pieces = ["<pad>", "</s>", "<s>", "a", "ab", "abc", "b", "bc", "x"]
        self.pieces += [f"#{i}" for i in range(14)]

    def get_vocab(self):
        return {piece: index for index, piece in enumerate(self.pieces)}

    def convert_ids_to_tokens(self, ids):
        return [self.pieces[i] for i in ids]


def test_the_last_token_is_chosen_among_those_it_begins():
    model, tokenizer = drawn(seed=3, eos_token_id=None, pad_token_id=0), Pieces()
    ids = torch.tensor([[9, 10, 3], [0, 11, 6], [0, 0, 3], [12, 13, 8]])
    mask = (ids != 0).long()
    found = model.generate(
        ids, attention_mask=mask, token_healing=True, tokenizer=tokenizer, max_new_tokens=1
    )
    tails = []
    for before in ([9, 10], [11], [2]):
        logits = model(input_ids=torch.tensor([before])).logits[0, -1]
        tails.append(logits + 0)
    expected = []
    for logits, own, others in zip(tails, (3, 6, 3), ((4, 5), (7,), (4, 5)), strict=True):
        bias = torch.zeros(23)
        bias[list(others)], bias[own] = 10.0, 11.0
        expected.append(int((logits + bias).argmax()))
    assert found[:, 2].tolist() == [*expected, 8]
    assert found[:, :2].tolist() == ids[:, :2].tolist()
    healed = torch.cat([ids[:, :2], found[:, 2:3]], dim=1)
    assert found.tolist() == model.generate(healed, attention_mask=mask, max_new_tokens=1).tolist()


def test_a_prompt_of_one_token():
    model, tokenizer = drawn(seed=3, eos_token_id=None, pad_token_id=0), Pieces()
    options = {"token_healing": True, "tokenizer": tokenizer, "max_new_tokens": 1}
    assert int(model.generate(torch.tensor([[3]]), **options)[0, 0]) in (3, 4, 5)
    assert model.generate(torch.tensor([[8]]), **options)[0, 0] == 8
    tokenizer.bos_token_id = None
    assert model.generate(torch.tensor([[3]]), **options)[0, 0] == 3


def test_healing_is_for_decoders(encoder_decoder, prompt):
    with pytest.raises(GenerationArgumentError, match="token_healing works for the input_ids"):
        encoder_decoder.generate(prompt, token_healing=True, tokenizer=Pieces(), max_new_tokens=1)
