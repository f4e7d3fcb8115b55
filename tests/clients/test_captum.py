"""captum attributes what models of ours say to their inputs."""

from __future__ import annotations

from typing import Any

import pytest
import torch

captum = pytest.importorskip("captum")

from captum.attr import (  # noqa: E402
    FeatureAblation,
    LayerIntegratedGradients,
    LLMAttribution,
    LLMGradientAttribution,
    Saliency,
    TextTokenInput,
)

from automodel_bert import BertConfig, BertForSequenceClassification  # noqa: E402
from automodel_gpt2 import GPT2Config, GPT2LMHeadModel, GPT2Tokenizer  # noqa: E402
from automodel_vit import ViTConfig, ViTForImageClassification  # noqa: E402

SMALL = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
}  # fmt: skip
TEXTS = ["a fox jumps over", "the dog sleeps"]


@pytest.fixture
def classifier() -> Any:
    torch.manual_seed(0)
    model = BertForSequenceClassification(BertConfig(vocab_size=40, **SMALL)).eval()
    return model, lambda ids, mask: model(ids, attention_mask=mask).logits


IDS = torch.tensor([[2, 5, 6, 7, 3], [2, 9, 8, 3, 0]])
MASK = (IDS != 0).long()


def test_integrated_gradients_add_up_to_the_difference(classifier: Any) -> None:
    model, logits = classifier
    method = LayerIntegratedGradients(logits, model.get_input_embeddings())
    given, none = (IDS, MASK), torch.zeros_like(IDS)
    found = method.attribute(IDS, none, additional_forward_args=(MASK,), target=1, n_steps=100).sum(
        dim=(1, 2)
    )
    expected = (logits(*given) - logits(none, MASK))[:, 1]
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-3)


def test_left_out_tokens(classifier: Any) -> None:
    _, logits = classifier
    found = FeatureAblation(logits).attribute(IDS, 0, additional_forward_args=(MASK,), target=0)
    without = IDS.clone()
    without[:, 1] = 0
    expected = (logits(IDS, MASK) - logits(without, MASK))[:, 0]
    torch.testing.assert_close(found[:, 1], expected)


def test_pixels() -> None:
    model = ViTForImageClassification(ViTConfig(image_size=8, patch_size=4, **SMALL)).eval()
    pictures = torch.randn(2, 3, 8, 8)
    found = Saliency(lambda seen: model(seen).logits).attribute(pictures, target=0)
    assert found.shape == pictures.shape
    assert bool((found > 0).any())


def test_written_texts() -> None:
    """Without cached outputs, for which captum calls private methods of transformers."""
    tokenizer = GPT2Tokenizer().train_new_from_iterator(TEXTS * 3, 280)
    size = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 32}
    model = GPT2LMHeadModel(GPT2Config(vocab_size=len(tokenizer), **size)).eval()
    given = TextTokenInput("a fox", tokenizer)
    method = LLMAttribution(FeatureAblation(model), tokenizer)
    found = method.attribute(given, target=" jumps over", use_cached_outputs=False)
    assert found.seq_attr.shape == (len(tokenizer("a fox").input_ids),)
    settings = {"max_new_tokens": 3, "do_sample": False}
    assert method.attribute(given, gen_args=settings, use_cached_outputs=False).seq_attr.any()
    gradients = LayerIntegratedGradients(model, model.get_input_embeddings())
    found = LLMGradientAttribution(gradients, tokenizer).attribute(given, target=" jumps")
    assert found.seq_attr.shape == (len(tokenizer("a fox").input_ids),)
