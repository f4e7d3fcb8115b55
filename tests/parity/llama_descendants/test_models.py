"""What its family leaves to a descendant of Llama is enough for the numbers of the reference."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from parity.llama_descendants import descendants
from support.family import Case, Family
from support.parity import IS_5, assert_same_generation, generated
from support.reference import assert_same_gradients, assert_same_outputs

USUAL: dict[str, Any] = {
    "vocab_size": 40, "hidden_size": 24, "intermediate_size": 36, "num_hidden_layers": 3,
    "num_attention_heads": 4, "num_key_value_heads": 2, "pad_token_id": 1, "bos_token_id": 2,
    "eos_token_id": 2,
}  # fmt: skip
SMALL: dict[str, dict[str, Any]] = {
    "Mistral": {**USUAL, "sliding_window": 4},
    "Qwen2": {
        **USUAL, "use_sliding_window": True, "sliding_window": 3, "max_window_layers": 1,
    },
    "Qwen3": {**USUAL, "head_dim": 8},
    "Gemma": {**USUAL, "head_dim": 8, "hidden_act": "gelu_pytorch_tanh"},
}  # fmt: skip

pytestmark = pytest.mark.skipif(not IS_5, reason="compared with one major version")


@pytest.mark.parametrize("name", SMALL)
def test_outputs_losses_gradients_and_generated_ids(name: str) -> None:
    kind = f"{name}ForCausalLM"
    case = Case()
    family = Family(descendants, (kind,), SMALL[name], {"padded": case})
    reference, model = family.pair(case, kind, seed=1)
    given = family.batch(case, kind)
    labels = given["input_ids"].masked_fill(given["attention_mask"] == 0, -100)
    theirs, ours = (
        either(**given, labels=labels, use_cache=False, output_hidden_states=True)
        for either in (reference, model)
    )
    assert_same_outputs(ours, theirs)
    theirs.loss.backward()
    ours.loss.backward()
    assert_same_gradients(model, reference)
    for beams in (1, 3):
        prompt = family.batch(Case(padding="left"), kind)
        settings = {"max_new_tokens": 8, "num_beams": beams}
        with torch.no_grad():
            expected = generated(reference, prompt, settings)
            assert_same_generation(generated(model, prompt, settings), expected, name)
