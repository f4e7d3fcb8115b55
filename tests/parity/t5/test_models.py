"""Every head of T5, mT5 and UMT5 against the reference: outputs, losses, gradients, insides."""

from __future__ import annotations

from typing import Any

import pytest

transformers = pytest.importorskip("transformers")

import torch  # noqa: E402

from parity.t5.cases import CASES, HEADS, IS_5, batch, ours_from, pair, reference_model  # noqa: E402
from support.reference import (  # noqa: E402
    assert_close,
    assert_same_gradients,
    assert_same_outputs,
)

ENCODERS = ("EncoderModel", "ForTokenClassification")


def arguments(case: Any, head: str, *, labelled: bool = False) -> dict[str, Any]:
    """Return what the head's forward takes."""
    given: dict[str, Any] = dict(batch(case))
    rows, length = given["input_ids"].shape
    if head in ENCODERS:
        given = {name: value for name, value in given.items() if "decoder" not in name}
    if head == "ForSequenceClassification":
        # The decoder reads what the encoder does, so that both see the end.
        given = {name: value for name, value in given.items() if "decoder" not in name}
    if not labelled:
        return given
    generator = torch.Generator().manual_seed(9)
    if head == "ForConditionalGeneration":
        labels = torch.randint(2, 47, (rows, case.lengths[1]), generator=generator)
        labels[0, -2:] = -100
        del given["decoder_input_ids"]
        given["labels"] = labels
    elif head == "ForTokenClassification":
        given["labels"] = torch.randint(0, 3, (rows, length), generator=generator)
        given["labels"][1, :3] = -100
    elif head == "ForSequenceClassification":
        given["labels"] = torch.tensor([0, 2, 1])
    elif head == "ForQuestionAnswering":
        given["start_positions"] = torch.tensor([0, 2, 10_000])
        given["end_positions"] = torch.tensor([[1], [3], [4]])
    return given


def target(output: Any) -> torch.Tensor:
    """Return a number to differentiate: the loss, or a sum that weighs every state differently."""
    if "loss" in output:
        return output["loss"]
    states = output["last_hidden_state"]
    weights = torch.linspace(-1.0, 1.0, states.numel()).view_as(states)
    return (states * weights).sum()


def labels_of_question(head: str) -> dict[str, int]:
    return {"num_labels": 2} if head == "ForQuestionAnswering" else {}


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("name", CASES)
def test_outputs_losses_and_gradients(name: str, head: str) -> None:
    case = CASES[name]
    reference, model = pair(case, head, **labels_of_question(head))
    details = {"output_attentions": True, "output_hidden_states": True}
    given = arguments(case, head)
    with torch.no_grad():
        expected = reference(**given, **details)
        assert_same_outputs(model(**given, **details), expected)
        plain = model(**given)
        assert_same_outputs(plain, reference(**given))
    given = arguments(case, head, labelled=True)
    theirs, ours = reference(**given), model(**given)
    if "loss" in theirs:
        assert_close(ours.loss, theirs.loss, "loss")
    target(theirs).backward()
    target(ours).backward()
    assert_same_gradients(model, reference)


@pytest.mark.skipif(not IS_5, reason="transformers 4 leaves out the attentions of a head")
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("name", ["1.0", "1.1 padded left", "umt5"])
def test_tuples_have_the_same_order(name: str, head: str) -> None:
    case = CASES[name]
    reference, model = pair(case, head, **labels_of_question(head))
    given = arguments(case, head) | {"output_attentions": True, "return_dict": False}
    if head not in ENCODERS:
        given["use_cache"] = False
    with torch.no_grad():
        expected, found = reference(**given), model(**given)
    assert isinstance(found, tuple)
    assert_close(found, [part for part in expected if len(part)])


@pytest.mark.parametrize("problem", ["regression", "several labels", "one number", None])
def test_problem_types_of_classification(problem: str | None) -> None:
    case = CASES["1.0"]
    count, labels = {
        "regression": (3, torch.rand(3, 3)),
        "several labels": (3, torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0], [1.0, 1.0, 1.0]])),
        "one number": (1, torch.rand(3)),
        None: (3, torch.tensor([0, 2, 1])),
    }[problem]
    more = {"problem_type": "regression"} if problem == "regression" else {}
    reference, model = pair(case, "ForSequenceClassification", num_labels=count, **more)
    given = arguments(case, "ForSequenceClassification") | {"labels": labels}
    expected, found = reference(**given), model(**given)
    assert_close(found.loss, expected.loss)
    assert_close(found.logits, expected.logits)
    expected.loss.backward()
    found.loss.backward()
    assert_same_gradients(model, reference)
    assert model.config.problem_type == more.get("problem_type"), "forward wrote to the config"


