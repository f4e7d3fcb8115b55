"""What models of audio must share with the reference: the common story, told with waveforms."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from torch import Tensor

from support.family import ROWS, Case, Family
from support.parity import SEEN, ArchitectureParity, in_training, target
from support.reference import assert_close, assert_same_gradients, assert_same_outputs

__all__ = ["AudioCase", "AudioFamily", "AudioParity", "heard"]


@dataclass(frozen=True)
class AudioCase(Case):
    """A configuration, and the samples of each recording, of which those behind are padding.

    ``masked`` says whether a mask tells which those are.
    """

    samples: tuple[int, ...] = (400, 330, 250)
    masked: bool = True


def heard(case: AudioCase, rows: int, seed: int) -> dict[str, Tensor]:
    """Return waveforms, each of another length, and the mask of a case that has one."""
    chance = torch.Generator().manual_seed(seed)
    values = torch.randn(rows, max(case.samples), generator=chance)
    mask = torch.zeros(values.shape, dtype=torch.long)
    for row, count in enumerate(case.samples[:rows]):
        mask[row, :count] = 1
    given = {"input_values": values * mask}
    return given | {"attention_mask": mask} if case.masked else given


@dataclass(frozen=True)
class AudioFamily(Family):
    """An architecture whose heads hear waveforms."""

    def frames(self, case: Case) -> int:
        """Return how many frames the longest recording becomes."""
        assert isinstance(case, AudioCase)
        settings, count = {**self.small, **case.settings}, max(case.samples)
        pairs = zip(settings["conv_kernel"], settings["conv_stride"], strict=True)
        for kernel, stride in pairs:
            count = (count - kernel) // stride + 1
        return count

    def batch(self, case: Case, head: str, rows: int = ROWS, seed: int = 0) -> dict[str, Any]:
        assert isinstance(case, AudioCase)
        given: dict[str, Any] = heard(case, rows, seed)
        chance = torch.Generator().manual_seed(seed + 1)
        if head.endswith("ForPreTraining"):
            hidden = torch.rand(rows, self.frames(case), generator=chance) < 0.4
            hidden[:, :3] = True
            given["mask_time_indices"] = hidden
        return given

    def labels(
        self, case: Case, head: str, given: Mapping[str, Tensor], config: Any
    ) -> dict[str, Tensor]:
        """Return what a head learns from."""
        chance = torch.Generator().manual_seed(9)
        rows = len(given["input_values"])
        if head.endswith("ForPreTraining"):
            shape = (rows, self.frames(case), config.num_negatives)
            drawn = torch.randint(rows * self.frames(case), shape, generator=chance)
            return {"sampled_negative_indices": drawn}
        if head.endswith("ForCTC"):
            labels = torch.randint(1, config.vocab_size, (rows, 5), generator=chance)
            labels[1, 3:] = -100
            return {"labels": labels}
        if head.endswith(("ForSequenceClassification", "ForXVector")):
            return {"labels": torch.randint(config.num_labels, (rows,), generator=chance)}
        if head.endswith("ForAudioFrameClassification"):
            shape = (rows, self.frames(case), config.num_labels)
            return {"labels": torch.rand(shape, generator=chance)}
        return {}


class AudioParity(ArchitectureParity):
    """The story, told with waveforms."""

    family: AudioFamily
    # Nothing here writes text.
    test_cached_steps_equal_one_pass = None
    test_generated_ids = None

    def comparable(self, output: Any, case: Case) -> Any:
        """Return what of an output both sides define alike."""
        return output

    def arguments(
        self, case: Case, head: str, config: Any = None, rows: int = ROWS
    ) -> dict[str, Any]:
        given = self.family.batch(case, head, rows)
        return given if config is None else given | self.family.labels(case, head, given, config)

    def halved(self, given: dict[str, Any]) -> dict[str, Any]:
        return {**given, "input_values": given["input_values"].bfloat16()}

    def test_outputs_losses_and_gradients(self, name: str, head: str) -> None:
        case = self.family.cases[name]
        reference, model = self.family.pair(case, head, zlib.crc32(name.encode()))
        given = self.arguments(case, head)
        with torch.no_grad():
            both = [each(**given, **SEEN) for each in (model, reference)]
            assert_same_outputs(*(self.comparable(each, case) for each in both))
            assert_same_outputs(model(**given), reference(**given))
        given = self.arguments(case, head, reference.config)
        assert_same_outputs(model(**given), reference(**given))
        # In double precision gradients differ by what is computed, and not by rounding.
        given["input_values"] = given["input_values"].double()
        theirs, ours = reference.double()(**given), model.double()(**given)
        target(theirs, given).backward()
        target(ours, given).backward()
        assert_same_gradients(model, reference)

    def test_tuples_have_the_same_order(self, head: str) -> None:
        case = self.first_case()
        reference, model = self.family.pair(case, head)
        given = {**self.arguments(case, head), "return_dict": False}
        with torch.no_grad():
            assert_close(model(**given), reference(**given))

    def test_gradient_checkpointing_gives_the_same_gradients(self, head: str) -> None:
        case = self.first_case()
        reference, model = self.family.pair(case, head)
        given = self.arguments(case, head, reference.config)
        in_training(model).gradient_checkpointing_enable()
        if head.endswith("ForPreTraining"):
            model.quantizer.eval()  # which draws codes in training
        target(reference(**given), given).backward()
        target(model(**given), given).backward()
        assert_same_gradients(model, reference)

    def test_embeddings_may_be_given(self, head: str) -> None:
        """There are none: what a frame becomes, only the model knows."""
        model = self.family.pair(self.first_case(), head)[1]
        with pytest.raises(TypeError, match="inputs_embeds"):
            model(**self.arguments(self.first_case(), head), inputs_embeds=torch.zeros(1, 4, 24))

    def test_files_hold_the_names_of_the_reference(self, head: str, tmp_path: Path) -> None:
        """Weight norm may be spelt in torch's newer way there."""
        reference, model = self.family.pair(self.first_case(), head)
        reference.save_pretrained(tmp_path / "theirs")
        model.save_pretrained(tmp_path / "ours")
        names = []
        for side in ("theirs", "ours"):
            with safe_open(tmp_path / side / "model.safetensors", "pt") as file:
                found = " ".join(sorted(file.keys()))
            found = found.replace("parametrizations.weight.original0", "weight_g")
            names.append(
                sorted(found.replace("parametrizations.weight.original1", "weight_v").split())
            )
        assert names[0] == names[1]
