"""torch's own quantisation finds our layers by their type."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.ao import quantization

from support.tiny_lm import drawn
from support.tiny_pair import drawn_pair

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]
IDS = torch.tensor([[3, 4, 5, 6], [7, 8, 9, 3]])


@pytest.mark.parametrize("make", [drawn, drawn_pair])
def test_every_linear_layer_is_quantised_and_decodes(make) -> None:
    model = make()
    linear = [name for name, part in model.named_modules() if type(part) is nn.Linear]
    assert linear
    quantised = quantization.quantize_dynamic(model, {nn.Linear})
    for name in linear:
        assert type(quantised.get_submodule(name)) is torch.ao.nn.quantized.dynamic.Linear
    settings = {"max_new_tokens": 3, "eos_token_id": None, "pad_token_id": 0}
    written = quantised.generate(IDS, **settings)
    assert written.shape == model.generate(IDS, **settings).shape
    assert torch.equal(quantised.generate(IDS, **settings), written)


def test_embeddings_are_found_too() -> None:
    kind = {nn.Embedding: quantization.float_qparams_weight_only_qconfig}
    quantised = quantization.quantize_dynamic(copy.deepcopy(drawn()), kind)
    found = type(quantised.get_input_embeddings())
    assert found is torch.ao.nn.quantized.Embedding