@pytest.mark.parametrize("name", ["1.0", "1.1 padded left", "umt5"])
def test_embeddings_and_encoder_outputs_given(name: str) -> None:
    case = CASES[name]
    reference, model = pair(case, "ForConditionalGeneration")
    given = batch(case)
    embed = reference.get_input_embeddings()
    embedded = {
        "inputs_embeds": embed(given["input_ids"]) * 1.5,
        "decoder_inputs_embeds": embed(given["decoder_input_ids"]) * 0.5,
        "attention_mask": given["attention_mask"],
        "decoder_attention_mask": given["decoder_attention_mask"],
    }
    with torch.no_grad():
        assert_same_outputs(model(**embedded), reference(**embedded))
        states = torch.randn(3, case.lengths[0], 16, generator=torch.Generator().manual_seed(1))
        rest = {k: v for k, v in given.items() if k != "input_ids"}
        expected = reference(encoder_outputs=(states,), **rest)
        for outputs in ((states,), [states], {"last_hidden_state": states}, model.get_encoder()):
            if callable(outputs):
                found_states = outputs(inputs_embeds=embedded["inputs_embeds"])
                own = model(encoder_outputs=found_states, **rest)
                assert_close(
                    own.logits,
                    reference(encoder_outputs=(found_states.last_hidden_state,), **rest).logits,
                )
            else:
                assert_same_outputs(model(encoder_outputs=outputs, **rest), expected)


@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
@pytest.mark.parametrize("name", ["1.0", "1.1 padded left", "umt5", "deep decoder"])
def test_either_attention_implementation(name: str, implementation: str) -> None:
    case = CASES[name]
    reference = reference_model(case, "ForConditionalGeneration")
    model = ours_from(reference, attn_implementation=implementation)
    assert model.config._attn_implementation == implementation
    given = batch(case)
    with torch.no_grad():
        assert_same_outputs(model(**given), reference(**given))
        loaded = ours_from(reference)
        loaded.set_attn_implementation(implementation)
        assert_same_outputs(loaded(**given), reference(**given))


@pytest.mark.parametrize("name", ["1.0", "1.1", "umt5", "mt5"])
def test_gradient_checkpointing_gives_the_same_gradients(name: str) -> None:
    case = CASES[name]
    reference, model = pair(case, "ForConditionalGeneration", dropout_rate=0.0)
    given = arguments(case, "ForConditionalGeneration", labelled=True)
    reference(**given).loss.backward()
    model.gradient_checkpointing_enable()
    assert model.is_gradient_checkpointing
    model.train()
    output = model(**given)
    assert output.past_key_values is None
    output.loss.backward()
    assert_same_gradients(model, reference)
    model.gradient_checkpointing_disable()
    assert not model.is_gradient_checkpointing


@pytest.mark.parametrize("name", ["1.0", "1.1", "umt5"])
def test_checkpointed_dropout_is_the_same_dropout(name: str) -> None:
    _, model = pair(CASES[name], "ForConditionalGeneration", dropout_rate=0.2)
    given = arguments(CASES[name], "ForConditionalGeneration", labelled=True)
    model.train()
    gradients = []
    for checkpointed in (False, True):
        model.zero_grad()
        if checkpointed:
            model.gradient_checkpointing_enable()
        torch.manual_seed(3)
        model(**given).loss.backward()
        gradients.append([p.grad.clone() for p in model.parameters()])
    for plain, again in zip(*gradients, strict=True):
        torch.testing.assert_close(again, plain)


@pytest.mark.parametrize("name", ["1.0", "1.1", "umt5", "mt5"])
@pytest.mark.parametrize("size", [40, 60])
def test_resized_vocabulary(name: str, size: int) -> None:
    case = CASES[name]
    reference, model = pair(case, "ForConditionalGeneration")
    tied = model.lm_head.weight is model.get_input_embeddings().weight
    before = model.get_input_embeddings().weight.detach().clone()
    head = model.lm_head.weight.detach().clone()
    returned = model.resize_token_embeddings(size)
    assert returned is model.get_input_embeddings()
    assert returned.weight.shape == (size, 16)
    assert (model.lm_head.weight is returned.weight) == tied
    assert model.config.vocab_size == size
    kept = min(47, size)
    torch.testing.assert_close(returned.weight[:kept], before[:kept], rtol=0, atol=0)
    torch.testing.assert_close(model.lm_head.weight[:kept], head[:kept], rtol=0, atol=0)
    # Transformers 5 ties the output layer when it resizes, so it is asked before.
    given = {k: v.clamp(max=39) if "ids" in k else v for k, v in batch(case).items()}
    with torch.no_grad():
        expected, found = reference(**given).logits, model(**given).logits
    assert found.shape[-1] == size
    assert_close(found[..., :kept], expected[..., :kept])
