"""ViLT alone: patches in their order, masks, positions, heads, files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import automodel_vilt
from automodel_core import AutoModelForVisualQuestionAnswering
from automodel_core.errors import ConfigurationError, InputError
from automodel_vilt import ViltForMaskedLM, ViltForQuestionAnswering, ViltModel

SMALL = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
    "vocab_size": 50, "max_position_embeddings": 8, "image_size": 12, "patch_size": 4,
    "num_images": 2, "modality_type_vocab_size": 3,
}  # fmt: skip
HEADS = (
    "ViltModel",
    "ViltForQuestionAnswering",
    "ViltForMaskedLM",
    "ViltForImageAndTextRetrieval",
    "ViltForImagesAndTextClassification",
    "ViltForTokenClassification",
)
TEXTS = torch.tensor([[9, 8, 7], [5, 4, 3]])


def make(name: str, **settings: Any) -> Any:
    """Return a random model of a class by name, in evaluation mode."""
    kind = getattr(automodel_vilt, name)
    model = kind(kind.config_class(**{**SMALL, **settings})).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0.0, 0.3, generator=generator)
    return model


def images(height: int = 12, width: int = 12) -> Tensor:
    return torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(1))


def mask_of(*sizes: tuple[int, int], whole: tuple[int, int]) -> Tensor:
    """Return a mask of images of some sizes, padded to one."""
    mask = torch.zeros(len(sizes), *whole, dtype=torch.long)
    for row, (height, width) in enumerate(sizes):
        mask[row, :height, :width] = 1
    return mask


@pytest.mark.parametrize("head", HEADS)
def test_names_are_unambiguous_and_a_save_loses_nothing(head: str, tmp_path: Path) -> None:
    model = make(head)
    model.weight_names(model.config).check(model.state_dict())
    model.save_pretrained(tmp_path)
    again, info = type(model).from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values())
    state = again.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in model.state_dict().items())


def test_patches_keep_their_order_and_an_image_its_states_in_any_batch() -> None:
    model = make("ViltModel")
    pixels, mask = images(12, 20), mask_of((12, 20), (8, 12), whole=(12, 20))
    together = model(TEXTS, pixel_values=pixels, pixel_mask=mask).last_hidden_state
    again = model(TEXTS, pixel_values=pixels, pixel_mask=mask).last_hidden_state
    assert torch.equal(together, again)
    for row, (height, width) in enumerate(((12, 20), (8, 12))):
        alone = model(TEXTS[row : row + 1], pixel_values=pixels[row : row + 1, :, :height, :width])
        found = together[row : row + 1, : alone.last_hidden_state.shape[1]]
        torch.testing.assert_close(found, alone.last_hidden_state)


@pytest.mark.parametrize("size", [(12, 12), (8, 20), (4, 4), (24, 4)])
def test_positions_are_stretched_over_an_image(size: tuple[int, int]) -> None:
    embed = make("ViltModel").embed.image
    rows, columns = size[0] // 4, size[1] // 4
    shown = mask_of((rows, columns), whole=(6, 7)) > 0
    found = embed._positions(shown)[0]
    table = embed.position_embeddings[:, 1:].transpose(1, 2).unflatten(2, (3, 3))
    expected = F.interpolate(table, (rows, columns), mode="bilinear", align_corners=True)[0]
    torch.testing.assert_close(found[:rows, :columns], expected.permute(1, 2, 0))
    assert not found[rows:].any()
    assert not found[:, columns:].any()


def test_of_too_many_patches_some_are_left_evenly_spread() -> None:
    model = make("ViltModel", max_image_length=4)
    states = model(TEXTS, pixel_values=images(), output_hidden_states=True).hidden_states[0]
    whole = make("ViltModel")(TEXTS, pixel_values=images(), output_hidden_states=True)
    kept = [0, 1, 2, 3] + [4 + patch for patch in (0, 2, 4, 6)]
    torch.testing.assert_close(states, whole.hidden_states[0][:, kept])


def test_several_answers_may_be_right_to_a_degree() -> None:
    model = make("ViltForQuestionAnswering", num_labels=4)
    right = torch.rand(2, 4)
    output = model(TEXTS, pixel_values=images(), labels=right)
    lost = F.binary_cross_entropy_with_logits(output.logits, right, reduction="none")
    torch.testing.assert_close(output.loss, lost.sum(dim=1).mean())
    with pytest.raises(InputError, match=r"labels have shape \(2,\), expected \(2, 4\)"):
        model(TEXTS, pixel_values=images(), labels=torch.tensor([1, 0]))


def test_words_are_scored_and_patches_are_not() -> None:
    model = make("ViltForMaskedLM", tie_word_embeddings=True)
    model.tie_weights()
    output = model(TEXTS, pixel_values=images(), labels=TEXTS)
    assert output.logits.shape == (2, 3, 50)
    expected = F.cross_entropy(output.logits.flatten(0, 1), TEXTS.flatten())
    torch.testing.assert_close(output.loss, expected)
    embeds = model.get_input_embeddings()(TEXTS)
    found = model(inputs_embeds=embeds, pixel_values=images())
    torch.testing.assert_close(found.logits, output.logits)


def test_a_text_is_about_several_images() -> None:
    model = make("ViltForImagesAndTextClassification", num_labels=2)
    pairs = torch.stack([images(), images().flip(0)], dim=1)
    output = model(TEXTS, pixel_values=pairs, output_attentions=True)
    states = [
        model.model(TEXTS, pixel_values=pairs[:, i], image_token_type_idx=i + 1).pooler_output
        for i in range(2)
    ]
    torch.testing.assert_close(output.logits, model.classifier(torch.cat(states, dim=1)))
    assert len(output.attentions) == 2
    with pytest.raises(InputError, match="pixel_values has 1 images for each text"):
        model(TEXTS, pixel_values=images())
    with pytest.raises(ConfigurationError, match="needs num_images"):
        make("ViltForImagesAndTextClassification", num_images=-1)


def test_what_does_not_fit_is_refused() -> None:
    model = make("ViltModel")
    with pytest.raises(InputError, match="give either pixel_values or image_embeds"):
        model(TEXTS)
    with pytest.raises(InputError, match="give either input_ids or inputs_embeds"):
        model(pixel_values=images())
    with pytest.raises(InputError, match="2 texts were given with 1 images"):
        model(TEXTS, pixel_values=images()[:1])
    with pytest.raises(InputError, match=r"pixel_mask has shape \(12, 12\)"):
        model(TEXTS, pixel_values=images(), pixel_mask=torch.ones(12, 12))
    with pytest.raises(InputError, match="9 positions are more than"):
        model(torch.full((2, 9), 4), pixel_values=images())
    with pytest.raises(TypeError, match="takes no labels"):
        make("ViltForImageAndTextRetrieval")(TEXTS, pixel_values=images(), labels=TEXTS)


def test_a_body_and_heads_share_a_checkpoint(tmp_path: Path) -> None:
    head = make("ViltForQuestionAnswering", num_labels=3)
    head.save_pretrained(tmp_path)
    body = ViltModel.from_pretrained(tmp_path)
    given = {"input_ids": TEXTS, "pixel_values": images()}
    assert torch.equal(body(**given)[0], head.base_model(**given)[0])
    assert type(AutoModelForVisualQuestionAnswering.from_pretrained(tmp_path)) is (
        ViltForQuestionAnswering
    )
    names = ViltForMaskedLM(head.config).hub_state_dict()
    assert {"mlm_score.bias", "mlm_score.decoder.bias", "vilt.embeddings.cls_token"} <= set(names)
