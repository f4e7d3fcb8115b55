"""VideoMAE alone: positions, names on disk, older and newer files, what is learnt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from automodel_core.errors import InputError
from automodel_videomae import VideoMAEForPreTraining, VideoMAEForVideoClassification
from automodel_videomae.modeling import waves

Make = Callable[..., Any]


def hidden(*counts: int) -> Tensor:
    """Return a mask of the first tubelets of each video."""
    return torch.arange(8) < torch.tensor(counts)[:, None]


def test_positions_alternate_sines_and_cosines() -> None:
    table = waves(9, 6).double()
    for position in range(9):
        for feature in range(0, 6, 2):
            angle = torch.tensor(position / 10_000 ** (feature / 6), dtype=torch.float64)
            pair = table[position, feature : feature + 2]
            torch.testing.assert_close(pair, torch.stack([angle.sin(), angle.cos()]), atol=1e-7,
                                       rtol=0)  # fmt: skip


def test_the_names_on_disk_are_the_hubs(make: Make) -> None:
    names = set(make("VideoMAEForPreTraining", use_mean_pooling=False).hub_state_dict())
    assert names >= {
        "decoder.decoder_layers.0.attention.attention.q_bias",
        "decoder.decoder_layers.0.output.dense.weight",
        "decoder.head.bias",
        "decoder.norm.weight",
        "encoder_to_decoder.weight",
        "mask_token",
        "videomae.embeddings.patch_embeddings.projection.weight",
        "videomae.encoder.layer.1.attention.attention.key.weight",
        "videomae.encoder.layer.1.attention.attention.v_bias",
        "videomae.encoder.layer.1.attention.output.dense.bias",
        "videomae.layernorm.bias",
    }
    assert not any("position" in name or name.endswith("key.bias") for name in names)
    names = set(make("VideoMAEForVideoClassification").hub_state_dict())
    assert names >= {"fc_norm.weight", "classifier.weight"}
    assert "videomae.layernorm.weight" not in names


def test_names_that_a_newer_model_has_in_memory_are_read(make: Make, videos: Tensor) -> None:
    model = make("VideoMAEForVideoClassification")
    state = {
        name.replace("q_bias", "query.bias").replace("v_bias", "value.bias"): tensor
        for name, tensor in model.hub_state_dict().items()
    }
    assert "videomae.encoder.layer.0.attention.attention.query.bias" in state
    again = VideoMAEForVideoClassification.from_pretrained(
        None, config=model.config, state_dict=state
    )
    assert torch.equal(again(videos).logits, model(videos).logits)


def test_the_norm_of_the_mean_has_torchs_epsilon(make: Make) -> None:
    model = make("VideoMAEForVideoClassification", layer_norm_eps=0.5)
    assert model.fc_norm.eps == 1e-5
    assert model.model.stack.layers[0].mlp_norm.eps == 0.5


def test_hidden_tubelets_are_not_seen(make: Make, videos: Tensor) -> None:
    model = make("VideoMAEForPreTraining")
    changed = videos.clone()
    changed[:, :2, :, :4, :4] += 1.0  # the first tubelet
    first, second = (model(each, bool_masked_pos=hidden(3, 3)) for each in (videos, changed))
    assert torch.equal(first.logits, second.logits)
    assert first.logits.shape == (2, 3, 2 * 4 * 4 * 3)
    third = model(changed, bool_masked_pos=hidden(3, 3).flip(1))
    assert not torch.allclose(model(videos, hidden(3, 3).flip(1)).logits, third.logits)


@pytest.mark.parametrize("norm_pix_loss", [True, False])
def test_what_is_learnt_are_the_pixels_of_each_tubelet(
    make: Make, videos: Tensor, norm_pix_loss: bool
) -> None:
    model: VideoMAEForPreTraining = make("VideoMAEForPreTraining", norm_pix_loss=norm_pix_loss)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    targets = model.targets((videos - mean) / deviation)
    # The sixth tubelet: frames 2 and 3, upper row, second column.
    tubelet = videos[1, 2:, :, :4, 4:].permute(0, 2, 3, 1).reshape(-1, 3)
    if norm_pix_loss:
        tubelet = (tubelet - tubelet.mean(0)) / (tubelet.std(0) + 1e-6)
    torch.testing.assert_close(targets[1, 5], tubelet.flatten(), rtol=1e-4, atol=1e-5)


def test_grey_videos_are_learnt_as_they_are(make: Make, videos: Tensor) -> None:
    """The reference refuses to learn their pixels without norm_pix_loss."""
    model = make("VideoMAEForPreTraining", num_channels=1, norm_pix_loss=False)
    grey = videos[:, :, :1]
    assert model(grey, hidden(2, 2)).loss.isfinite()
    torch.testing.assert_close(model.targets(grey)[0, 0], grey[0, :2, 0, :4, :4].flatten())


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (hidden(2, 3), "as many tubelets of each video"),
        (hidden(2, 2)[:, 1:], r"has shape \(2, 7\), expected \(2, 8\)"),
        (None, "bool_masked_pos to say which tubelets to hide"),
    ],
)
def test_masks_that_cannot_be_used(
    make: Make, videos: Tensor, mask: Tensor | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        make("VideoMAEForPreTraining")(videos, bool_masked_pos=mask)


def test_videos_that_do_not_fit(make: Make, videos: Tensor) -> None:
    model = make("VideoMAEModel")
    for wrong in (videos[:, :2], videos[..., 4:], videos[:, :, :1], videos[0]):
        with pytest.raises(InputError, match=r"must be \(batch, 4, 3, 8, 8\), got"):
            model(wrong)
    with pytest.raises(InputError, match="give pixel_values"):
        model()


def test_without_labels_the_pooled_states_are_the_scores(make: Make, videos: Tensor) -> None:
    model = make("VideoMAEForVideoClassification", num_labels=0, use_mean_pooling=False)
    assert torch.equal(model(videos).logits, model.base_model(videos).last_hidden_state[:, 0])
