"""The outputs of ``generate``, with what `strategies.recorder` records."""

from __future__ import annotations

import pytest

from automodel_core import generation as g


def test_outputs_read_like_a_dict_and_like_a_tuple(model, prompt):
    output = model.generate(
        prompt, max_new_tokens=3, return_dict_in_generate=True, output_scores=True,
        output_logits=True, min_new_tokens=3,
    )  # fmt: skip
    assert isinstance(output, g.GenerateOutput)
    assert output["sequences"] is output.sequences is output[0]
    assert "attentions" not in output
    assert list(output) == list(output.keys()) == [name for name, _ in output.items()]
    assert len(output) == len(output.values())
    assert output.get("attentions", 3) == 3
    with pytest.raises(KeyError):
        output["attentions"]
    assert len(output.scores) == len(output.logits) == 3
    assert bool((output.scores[0][:, 1] == -float("inf")).all())
    assert bool(output.logits[0].isfinite().all())


def test_results_can_be_used_in_training(decoder, prompt):
    ids = decoder.generate(prompt, max_new_tokens=3)
    decoder(input_ids=ids).logits.sum().backward()
    assert decoder.head.weight.grad is not None
