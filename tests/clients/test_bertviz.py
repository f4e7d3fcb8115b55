"""bertviz draws the attentions of models of ours."""

from __future__ import annotations

import pytest
import torch

bertviz = pytest.importorskip("bertviz")

from automodel_bert import BertConfig, BertModel  # noqa: E402
from automodel_t5 import T5Config, T5ForConditionalGeneration  # noqa: E402

IDS = torch.tensor([[2, 5, 6, 7, 3]])


def test_an_encoder() -> None:
    model = BertModel(
        BertConfig(
            vocab_size=40, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
            intermediate_size=24,
        )
    ).eval()  # fmt: skip
    attentions = model(IDS, output_attentions=True).attentions
    for view in (bertviz.head_view, bertviz.model_view):
        assert "[CLS]" in view(attentions, ["[CLS]", *"abcd"], html_action="return").data


def test_an_encoder_with_a_decoder() -> None:
    size = {"d_model": 16, "num_layers": 2, "num_heads": 2, "d_kv": 8, "d_ff": 16}
    model = T5ForConditionalGeneration(T5Config(vocab_size=40, decoder_start_token_id=0, **size))
    output = model.eval()(IDS, decoder_input_ids=IDS[:, :3], output_attentions=True)
    page = bertviz.head_view(
        encoder_attention=output.encoder_attentions,
        decoder_attention=output.decoder_attentions,
        cross_attention=output.cross_attentions,
        encoder_tokens=list("abcde"),
        decoder_tokens=["first", "second", "third"],
        html_action="return",
    )
    assert "second" in page.data
