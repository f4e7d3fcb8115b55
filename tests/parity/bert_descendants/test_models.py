"""What its family leaves to a descendant of BERT is enough for the numbers of the reference."""

from __future__ import annotations

from typing import Any

import pytest

from parity.bert_descendants import descendants
from support.family import Case, Family, drawn_labels
from support.parity import IS_5
from support.reference import assert_same_gradients, assert_same_outputs

SIZES = {"max_position_embeddings": 34, "vocab_size": 40}
USUAL = {
    **SIZES, "hidden_size": 24, "intermediate_size": 28, "num_hidden_layers": 3,
    "num_attention_heads": 4,
}  # fmt: skip
SMALL: dict[str, dict[str, Any]] = {
    "Electra": {**USUAL, "embedding_size": 16},
    "DistilBert": {**SIZES, "dim": 24, "hidden_dim": 28, "n_layers": 2, "n_heads": 4},
    "MPNet": USUAL,
}

pytestmark = pytest.mark.skipif(not IS_5, reason="compared with one major version")


@pytest.mark.parametrize("head", ["ForMaskedLM", "ForSequenceClassification"])
@pytest.mark.parametrize("name", SMALL)
def test_outputs_losses_gradients_and_names(name: str, head: str) -> None:
    kind = name + head
    case = Case()
    family = Family(descendants, (kind,), SMALL[name], {"padded": case})
    reference, model = family.pair(case, kind, seed=1)
    given = family.batch(case, kind)
    labels = drawn_labels(head, given, reference.config) or {"labels": given["input_ids"]}
    theirs, ours = (
        either(**given, **labels, output_attentions=True, output_hidden_states=True)
        for either in (reference, model)
    )
    assert_same_outputs(ours, theirs)
    theirs.loss.backward()
    ours.loss.backward()
    assert_same_gradients(model, reference)
    assert model.hub_state_dict().keys() == reference.state_dict().keys()
