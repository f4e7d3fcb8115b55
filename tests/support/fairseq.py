"""What the models of fairseq's family must share with the reference beyond the common story."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
import torch

from support.family import ROWS, Case
from support.parity import ArchitectureParity, in_training, target
from support.reference import assert_close, assert_same_gradients, assert_same_outputs

__all__ = ["FairseqParity"]


class FairseqParity(ArchitectureParity):
    """The story; in cases with lengths of their own a decoder alone attends to given states."""

    least_sum: ClassVar[float] = 1e-3
    """The least that sums are compared by, where numbers that cancel are added up."""

    def arguments(
        self, case: Case, head: str, config: Any = None, rows: int = ROWS
    ) -> dict[str, Any]:
        given = super().arguments(case, head, config, rows)
        if head.endswith("ForCausalLM") and case.lengths != Case().lengths:
            size = {**self.family.small, **case.settings}["d_model"]
            chance = torch.Generator().manual_seed(5)
            given["encoder_hidden_states"] = torch.randn(rows, 7, size, generator=chance)
            given["encoder_attention_mask"] = torch.ones(rows, 7, dtype=torch.long)
            given["encoder_attention_mask"][-1, 4:] = 0
        return given

    def prompt(self, case: Case, writer: str, rows: int) -> dict[str, Any]:
        # Generating by a decoder alone, the reference mixes up the keys of both attentions.
        given = super().prompt(case, writer, rows)
        return {key: value for key, value in given.items() if not key.startswith("encoder")}

    @pytest.mark.parametrize("seed", range(3))
    def test_the_same_layers_are_left_out(self, head: str, seed: int) -> None:
        case = self.first_case()
        reference, model = self.family.pair(
            case, head, encoder_layerdrop=0.4, decoder_layerdrop=0.6
        )
        given = self.arguments(case, head, reference.config)
        for each in (reference, model):
            kept = [m.layerdrop for m in each.modules() if hasattr(m, "layerdrop")]
            in_training(each)
            drops = iter(kept)
            for module in each.modules():
                if hasattr(module, "layerdrop"):
                    module.layerdrop = next(drops)
        torch.manual_seed(seed)
        theirs = reference(**given)
        torch.manual_seed(seed)
        ours = model(**given)
        assert_close(target(ours, given), target(theirs, given), floor=self.least_sum)
        target(theirs, given).backward()
        target(ours, given).backward()
        assert_same_gradients(model, reference)

    @pytest.mark.parametrize("size", [36, 45])
    def test_a_resized_vocabulary(self, head: str, size: int) -> None:
        case = self.first_case()
        reference, model = self.family.pair(case, head)
        given = self.arguments(case, head)
        given = {k: v.clamp(max=35) if k.endswith("ids") else v for k, v in given.items()}
        for each in (reference, model):
            each.resize_token_embeddings(size)
        for key, tensor in reference.state_dict().items():
            assert model.hub_state_dict()[key].shape == tensor.shape, key
        kept = min(size, self.family.small["vocab_size"])
        with torch.no_grad():
            theirs, ours = reference(**given), model(**given)
        if "logits" in theirs and theirs.logits.shape[-1] == size:
            assert_close(ours.logits[..., :kept], theirs.logits[..., :kept])
        else:
            assert_same_outputs(ours, theirs)
