"""What every architecture must share with the reference: one story, told for each head and case.

A test module states its `Family` and collects the story by a subclass:

    class TestBart(ArchitectureParity):
        family = BART

`tests/parity/conftest.py` gives each test the family's cases (``name``) and heads (``head``).
What a head takes beyond the usual, a subclass says in ``more_arguments``.
"""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
import transformers
from torch import Tensor, nn

from automodel_core.layers.caches.base import Cache
from support.family import ROWS, WRITES, Case, Family, drawn_labels
from support.reference import (
    assert_close,
    assert_same_gradients,
    assert_same_outputs,
    usual_name,
)

__all__ = [
    "IS_5",
    "ROWS",
    "ArchitectureParity",
    "Case",
    "Family",
    "assert_same_generation",
    "target",
]

IS_5 = transformers.__version__.startswith("5.")
SEEN = {"output_attentions": True, "output_hidden_states": True}


def target(output: Any, given: Mapping[str, Any]) -> Tensor:
    """Return a number to differentiate: the loss, or a sum that weighs every number differently.

    Padding does not count: on the left it sees nothing at all, and kernels differ in the gradient
    of what sees nothing.
    """
    if output.get("loss") is not None:
        return output["loss"]
    masks = [mask for key, mask in given.items() if key.endswith("attention_mask")]
    total = torch.tensor(0.0)
    for part in (*output.values(), *output.get("feature_maps", ())):
        if isinstance(part, Tensor) and part.requires_grad:
            weights = torch.linspace(-1.0, 1.0, part.numel()).view_as(part)
            for mask in masks:
                if part.shape[:2] == mask.shape:
                    weights = weights * mask.view(*mask.shape, *[1] * (part.dim() - 2))
            total = total + (part * weights).sum()
    return total


def assert_same_generation(found: Any, expected: Any, note: object = None) -> None:
    """Compare ids, the scores of each step, and those of the sequences.

    Of beams only those count that the sequences come from: rounding decides which of several
    equally likely ones are kept beside them.
    """
    assert found.sequences.tolist() == expected.sequences.tolist(), note
    assert len(found.scores) == len(expected.scores), note
    for step in range(len(expected.scores)):
        ours, theirs = scores_behind(found, step), scores_behind(expected, step)
        assert torch.equal(ours.isinf(), theirs.isinf()), note
        if len(theirs) == 0:
            break  # all have ended
        finite = [scores.masked_fill(scores.isinf(), 0.0) for scores in (ours, theirs)]
        assert_close(*finite, f"scores of step {step}, {note}")
    if "sequences_scores" in expected:
        assert_close(found.sequences_scores, expected.sequences_scores)


def scores_behind(output: Any, step: int) -> Tensor:
    """Return the scores (sequences, vocabulary) of a step by which the sequences were chosen."""
    scores: Tensor = output.scores[step]
    if "sequences_scores" not in output:
        return scores
    beams = output.beam_indices[:, step : step + 1].flatten()
    return scores[beams[beams >= 0]]


def generated(model: Any, given: Mapping[str, Any], settings: Mapping[str, Any]) -> Any:
    details = {"return_dict_in_generate": True, "output_scores": True}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.generate(**given, **settings, **details)


