"""SpeechT5 against the reference: every head, losses, gradients, names, files, the vocoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor, nn

import automodel_speecht5
from automodel_core import AutoModelForSpeechSeq2Seq, AutoModelForTextToSpectrogram
from parity.speecht5.cases import CASES, HEADS, arguments, ours_from, pair, reference_of, settled
from support.parity import IS_5, target
from support.reference import (
    assert_close,
    assert_same_gradients,
    assert_same_outputs,
    usual_name,
)

SEEN = {"output_attentions": True, "output_hidden_states": True}
EVERY_CASE = pytest.mark.parametrize("case", CASES)
EVERY_HEAD = pytest.mark.parametrize("head", HEADS)


def seeded(model: Any, given: dict[str, Any], **more: Any) -> Any:
    """Return what a call gives; the net before the decoder drops by chance."""
    torch.manual_seed(5)
    return model(**given, **more)


def has_loss(head: str) -> bool:
    """Return whether the reference has a loss."""
    return head in ("SpeechT5ForSpeechToText", "SpeechT5ForTextToSpeech")


@EVERY_CASE
@EVERY_HEAD
def test_outputs_losses_and_gradients(case: str, head: str) -> None:
    reference, model = pair(case, head)
    given = arguments(reference.config, head, labels=False)
    with torch.no_grad():
        assert_same_outputs(seeded(model, given, **SEEN), seeded(reference, given, **SEEN))
        assert_same_outputs(seeded(model, given), seeded(reference, given))
    given = arguments(reference.config, head, labels=has_loss(head))
    theirs, ours = seeded(reference, given), seeded(model, given)
    if has_loss(head):
        assert_close(ours.loss, theirs.loss)
    target(theirs, given).backward()
    target(ours, given).backward()
    assert_same_gradients(model, reference)


@EVERY_HEAD
def test_frames_of_samples_that_are_hidden(head: str) -> None:
    reference, model = pair("plain", head)
    if "ForSpeechTo" not in head:
        assert not any("masked_spec_embed" in name for name in model.state_dict())
        return
    wave = torch.randn(2, 200)
    hidden = torch.zeros(2, 19, dtype=torch.bool)
    hidden[:, 3:9] = True
    prenets = [whole.get_encoder().prenet for whole in (reference, model)]
    with torch.no_grad():
        expected, found = (net(wave, None, mask_time_indices=hidden) for net in prenets)
    assert_close(found[0], expected[0])


@EVERY_HEAD
def test_tuples_have_the_same_order(head: str) -> None:
    reference, model = pair("plain", head)
    given = {**arguments(reference.config, head, labels=False), "use_cache": False, **SEEN}
    with torch.no_grad():
        expected = seeded(reference, given, return_dict=False)
        found = seeded(model, given, return_dict=False)
    if head == "SpeechT5Model" or not IS_5:
        expected = [part for part in expected if not isinstance(part, tuple) or part]
    assert_close(found, list(expected))


@EVERY_HEAD
@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
def test_either_attention_implementation(head: str, implementation: str) -> None:
    reference = reference_of("one layer, three before the decoder", head)
    model = ours_from(reference, attn_implementation=implementation)
    given = arguments(reference.config, head, labels=False)
    with torch.no_grad():
        assert_same_outputs(seeded(model, given), seeded(reference, given))


@EVERY_CASE
@EVERY_HEAD
def test_names_and_files_go_both_ways(case: str, head: str, tmp_path: Path) -> None:
    reference = reference_of(case, head)
    reference.save_pretrained(tmp_path / "theirs")
    kind = getattr(automodel_speecht5, head)
    model, info = kind.from_pretrained(tmp_path / "theirs", output_loading_info=True)
    assert not any(info.values()), info
    names, found = model.weight_names(model.config), model.hub_state_dict()
    expected = {usual_name(names, key, found): key for key in reference.state_dict()}
    expected.pop(next((k for k in expected if k.endswith("num_batches_tracked")), ""), None)
    assert {k for k in expected if not k.endswith("num_batches_tracked")} == {
        k for k in found if not k.endswith("num_batches_tracked")
    }
    names.check(dict(model.named_parameters()))
    model.save_pretrained(tmp_path / "ours")
    again, info = type(reference).from_pretrained(
        tmp_path / "ours", output_loading_info=True, attn_implementation="eager"
    )
    assert not any(info.values()), info
    given = arguments(reference.config, head, labels=False)
    with torch.no_grad():
        expected = seeded(reference, given)
        assert_same_outputs(seeded(model, given), expected)
        assert_same_outputs(seeded(again.eval(), given), expected)


def test_first_values_have_the_same_spread() -> None:
    for head in HEADS:
        torch.manual_seed(0)
        theirs = getattr(transformers, head)(reference_of("plain", head).config)
        ours = ours_from(theirs).hub_state_dict()
        kind = getattr(automodel_speecht5, head)
        model = kind(kind.config_class.from_dict({**theirs.config.to_dict(), "dtype": None}))
        names, drawn = model.weight_names(model.config), model.hub_state_dict()
        for key, tensor in theirs.state_dict().items():
            key = usual_name(names, key, ours)
            lost = "pos_conv_embed" in key  # the reference draws into a copy of it
            if tensor.is_floating_point() and tensor.numel() >= 100 and not lost:
                spread = tensor.std().item()
                assert drawn[key].std().item() == pytest.approx(spread, rel=0.4, abs=1e-6), key


def test_defaults_are_those_of_the_reference() -> None:
    for name in ("SpeechT5Config", "SpeechT5HifiGanConfig"):
        theirs, ours = getattr(transformers, name)(), getattr(automodel_speecht5, name)()
        for key, field in ours._fields().items():
            if field.own and hasattr(theirs, key) and key != "resblock_dilation_sizes":
                expected = getattr(theirs, key)
                expected = list(expected) if isinstance(expected, tuple) else expected
                assert getattr(ours, key) == expected, key


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("case", ["plain", "untied, scaled", "layer norms in the stem"])
def test_generated_texts(case: str, beams: int) -> None:
    reference, model = pair(case, "SpeechT5ForSpeechToText", seed=3)
    given = arguments(reference.config, "SpeechT5ForSpeechToText", labels=False)
    read = {key: given[key] for key in ("input_values", "attention_mask")}
    settings = {"max_new_tokens": 8, "num_beams": beams}
    expected = reference.generate(**read, **settings)
    assert model.generate(**read, **settings).tolist() == expected.tolist()


def test_auto_classes_find_the_heads(tmp_path: Path) -> None:
    for auto, head in (
        (AutoModelForSpeechSeq2Seq, "SpeechT5ForSpeechToText"),
        (AutoModelForTextToSpectrogram, "SpeechT5ForTextToSpeech"),
    ):
        reference = reference_of("plain", head)
        reference.save_pretrained(tmp_path / head)
        model: Any = auto.from_pretrained(tmp_path / head)
        assert type(model).__name__ == head
        model.freeze_feature_encoder()
        frozen = [name for name, each in model.named_parameters() if not each.requires_grad]
        assert all("feature_encoder" in name for name in frozen)
        assert bool(frozen) == (head == "SpeechT5ForSpeechToText")


VOCODERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "odd": {
        "upsample_rates": [3, 2], "upsample_kernel_sizes": [7, 4], "normalize_before": False,
        "resblock_kernel_sizes": [5], "resblock_dilation_sizes": [[1, 2]], "leaky_relu_slope": 0.3,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", VOCODERS)
def test_vocoder(name: str, tmp_path: Path) -> None:
    small = {"model_in_dim": 6, "upsample_initial_channel": 16}
    config = transformers.SpeechT5HifiGanConfig(**{**small, **VOCODERS[name]})
    reference: nn.Module = settled(transformers.SpeechT5HifiGan(config))
    reference.mean.normal_()
    reference.scale.uniform_(0.5, 2.0)
    reference.save_pretrained(tmp_path / "theirs")
    kind = automodel_speecht5.SpeechT5HifiGan
    model, info = kind.from_pretrained(tmp_path / "theirs", output_loading_info=True)
    assert not any(info.values()), info
    model.save_pretrained(tmp_path / "ours")
    again = transformers.SpeechT5HifiGan.from_pretrained(tmp_path / "ours")
    frames = torch.randn(2, 12, 6)

    def same(found: Tensor, expected: Tensor) -> None:
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)

    with torch.no_grad():
        for given in (frames, frames[0]):
            same(model(given), reference(given))
            same(again(given), reference(given))
        rows = model(frames, lengths=[12, 7])
        alone = reference(frames[1, :7])
        same(rows[1, : len(alone)], alone)
        same(rows[0], reference(frames[0]))
        assert not rows[1, len(alone) :].any()
