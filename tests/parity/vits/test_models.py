"""VITS against the reference: single texts, batches, noise, speakers, and the parts for training.

In a batch the reference lets the end of a row hear what its longest row is padded with, so ours is
compared with the reference's rows one by one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import automodel_vits
from parity.vits.cases import VITS
from support.family import Case
from support.parity import ArchitectureParity
from support.reference import assert_close

HEAD = "VitsModel"
# As transformers 4 is imported.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")
EVERY = pytest.mark.parametrize("name", VITS.cases)


class TestVits(ArchitectureParity):
    family = VITS
    untested_keys = ("resblock_dilation_sizes",)  # tuples there
    test_embeddings_may_be_given: Any = None
    test_bfloat16_is_as_near_to_the_truth_as_the_reference: Any = None

    def arguments(self, case: Case, head: str, config: Any = None, rows: int = 1) -> dict[str, Any]:
        given: dict[str, Any] = dict(self.family.batch(case, head, 1))
        if "num_speakers" in case.settings:
            given["speaker_id"] = 2
        return given


def assert_same_speech(found: Any, expected: Any) -> None:
    """Compare waveforms to 1e-4, and what they are made of to the usual tolerance."""
    assert torch.equal(found.sequence_lengths, expected.sequence_lengths)
    assert_close(found.spectrogram, expected.spectrogram)
    torch.testing.assert_close(found.waveform, expected.waveform, rtol=0, atol=1e-4)


@EVERY
def test_a_batch_is_its_rows(name: str) -> None:
    reference, model = VITS.pair(VITS.cases[name], HEAD, 1)
    given = VITS.batch(VITS.cases[name], HEAD)
    more = {"output_hidden_states": True, "output_attentions": True}
    with torch.no_grad():
        expected, found = reference(**given, **more), model(**given, **more)
        for part in ("sequence_lengths", "spectrogram", "hidden_states", "attentions"):
            assert_close(found[part], expected[part], part)
        mask = given.get("attention_mask", torch.ones_like(given["input_ids"]))
        for row in range(len(mask)):
            count = int(mask[row].sum())
            alone = reference(given["input_ids"][row : row + 1, :count]).waveform[0]
            assert_close(found.waveform[row, : len(alone)], alone, f"row {row}")
            assert not found.waveform[row, len(alone) :].any()


@EVERY
def test_the_same_noise_gives_the_same_speech(name: str) -> None:
    noise = {"noise_scale": 0.5, "noise_scale_duration": 0.9}
    case = VITS.cases[name]
    reference, model = VITS.pair(Case({**case.settings, **noise}, lengths=case.lengths), HEAD)
    given = VITS.batch(case, HEAD, rows=1)
    with torch.no_grad():
        torch.manual_seed(7)
        expected = reference(**given)
        torch.manual_seed(7)
        assert_same_speech(model(**given), expected)
        assert_same_speech(model(**given, seed=7), expected)
        reference.noise_scale, reference.noise_scale_duration = 1.5, 0.1
        model.noise_scale = 1.5
        reference.speaking_rate = 1.7
        torch.manual_seed(8)
        expected = reference(**given)
        given |= {"noise_scale_duration": 0.1, "speaking_rate": 1.7}
        assert_same_speech(model(**given, seed=8), expected)


@pytest.mark.parametrize("name", ["plain", "speakers", "speakers, no flow"])
def test_parts_for_training(name: str) -> None:
    reference, model = VITS.pair(VITS.cases[name], HEAD)
    chance = torch.Generator().manual_seed(0)
    config = model.config
    shown = torch.ones(2, 1, 11)
    shown[1, :, 7:] = 0

    def drawn(channels: int, length: int = 11) -> Tensor:
        return torch.randn(2, channels, length, generator=chance) * 2

    speaker = drawn(6, 1) if config.num_speakers > 1 else None
    calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
        ("posterior_encoder", (drawn(9), shown, speaker), {}),
        ("flow", (drawn(8), shown, speaker), {}),
        ("flow", (drawn(8), shown, speaker), {"reverse": True}),
    ]
    durations = torch.randint(1, 9, (2, 1, 11), generator=chance).float() * shown
    if config.use_stochastic_duration_prediction:
        calls.append(("duration_predictor", (drawn(16), shown, speaker, durations), {}))
    else:
        calls.append(("duration_predictor", (drawn(16), shown, speaker), {}))
    for part, given, more in calls:
        results = []
        for whole in (reference, model):
            torch.manual_seed(3)
            results.append(getattr(whole, part)(*given, **more))
        assert_close(results[1], results[0], part)
        values = [result if isinstance(result, Tensor) else result[0] for result in results]
        for value in values:
            value.square().sum().backward()
    ours = {
        key.replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): each.grad
        for key, each in reference.named_parameters()
    }
    for key, weight in model.named_parameters():
        if weight.grad is not None:
            assert_close(weight.grad, ours[key], f"gradient of {key}", floor=10.0)


def test_old_spellings_of_normed_weights(tmp_path: Path) -> None:
    reference, model = VITS.pair(VITS.cases["speakers"], HEAD)
    reference.save_pretrained(tmp_path)
    given = VITS.batch(Case(), HEAD, rows=1)
    new, old = {}, {}
    for key, tensor in model.state_dict().items():
        old[key] = tensor
        spelled = key.replace("weight_g", "parametrizations.weight.original0")
        new[spelled.replace("weight_v", "parametrizations.weight.original1")] = tensor
    assert any("parametrizations" in key for key in new)
    with torch.no_grad():
        expected = reference(**given).waveform
        for state in (old, new):
            torch.save(state, tmp_path / "pytorch_model.bin")
            (tmp_path / "model.safetensors").unlink(missing_ok=True)
            again, info = automodel_vits.VitsModel.from_pretrained(
                tmp_path, output_loading_info=True
            )
            assert not any(info.values()), info
            assert_close(again(**given).waveform, expected)


def test_half_precision_counts_long_texts() -> None:
    """Sums of durations in bfloat16 would lose frames."""
    _, model = VITS.pair(VITS.cases["plain"], HEAD)
    given = VITS.batch(Case(lengths=(60, 0)), HEAD, rows=1)
    with torch.no_grad():
        expected = model(**given).sequence_lengths
        found = model.bfloat16()(**given).sequence_lengths
    assert abs(int(found) - int(expected)) <= 0.1 * int(expected)


def test_speakers_that_are_none() -> None:
    _, model = VITS.pair(VITS.cases["speakers"], HEAD)
    given = VITS.batch(Case(), HEAD)
    with torch.no_grad():
        each = model(**given, speaker_id=torch.tensor([0, 2, 1])).waveform
        one = model(**given, speaker_id=2).waveform
    count = min(each.shape[1], one.shape[1])
    assert_close(each[1, :count], one[1, :count])
    with pytest.raises(ValueError, match="0 to 2"):
        model(**given, speaker_id=3)
    with pytest.raises(ValueError, match="2 speakers were given for 3 texts"):
        model(**given, speaker_id=torch.tensor([0, 1]))