class ArchitectureParity:
    """The story; a subclass sets ``family``."""

    family: ClassVar[Family]
    untested_keys: ClassVar[tuple[str, ...]] = ()
    """Keys of the configuration whose default differs from the reference's, for a reason."""
    seen: ClassVar[Mapping[str, bool]] = SEEN
    """What the reference shows on request."""
    reference_only: ClassVar[tuple[str, ...]] = ()
    """Ends of names of buffers that the reference writes and can do without."""

    ours_only: ClassVar[tuple[str, ...]] = ()
    """Names that we write for readers of another version than this reference."""

    def is_shared(self, name: str) -> bool:
        """Return whether a name of the reference's state must be in ours."""
        return not name.endswith(self.reference_only)

    def halved(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return arguments as a reference in bfloat16 takes them."""
        return given

    def shown(self, head: str) -> dict[str, Any]:
        """Return the arguments that ask a head for all that both sides show."""
        return dict(self.seen)

    def revived(self, reference: Any) -> Any:
        """Return a model that the reference has loaded, able to run where a bug prevents it."""
        return reference

    def more_arguments(self, case: Case, head: str) -> dict[str, Any]:
        """Return what a head's forward takes besides ids and masks."""
        return {}

    def arguments(
        self, case: Case, head: str, config: Any = None, rows: int = ROWS
    ) -> dict[str, Any]:
        """Return what a head's forward takes; with a configuration, labels too."""
        given: dict[str, Any] = {
            **self.family.batch(case, head, rows),
            **self.more_arguments(case, head),
        }
        if head.endswith(("ForSequenceClassification", "ForQuestionAnswering")):
            # The decoder reads what the encoder does.
            given = {key: value for key, value in given.items() if "decoder" not in key}
        if config is None:
            return given
        labels = drawn_labels(head, given, config)
        if "labels" in labels and self.family.is_encoder_decoder(head):
            given = {key: value for key, value in given.items() if "decoder" not in key}
        return given | labels

    def first_case(self) -> Case:
        return next(iter(self.family.cases.values()))

    # ---- numbers ----

    def test_outputs_losses_and_gradients(self, name: str, head: str) -> None:
        case = self.family.cases[name]
        reference, model = self.family.pair(case, head, zlib.crc32(name.encode()))
        given = self.arguments(case, head)
        with torch.no_grad():
            more = self.shown(head)
            assert_same_outputs(model(**given, **more), reference(**given, **more))
            assert_same_outputs(model(**given), reference(**given))
        given = self.arguments(case, head, reference.config)
        theirs, ours = reference(**given), model(**given)
        assert_same_outputs(ours, theirs)
        target(theirs, given).backward()
        target(ours, given).backward()
        assert_same_gradients(model, reference)

    def test_tuples_have_the_same_order(self, head: str) -> None:
        case = self.first_case()
        reference, model = self.family.pair(case, head)
        given = {**self.arguments(case, head), **self.seen, "return_dict": False}
        if self.family.is_encoder_decoder(head) or head.endswith(WRITES):
            given["use_cache"] = False
        with torch.no_grad():
            expected, found = reference(**given), model(**given)
        assert isinstance(found, tuple)
        assert_close(found, [part for part in expected if not isinstance(part, tuple) or part])

    @pytest.mark.parametrize("implementation", ["eager", "sdpa"])
    def test_either_attention_implementation(self, head: str, implementation: str) -> None:
        case = list(self.family.cases.values())[-1]
        reference = self.family.reference(case, head)
        model = self.family.ours_from(reference, attn_implementation=implementation)
        assert model.config._attn_implementation == implementation
        given = self.arguments(case, head)
        with torch.no_grad():
            assert_same_outputs(model(**given), reference(**given))

    def test_gradient_checkpointing_gives_the_same_gradients(self, head: str) -> None:
        case = self.first_case()
        reference, model = self.family.pair(case, head)
        given = self.arguments(case, head, reference.config)
        in_training(model).gradient_checkpointing_enable()
        target(reference(**given), given).backward()
        target(model(**given), given).backward()
        assert_same_gradients(model, reference)

    def test_embeddings_may_be_given(self, head: str) -> None:
        if self.family.encoder_decoder and head.endswith("ForSequenceClassification"):
            pytest.skip("looks for tokens")
        case = self.first_case()
        reference, model = self.family.pair(case, head)
        given = self.arguments(case, head)
        chance = torch.Generator().manual_seed(1)
        for key in [key for key in given if key.endswith("input_ids")]:
            ids = given.pop(key)
            size = model.get_input_embeddings().embedding_dim
            embeds = torch.randn(*ids.shape, size, generator=chance)
            given[key.replace("input_ids", "inputs_embeds")] = embeds
            if key == "input_ids" and head.endswith("ForQuestionAnswering"):
                given["decoder_inputs_embeds"] = embeds
        if not self.family.is_encoder_decoder(head):
            given.pop("decoder_inputs_embeds", None)
        with torch.no_grad():
            assert_same_outputs(model(**given), reference(**given))

    def test_bfloat16_is_as_near_to_the_truth_as_the_reference(self, head: str) -> None:
        case = self.first_case()
        reference, model = self.family.pair(case, head)
        given = self.arguments(case, head)
        with torch.no_grad():
            truth = reference(**given)
            given = self.halved(given)
            theirs, ours = reference.bfloat16()(**given), model.bfloat16()(**given)
        for key, expected in truth.items():
            if isinstance(expected, Tensor) and expected.is_floating_point():
                accepted = (theirs[key].float() - expected).square().mean()
                found = (ours[key].float() - expected).square().mean()
                assert found <= 3 * accepted + 1e-6, key

    # ---- files and names ----

    def test_files_go_both_ways(self, name: str, head: str, tmp_path: Path) -> None:
        case = self.family.cases[name]
        reference = self.family.reference(case, head)
        given = self.arguments(case, head)
        reference.save_pretrained(tmp_path / "theirs")
        kind = getattr(self.family.package, head)
        model, info = kind.from_pretrained(tmp_path / "theirs", output_loading_info=True)
        assert not any(info.values()), info
        model.save_pretrained(tmp_path / "ours")
        again, info = type(reference).from_pretrained(
            tmp_path / "ours", output_loading_info=True, attn_implementation="eager"
        )
        info["missing_keys"] = [name for name in info["missing_keys"] if self.is_shared(name)]
        info["unexpected_keys"] = set(info["unexpected_keys"]) - set(self.ours_only)
        assert not any(info.values()), info
        with torch.no_grad():
            expected = reference(**given)
            assert_same_outputs(model(**given), expected)
            assert_same_outputs(kind.from_pretrained(tmp_path / "ours")(**given), expected)
            back = self.revived(again.eval())(**given)
            for key, value in expected.items():
                if isinstance(value, Tensor):
                    assert_close(back[key], value, key)

    def test_the_state_dict_has_the_reference_names(self, name: str, head: str) -> None:
        reference, model = self.family.pair(self.family.cases[name], head)
        names, found = model.weight_names(model.config), model.hub_state_dict()
        expected = {
            usual_name(names, key, found): tensor
            for key, tensor in reference.state_dict().items()
            if self.is_shared(key)
        }
        assert found.keys() - set(self.ours_only) == expected.keys() - set(self.ours_only)
        for key, tensor in expected.items():
            assert torch.equal(found[key], tensor), key
        names.check(dict(model.named_parameters()))

    def test_a_body_loads_into_a_head_and_back(self, head: str, tmp_path: Path) -> None:
        body_head = self.family.heads[0]
        case = self.first_case()
        body = self.family.reference(case, body_head)
        body.save_pretrained(tmp_path / "body")
        kind = getattr(self.family.package, head)
        model = kind.from_pretrained(tmp_path / "body")
        assert model.load_report is not None
        if type(model.base_model) is not getattr(self.family.package, body_head):
            pytest.skip("has a part of the body only")
        given = self.arguments(case, body_head)
        with torch.no_grad():
            expected = body(**given)
            assert_close(model.base_model(**given)[0], expected[0])
            model.save_pretrained(tmp_path / "head")
            again = getattr(self.family.package, body_head).from_pretrained(tmp_path / "head")
            assert_close(again(**given)[0], expected[0])

    def test_first_values_have_the_same_spread(self, head: str) -> None:
        case = self.first_case()
        kind = getattr(transformers, head)
        settings = self.family.settings(case, head)
        torch.manual_seed(0)
        theirs = kind(kind.config_class(**settings))
        kind = getattr(self.family.package, head)
        model = kind(kind.config_class(**settings))
        names, ours = model.weight_names(model.config), model.hub_state_dict()
        for key, tensor in theirs.state_dict().items():
            if not self.is_shared(key):
                continue
            key = usual_name(names, key, ours)
            if not tensor.is_floating_point() or tensor.numel() < 100:
                continue
            spread = tensor.std().item()
            assert ours[key].std().item() == pytest.approx(spread, rel=0.35, abs=1e-6), key
            assert ours[key].mean().item() == pytest.approx(
                tensor.mean().item(), abs=0.5 * spread + 1e-6
            ), key

    def test_defaults_are_those_of_the_reference(self) -> None:
        for head in self.family.heads:
            theirs = getattr(transformers, head).config_class()
            ours = getattr(self.family.package, head).config_class()
            own = [key for key, field in ours._fields().items() if field.own]
            for key in (*own, *ours.aliases, "is_encoder_decoder", "is_decoder", "num_labels"):
                if hasattr(theirs, key) and key not in self.untested_keys:
                    expected = getattr(theirs, key)
                    expected = list(expected) if isinstance(expected, tuple) else expected
                    assert getattr(ours, key) == expected, key

    # ---- decoding ----

    def test_cached_steps_equal_one_pass(self, name: str, writer: str) -> None:
        case = self.family.cases[name]
        reference, model = self.family.pair(case, writer)
        given = self.arguments(case, writer)
        side = "decoder_" if self.family.is_encoder_decoder(writer) else ""
        ids, mask = given.pop(f"{side}input_ids"), given.pop(f"{side}attention_mask", None)
        shown = torch.ones_like(ids).bool() if mask is None else mask.bool()
        with torch.no_grad():
            along = {} if mask is None else {f"{side}attention_mask": mask}
            expected = reference(**{f"{side}input_ids": ids}, **along, **given).logits[shown]
            for decoding in (False, True):
                for first in (1, 3):
                    cache, parts, start = Cache(decoding=decoding), [], 0
                    for end in range(first, ids.shape[1] + 1):
                        along = {} if mask is None else {f"{side}attention_mask": mask[:, :end]}
                        output = model(
                            **{f"{side}input_ids": ids[:, start:end]},
                            past_key_values=cache, use_cache=True, **along, **given,
                        )  # fmt: skip
                        parts.append(output.logits)
                        start = end
                    found = torch.cat(parts, dim=1)[shown]
                    assert_close(found, expected, f"decoding={decoding}, {first} tokens first")

    @pytest.mark.parametrize("beams", [1, 3])
    def test_generated_ids(self, name: str, writer: str, beams: int) -> None:
        case = self.family.cases[name]
        reference, model = self.family.pair(case, writer, seed=3)
        settings: dict[str, Any] = {"max_new_tokens": 8, "num_beams": beams, **case.generation}
        if beams > 1:
            settings["num_return_sequences"] = 2
        for rows in (1, 3):
            given = self.prompt(case, writer, rows)
            expected = generated(reference, given, settings)
            assert_same_generation(generated(model, given, settings), expected, settings)

    def prompt(self, case: Case, writer: str, rows: int) -> dict[str, Any]:
        """Return what ``generate`` reads: decoders continue texts that are padded on the left."""
        if self.family.is_encoder_decoder(writer):
            given = self.arguments(case, writer, rows=rows)
            return {key: value for key, value in given.items() if "decoder" not in key}
        left = Case(case.settings, case.untied, case.lengths, "left")
        return self.arguments(left, writer, rows=rows)


def in_training(model: nn.Module) -> Any:
    """Return a model in training that computes what it computes in evaluation."""
    model.train()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
        for key in ("dropout", "p", "layerdrop"):
            if isinstance(getattr(module, key, None), float):
                setattr(module, key, 0.0)
    return model
