"""The model alone: an image encoder and a text decoder, against the same two by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from automodel_core import AutoModelForImageTextToText, AutoModelForVision2Seq
from automodel_core.errors import InputError
from automodel_core.testing import (
    SmallImageConfig,
    SmallImageModel,
    SmallTextConfig,
    SmallTextForCausalLM,
    register_small_parts,
)
from automodel_vision_encoder_decoder import VisionEncoderDecoderConfig, VisionEncoderDecoderModel

register_small_parts()
SPECIAL = {"pad_token_id": 0, "decoder_start_token_id": 1, "eos_token_id": 2}


def build(**encoder: Any) -> Any:
    torch.manual_seed(0)
    config = VisionEncoderDecoderConfig(
        encoder={"model_type": "small-image", **encoder},
        decoder={"model_type": "small-text"},
        **SPECIAL,
    )
    return VisionEncoderDecoderModel(config).eval()


def pixels(*size: int) -> torch.Tensor:
    return torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(1))


WRITTEN = torch.tensor([[1, 5, 9, 7], [1, 8, 3, 0]])


@pytest.mark.parametrize("size", [8, 12], ids=["one size", "two sizes"])
@torch.no_grad()
def test_it_is_the_decoder_over_the_encoder(size: int) -> None:
    model = build(hidden_size=size)
    states = model.encoder(pixels(6, 6)).last_hidden_state
    context = states if model.enc_to_dec_proj is None else model.enc_to_dec_proj(states)
    by_hand = model.decoder(WRITTEN, encoder_hidden_states=context).logits
    output = model(pixel_values=pixels(6, 6), decoder_input_ids=WRITTEN)
    torch.testing.assert_close(output.logits, by_hand)
    again = model(encoder_outputs=(states,), decoder_input_ids=WRITTEN)
    torch.testing.assert_close(again.logits, by_hand)


@torch.no_grad()
def test_labels_hide_nothing_from_the_decoder() -> None:
    model = build()
    labels = torch.tensor([[5, 9, 0, 7], [8, 3, 2, -100]])
    shifted = torch.tensor([[1, 5, 9, 0], [1, 8, 3, 2]])
    output = model(pixels(6, 6), labels=labels)
    expected = model(pixels(6, 6), decoder_input_ids=shifted).logits
    torch.testing.assert_close(output.logits, expected)
    loss = torch.nn.functional.cross_entropy(expected[labels >= 0], labels[labels >= 0])
    torch.testing.assert_close(output.loss, loss)


def test_images_of_other_sizes_if_the_encoder_is_told() -> None:
    model = build()
    with pytest.raises(InputError, match="6 high and wide"):
        model.generate(pixels(8, 10), max_new_tokens=3)
    written = model.generate(pixels(8, 10), interpolate_pos_encoding=True, max_new_tokens=3)
    assert written.shape == (2, 4)
    states = model(pixels(8, 10), WRITTEN, interpolate_pos_encoding=True)
    assert states.encoder_last_hidden_state.shape[1] == 20
    with pytest.raises(InputError, match="pixel_values, or encoder_outputs"):
        model(decoder_input_ids=WRITTEN)


@pytest.mark.parametrize("beams", [1, 3])
@torch.no_grad()
def test_it_writes_about_images(beams: int) -> None:
    model = build(hidden_size=12)
    settings: dict[str, Any] = {"max_new_tokens": 5, "eos_token_id": None, "num_beams": beams}
    together = model.generate(pixel_values=pixels(6, 6), **settings)
    alone = [model.generate(pixel_values=image[None], **settings) for image in pixels(6, 6)]
    assert torch.equal(together, torch.cat(alone))
    if beams == 1:
        written = torch.full((2, 1), 1)
        for _ in range(5):
            best = model(pixels(6, 6), written).logits[:, -1].argmax(-1, keepdim=True)
            written = torch.cat([written, best], dim=1)
        assert torch.equal(together, written)
    begun = model.generate(pixel_values=pixels(6, 6), decoder_input_ids=WRITTEN, **settings)
    assert torch.equal(begun[:, :4], WRITTEN)


@pytest.mark.parametrize("auto_class", [AutoModelForVision2Seq, AutoModelForImageTextToText])
def test_two_checkpoints_are_joined_and_found_again(auto_class: Any, tmp_path: Path) -> None:
    torch.manual_seed(0)
    SmallImageModel(SmallImageConfig(hidden_size=12)).save_pretrained(tmp_path / "a")
    SmallTextForCausalLM(SmallTextConfig()).save_pretrained(tmp_path / "b")
    model = VisionEncoderDecoderModel.from_encoder_decoder_pretrained(
        str(tmp_path / "a"), str(tmp_path / "b"), encoder_num_labels=5, **SPECIAL
    )
    new = model.load_report.initialised
    assert {"decoder", "enc_to_dec_proj"} == {name.partition(".")[0] for name in new}
    assert model.config.encoder.num_labels == 5
    assert model.get_input_embeddings() is model.decoder.get_input_embeddings()
    assert model.decoder.lm_head.weight is model.get_input_embeddings().weight
    model.save_pretrained(tmp_path / "pair")
    again = auto_class.from_pretrained(tmp_path / "pair")
    assert type(again) is VisionEncoderDecoderModel
    assert again.decoder.lm_head.weight is again.get_input_embeddings().weight
    written = (m.generate(pixels(6, 6), max_new_tokens=4) for m in (model, again))
    assert torch.equal(*written)


def test_it_learns_to_name_colours() -> None:
    torch.manual_seed(0)
    model = build().train()
    images = torch.randn(12, 3, 1, 1).expand(-1, -1, 6, 6).contiguous()
    labels = torch.stack([5 + images[:, 0, 0, 0].gt(0), torch.full((12,), 2)], dim=1).long()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(60):
        loss = model(images, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert loss.item() < 0.1
    written = model.eval().generate(images, max_new_tokens=4)
    assert torch.equal(written[:, 1], labels[:, 0])
