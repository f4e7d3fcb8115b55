"""VideoMAE equals the reference: numbers, gradients, files."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers

import automodel_videomae
from parity.videomae.cases import RECTANGLES, SMALL, VIDEOMAE
from support.parity import IS_5
from support.reference import assert_close
from support.vision import ImageParity


class TestVideoMAE(ImageParity):
    family = VIDEOMAE

    def halved(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return pixels of the kind that the reference takes in half precision only."""
        return given | {"pixel_values": given["pixel_values"].bfloat16()}


class TestVideoMAEOfRectangles(TestVideoMAE):
    family = RECTANGLES


@pytest.mark.parametrize("key", ["qkv_bias", "qv_bias"])
def test_either_key_of_the_bias_is_read(key: str) -> None:
    config = automodel_videomae.VideoMAEConfig.from_dict({**SMALL, key: False})
    assert config.qkv_bias is config.qv_bias is False
    theirs = transformers.VideoMAEConfig(**config.to_dict())
    assert (theirs.qv_bias if IS_5 else theirs.qkv_bias) is False


@torch.no_grad()
def test_sizes_of_the_decoder_matter_to_pretraining_only() -> None:
    case = VIDEOMAE.cases["plain"]
    odd = {"decoder_hidden_size": 30, "decoder_num_attention_heads": 4}
    head = "VideoMAEForVideoClassification"
    reference, model = VIDEOMAE.pair(case, head, **odd)
    given = VIDEOMAE.batch(case, head)
    assert_close(model(**given).logits, reference(**given).logits)
    for library in (transformers, automodel_videomae):
        with pytest.raises(ValueError, match=r"multiple of"):
            library.VideoMAEForPreTraining(library.VideoMAEConfig(**{**SMALL, **odd}))


@torch.no_grad()
def test_a_body_leaves_out_what_is_hidden() -> None:
    reference, model = VIDEOMAE.pair(VIDEOMAE.cases["plain"], "VideoMAEModel")
    given = VIDEOMAE.batch(VIDEOMAE.cases["plain"], "VideoMAEForPreTraining")
    found = model(**given).last_hidden_state
    assert found.shape[1] < model(given["pixel_values"]).last_hidden_state.shape[1]
    assert_close(found, reference(**given).last_hidden_state)
