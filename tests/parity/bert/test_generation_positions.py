"""BERT with relative positions as a decoder, which only transformers 4 still has."""

from __future__ import annotations

import tempfile
import warnings

import pytest

transformers = pytest.importorskip("transformers")
if not transformers.__version__.startswith("4."):
    pytest.skip("compares with transformers 4", allow_module_level=True)

import torch  # noqa: E402

from automodel_bert import BertLMHeadModel  # noqa: E402

TINY = {
    "vocab_size": 37, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 24, "max_position_embeddings": 32, "is_decoder": True,
    "bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0,
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["absolute", "relative_key", "relative_key_query"])
@pytest.mark.parametrize("beams", [1, 3])
def test_token_ids(kind, beams):
    for seed in range(3):
        torch.manual_seed(seed)
        config = transformers.BertConfig(**TINY, position_embedding_type=kind)
        reference = transformers.BertLMHeadModel(config).eval()
        with torch.no_grad():
            for name, parameter in reference.named_parameters():
                if "LayerNorm" not in name:
                    parameter.normal_(0.0, 0.4)
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            reference.save_pretrained(folder)
            model = BertLMHeadModel.from_pretrained(folder)
        ids = torch.randint(4, 37, (2, 5))
        settings = {"attention_mask": torch.ones_like(ids), "max_new_tokens": 8, "num_beams": beams}
        # With a cache transformers takes every position for the newest one.
        expected = reference.generate(ids, use_cache=False, **settings)
        assert model.generate(ids, **settings).tolist() == expected.tolist()
