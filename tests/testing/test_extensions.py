"""The suite checks whatever an extension adds, and finds each seeded fault by the check for it."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import automodel_extras
from automodel_core import AutoModelForMaskedLM, registry
from automodel_core.checkpoint import LocalFiles, MemoryTensors
from automodel_core.errors import InputError
from automodel_core.generation import LogitsProcessorList, MaxLengthCriteria, StoppingCriteriaList
from automodel_core.registry import Head, imports
from automodel_core.testing import (
    CheckFailedError,
    SmallTextConfig,
    SmallTextForCausalLM,
    check_extension,
    checks_of_extension,
)
from automodel_core.testing.extensions import manifest_checks
from automodel_extras import cautious, embedding, half, npz, shelf
from automodel_plain import attention
from support.tiny_plugin import Site

DISTRIBUTION = "automodel-extras"
KERNEL = "automodel-plain"
ROOT = Path(__file__).parents[2]
SOURCES = (ROOT / "docs" / "examples" / DISTRIBUTION, ROOT / "tests" / "packages" / KERNEL)
EXAMPLES = {"shelf": ("shelf:demo",)}
TINY = {
    "bert": {
        "vocab_size": 99,
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 24,
        "max_position_embeddings": 32,
    }
}
PLUGINS = {"bert": "automodel_bert.plugin"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("extras")
    site = Site(found)
    site.metadata("automodel-bert", "automodel.architectures", PLUGINS)
    site.metadata(DISTRIBUTION, "automodel.extensions", {"extras": "automodel_extras.extensions"})
    site.metadata(KERNEL, "automodel.extensions", {"plain": "automodel_plain.plugin"})
    SmallTextForCausalLM(SmallTextConfig(is_decoder=True)).save_pretrained(found / "shelf" / "demo")
    return found


@pytest.fixture(autouse=True)
def extras(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, SOURCES)))
    monkeypatch.setenv("AUTOMODEL_EXTRAS_SHELF", str(folder / "shelf"))
    Site(folder).use(monkeypatch)


def test_an_extension_of_every_kind_passes() -> None:
    report = check_extension(DISTRIBUTION, configs=TINY, sources=EXAMPLES)
    kernel = check_extension(KERNEL)
    assert not report.failed, str(report)
    assert not kernel.failed, str(kernel)
    assert {
        "its_auto_class_is_importable-text-embedding",
        "its_head_belongs_to_nobody_else-bert-text-embedding",
        "padding_changes_nothing-text-embedding",
        "it_ends_at_the_end_token-cautious",
        "what_is_written_is_read-npz",
        "it_equals_the_sums-plain",
        "scores_stay_near-half",
        "it_knows_its_names-shelf",
        "finding_it_imports_no_torch-cautious",
    } <= {*report.passed, *kernel.passed}
    assert len(report.passed) > 70


def test_what_is_no_extension_is_told() -> None:
    with pytest.raises(InputError, match="'automodel-bert' is no installed extension"):
        checks_of_extension("automodel-bert")


# ---- seeded faults ----

Patch = pytest.MonkeyPatch
FAULTS: dict[str, tuple[str, Callable[[Patch], None]]] = {}


def seen(check: str) -> Callable[[Callable[[Patch], None]], Callable[[Patch], None]]:
    """Register a fault, and the check that must see it."""

    def register(patch: Callable[[Patch], None]) -> Callable[[Patch], None]:
        FAULTS[f"{patch.__name__}-{check}"] = check, patch
        return patch

    return register


def replaced(patch: Patch, reference: str, function: Any) -> None:
    patch.setitem(imports._resolved, reference, function)


DECODE = "automodel_extras.cautious:cautious"
PLAIN = "automodel_plain.attention:plain_attention"
HALVE = "automodel_extras.half:hold_linears_in_half"
WRITE, READ = "automodel_extras.npz:write_npz", "automodel_extras.npz:NpzTensors"
SHELF = "automodel_extras.shelf:open_from_shelf"


@seen("it_heeds_what_is_forbidden-cautious")
def strategy_ignores_processors(patch: Patch) -> None:
    def decode(session: Any, request: Any) -> Any:
        return cautious.cautious(session, replace(request, logits_processor=LogitsProcessorList()))

    replaced(patch, DECODE, decode)


@seen("it_ends_at_the_end_token-cautious")
def strategy_ignores_the_end_token(patch: Patch) -> None:
    def decode(session: Any, request: Any) -> Any:
        length = MaxLengthCriteria(len(session.prompt[0]) + 5)
        return cautious.cautious(
            session, replace(request, stopping_criteria=StoppingCriteriaList([length]))
        )

    replaced(patch, DECODE, decode)


@seen("it_continues_the_prompt-cautious")
def strategy_leaves_out_the_prompt(patch: Patch) -> None:
    def decode(session: Any, request: Any) -> Any:
        found = cautious.cautious(session, request)
        found.sequences = found.sequences[:, 2:]
        return found

    replaced(patch, DECODE, decode)


@seen("it_returns_an_output-cautious")
def strategy_returns_a_tuple(patch: Patch) -> None:
    class Pair:
        sequences = torch.zeros(2, 9, dtype=torch.long)

    replaced(patch, DECODE, lambda session, request: Pair())


@seen("it_leaves_the_model_as_it_was-cautious")
def strategy_trains(patch: Patch) -> None:
    def decode(session: Any, request: Any) -> Any:
        session.model.train()
        return cautious.cautious(session, request)

    replaced(patch, DECODE, decode)


@seen("what_is_written_is_read-npz")
def format_forgets_precision(patch: Patch) -> None:
    def write(tensors: Any, file: Any, metadata: Any) -> None:
        npz.write_npz({name: t.float() for name, t in tensors.items()}, file, metadata)

    replaced(patch, WRITE, write)


@seen("what_is_written_is_read-npz")
def format_forgets_shapes(patch: Patch) -> None:
    def write(tensors: Any, file: Any, metadata: Any) -> None:
        npz.write_npz({name: t.flatten() for name, t in tensors.items()}, file, metadata)

    replaced(patch, WRITE, write)


@seen("a_model_is_saved_and_loaded-npz")
def format_rounds(patch: Patch) -> None:
    def write(tensors: Any, file: Any, metadata: Any) -> None:
        rounded = {name: t.bfloat16().to(t.dtype) for name, t in tensors.items()}
        npz.write_npz(rounded, file, metadata)

    replaced(patch, WRITE, write)


@seen("a_damaged_file_is_refused-npz")
def format_trusts_files(patch: Patch) -> None:
    def read(path: Path, **_: Any) -> Any:
        try:
            return npz.NpzTensors(path)
        except Exception as error:
            raise KeyError(str(path)) from error

    replaced(patch, READ, read)


@seen("a_file_runs_no_code-npz")
def format_unpickles(patch: Patch) -> None:
    def read(path: Path, **_: Any) -> Any:
        return MemoryTensors(torch.load(path, weights_only=False, pickle_module=pickle))

    replaced(patch, READ, read)


def kernel(**faults: Any) -> Any:
    def attend(query: Tensor, key: Tensor, value: Tensor, mask: Any, **given: Any) -> Tensor:
        if faults.get("mask") is False:
            mask = None
        given |= {name: value for name, value in faults.items() if name != "mask"}
        return attention.plain_attention(query, key, value, mask, **given)

    return attend


@seen("it_equals_the_sums-plain")
def kernel_ignores_scale(patch: Patch) -> None:
    replaced(patch, PLAIN, kernel(scale=1.0))


@seen("it_equals_the_sums-plain")
def kernel_sees_later_tokens(patch: Patch) -> None:
    replaced(patch, PLAIN, kernel(is_causal=False))


@seen("it_equals_the_sums-plain")
def kernel_ignores_masks(patch: Patch) -> None:
    replaced(patch, PLAIN, kernel(mask=False))


@seen("its_dropout_drops-plain")
def kernel_drops_nothing(patch: Patch) -> None:
    replaced(patch, PLAIN, kernel(dropout=0.0))


@seen("its_gradients_are_those_of_the_sums-plain")
def kernel_cuts_gradients(patch: Patch) -> None:
    def attend(query: Tensor, key: Tensor, *rest: Any, **given: Any) -> Tensor:
        scaled = 2 * query - query.detach()
        return attention.plain_attention(scaled, key, *rest, **given)

    replaced(patch, PLAIN, attend)


@seen("it_keeps_the_precision-plain")
def kernel_widens(patch: Patch) -> None:
    replaced(patch, PLAIN, lambda *args, **given: attention.plain_attention(*args, **given).float())


@seen("it_leaves_its_arguments-plain")
def kernel_writes_into_its_arguments(patch: Patch) -> None:
    def attend(query: Tensor, *rest: Any, **given: Any) -> Tensor:
        attended = attention.plain_attention(query, *rest, **given)
        with torch.no_grad():
            query.mul_(2)
        return attended

    replaced(patch, PLAIN, attend)


@seen("scores_stay_near-half")
def quantizer_does_nothing(patch: Patch) -> None:
    replaced(patch, HALVE, lambda model, settings: None)


@seen("scores_stay_near-half")
def quantizer_is_too_rough(patch: Patch) -> None:
    @torch.no_grad()
    def round_weights(model: Any, settings: Any) -> None:
        for weight in model.parameters():
            weight.sign_()

    replaced(patch, HALVE, round_weights)


@seen("unknown_settings_are_refused-half")
def quantizer_ignores_settings(patch: Patch) -> None:
    replaced(patch, HALVE, lambda model, settings: half.hold_linears_in_half(model, {}))


@seen("it_grows_nothing-half")
def quantizer_keeps_a_copy(patch: Patch) -> None:
    def round_weights(model: Any, settings: Any) -> None:
        before = [weight.detach().clone() for weight in model.parameters()]
        half.hold_linears_in_half(model, settings)
        for number, weight in enumerate(before):
            model.register_buffer(f"before{number}", weight)

    replaced(patch, HALVE, round_weights)


@seen("it_passes_on_other_names-shelf")
def source_fails_for_other_names(patch: Patch) -> None:
    def open_shelf(name: Any, options: Any) -> Any:
        found = shelf.open_from_shelf(name, options)
        if found is None:
            raise FileNotFoundError(name)
        return found

    replaced(patch, SHELF, open_shelf)


@seen("it_knows_its_names-shelf")
def source_knows_nothing(patch: Patch) -> None:
    replaced(patch, SHELF, lambda name, options: None)


@seen("it_stays_in_its_place-shelf")
def source_leads_elsewhere(patch: Patch) -> None:
    class Everywhere(LocalFiles):
        def find(self, filename: str) -> Path | None:
            return self.folder / filename

    def open_shelf(name: Any, options: Any) -> Any:
        found = shelf.open_from_shelf(name, options)
        return None if found is None else Everywhere(found.name, found.folder)  # type: ignore[attr-defined]

    replaced(patch, SHELF, open_shelf)


@seen("its_head_belongs_to_nobody_else-bert-text-embedding")
def head_is_the_owners(patch: Patch) -> None:
    owner = registry.get("bert")
    models = {**owner.models, "text-embedding": owner.models["base"]}
    patch.setattr(registry, "get", lambda name: replace(owner, models=models))


@seen("padding_changes_nothing-text-embedding")
def head_counts_padding(patch: Patch) -> None:
    head = embedding.BertForTextEmbedding
    forward = head.forward

    def forgetful(self: Any, input_ids: Any = None, attention_mask: Any = None, **more: Any) -> Any:
        found = forward(self, input_ids, attention_mask, output_hidden_states=True, **more)
        found.embeddings = found.hidden_states[-1].mean(1)
        return found

    patch.setattr(head, "forward", forgetful)


@seen("its_auto_class_has_types-text-embedding")
def task_has_an_auto_class_that_the_face_does_not_list(patch: Patch) -> None:
    patch.delitem(vars(automodel_extras), "AutoModelForTextEmbedding", raising=False)
    patch.setattr(automodel_extras, "__getattr__", lambda _: None)


@seen("its_auto_class_has_types-text-embedding")
def task_is_of_a_package_that_is_not_marked_as_typed(patch: Patch) -> None:
    patch.setattr(manifest_checks, "files", lambda _: Path(__file__).parent)


@seen("its_auto_class_is_importable-text-embedding")
def task_names_the_auto_class_of_another(patch: Patch) -> None:
    replaced(patch, "automodel_extras.auto:AutoModelForTextEmbedding", AutoModelForMaskedLM)


@seen("its_references_resolve-bert-text-embedding")
def head_names_a_class_that_is_missing(patch: Patch) -> None:
    patch.delattr(embedding, "BertForTextEmbedding")
    patch.setattr(imports, "_resolved", {})


@seen("it_is_what_its_name_finds-cautious")
def strategy_has_the_name_of_another(patch: Patch) -> None:
    greedy = registry.parts.get(registry.DecodingStrategy, "greedy")
    patch.setattr(registry.parts, "find", lambda *_: greedy)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_seeded_fault_is_found(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, patch = FAULTS[fault]
    check = next(check for check in all_checks() if check.id == name)
    check()
    patch(monkeypatch)
    names_nothing = "resolve" in name or "importable" in name
    expected = (CheckFailedError, Exception) if names_nothing else CheckFailedError
    with pytest.raises(expected):
        check()


def test_each_kind_has_its_faults() -> None:
    kinds = {name.partition("_")[0] for name in FAULTS}
    assert kinds == {"strategy", "format", "kernel", "quantizer", "source", "head", "task"}
    assert Head in {type(check.subject.manifest) for check in part_checks()}


def all_checks() -> list[Any]:
    extras = checks_of_extension(DISTRIBUTION, configs=TINY, sources=EXAMPLES)
    return [*extras, *checks_of_extension(KERNEL)]


def part_checks() -> list[Any]:
    return [check for check in all_checks() if "Part" in type(check.subject).__name__]
