"""T5 that decodes step by step: the cache, the prepared layers, and whole generations."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

transformers = pytest.importorskip("transformers")

import torch  # noqa: E402

from automodel_core.layers.caches.base import Cache  # noqa: E402
from automodel_core.layers.kernels.cpu_products import KERNELS, runs_here  # noqa: E402
from parity.t5.cases import CASES, batch, pair  # noqa: E402
from support.reference import assert_close  # noqa: E402

HEAD = "ForConditionalGeneration"


@pytest.fixture(params=[1, 3, 8])
def rows(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def stepwise(model: Any, given: dict[str, Any], cache: Any, chunks: list[int]) -> torch.Tensor:
    """Return the logits of all positions, fed in chunks."""
    given = dict(given)
    ids = given.pop("decoder_input_ids")
    mask = given.pop("decoder_attention_mask", None)
    encoded = model.get_encoder()(
        input_ids=given.pop("input_ids"), attention_mask=given.get("attention_mask")
    )
    logits, start = [], 0
    for length in chunks:
        end = start + length
        along = {} if mask is None else {"decoder_attention_mask": mask[:, :end]}
        output = model(
            encoder_outputs=encoded, decoder_input_ids=ids[:, start:end], past_key_values=cache,
            use_cache=True, **along, **given,
        )  # fmt: skip
        cache, start = output.past_key_values, end
        logits.append(output.logits)
    assert cache.get_seq_length() == start
    return torch.cat(logits, dim=1)


def visible(logits: torch.Tensor, given: dict[str, Any]) -> torch.Tensor:
    """Leave out the positions of padding, which attend to nothing or to one another."""
    mask = given.get("decoder_attention_mask")
    return logits if mask is None else logits[mask.bool()]


@pytest.mark.parametrize("decoding", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_cached_steps_equal_one_pass(name: str, decoding: bool, rows: int) -> None:
    case = CASES[name]
    reference, model = pair(case, HEAD)
    given = batch(case, rows)
    length = min(case.lengths[1], 24)
    for key in ("decoder_input_ids", "decoder_attention_mask"):
        if key in given:
            given[key] = given[key][:, :length]
    plans = [[1] * length, [3] + [1] * (length - 3), [2, 3] + [1] * (length - 5)]
    with torch.no_grad():
        expected = visible(reference(**given).logits, given)
        for chunks in plans:
            logits = stepwise(model, given, Cache(decoding=decoding), chunks)
            assert_close(visible(logits, given), expected, f"chunks {chunks}")


@pytest.mark.parametrize("name", ["1.0", "umt5"])
def test_details_of_cached_steps(name: str) -> None:
    case = CASES[name]
    reference, model = pair(case, HEAD)
    given = batch(case)
    details = {"output_attentions": True, "output_hidden_states": True}
    ids, mask = given.pop("decoder_input_ids"), given.pop("decoder_attention_mask")
    with torch.no_grad():
        for cache in (None, Cache(), Cache(decoding=True)):
            theirs = None
            for start, end in ((0, 3), (3, 4), (4, 5)):
                step = {
                    "decoder_input_ids": ids[:, start:end],
                    "decoder_attention_mask": mask[:, :end],
                    "use_cache": True, **given, **details,
                }  # fmt: skip
                expected = reference(past_key_values=theirs, **step)
                found = model(past_key_values=cache, **step)
                theirs, cache = expected.past_key_values, found.past_key_values
                for key in (
                    "logits", "decoder_hidden_states", "decoder_attentions", "cross_attentions",
                ):  # fmt: skip
                    assert_close(found[key], expected[key], f"{key} of {start}:{end}")


def generated(model: Any, given: dict[str, Any], settings: dict[str, Any]) -> Any:
    given = {name: value for name, value in given.items() if "decoder" not in name}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.generate(**given, **settings, return_dict_in_generate=True, output_scores=True)


def assert_same_generation(found: Any, expected: Any) -> None:
    assert found.sequences.tolist() == expected.sequences.tolist()
    assert len(found.scores) == len(expected.scores)
    for index, (ours, theirs) in enumerate(zip(found.scores, expected.scores, strict=True)):
        assert torch.equal(ours.isinf(), theirs.isinf())
        finite = [scores.masked_fill(scores.isinf(), 0.0) for scores in (ours, theirs)]
        assert_close(*finite, f"scores of step {index}")
    if "sequences_scores" in expected:
        assert_close(found.sequences_scores, expected.sequences_scores)


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("name", CASES)
def test_generated_ids(name: str, beams: int, rows: int) -> None:
    case = CASES[name]
    if rows == 8 and case.lengths[0] > 100:
        rows = 2
    reference, model = pair(case, HEAD)
    settings: dict[str, Any] = {"max_new_tokens": 12, "num_beams": beams}
    if beams > 1:
        settings["num_return_sequences"] = 2
    if name == "usual buckets":
        settings |= {"max_new_tokens": 40, "min_new_tokens": 40}
    given = batch(case, rows)
    # The reference sizes its cache by the encoder and fails where the decoder is deeper.
    theirs = settings | ({"use_cache": False} if name == "deep decoder" else {})
    assert_same_generation(generated(model, given, settings), generated(reference, given, theirs))


@pytest.mark.parametrize("kernel", sorted(KERNELS))
@pytest.mark.parametrize("name", ["1.0", "1.1", "umt5"])
def test_every_kernel_gives_the_same_numbers(
    name: str, kernel: str, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not runs_here(KERNELS[kernel]):
        pytest.skip(f"this build of torch has no {kernel} kernel")
    monkeypatch.setenv("AUTOMODEL_LINEAR_KERNEL", kernel)
    reference, model = pair(CASES[name], HEAD)
    given = batch(CASES[name], rows)
    settings = {"max_new_tokens": 8, "num_beams": 2}
    expected, found = (generated(m, given, settings) for m in (reference, model))
    assert_same_generation(found, expected)


@pytest.mark.parametrize("name", ["1.0", "1.1 padded left", "umt5", "mt5"])
def test_half_precision_is_as_near_to_the_truth_as_the_reference(name: str) -> None:
    case = CASES[name]
    reference, model = pair(case, HEAD)
    given = batch(case)
    with torch.no_grad():
        truth = visible(reference(**given).logits, given)
        reference, model = reference.bfloat16(), model.bfloat16()
        theirs = visible(reference(**given).logits, given).float()
        whole = visible(model(**given).logits, given).float()
        steps = visible(stepwise(model, given, Cache(decoding=True), [1] * 6), given).float()
    accepted = 2 * (theirs - truth).square().mean()
    for found in (whole, steps):
        assert (found - truth).square().mean() < accepted


def test_gradients_flow_through_the_cache() -> None:
    case = CASES["1.0"]
    reference, model = pair(case, HEAD)
    given = batch(case)
    chunks = [2, 1, 3]
    logits = stepwise(model, given, Cache(), chunks)
    expected = reference(**given).logits
    weights = torch.linspace(-1, 1, expected.numel()).view_as(expected)
    weights = weights * given["decoder_attention_mask"][..., None]
    (logits * weights).sum().backward()
    (expected * weights).sum().backward()
    for name, parameter in model.named_parameters():
        hub = model.weight_names(model.config).to_hub(name).name
        assert_close(parameter.grad, reference.get_parameter(hub).grad, hub, floor=1.0)
