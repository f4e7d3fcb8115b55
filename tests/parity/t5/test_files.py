"""T5's checkpoints between ours and the reference, both ways; and which weights they tie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import automodel_t5

transformers = pytest.importorskip("transformers")

import torch  # noqa: E402
from torch import nn  # noqa: E402

from automodel_core.errors import IncompleteCheckpointError  # noqa: E402
from parity.t5.cases import (  # noqa: E402
    CASES,
    HEADS,
    IS_5,
    SMALL,
    Case,
    batch,
    ours_from,
    pair,
    reference_model,
)
from support.reference import assert_close, assert_same_outputs  # noqa: E402

HEAD = "ForConditionalGeneration"
only_5 = pytest.mark.skipif(not IS_5, reason="a rule of transformers 5")
only_4 = pytest.mark.skipif(IS_5, reason="a rule of transformers 4")


def theirs_at(folder: Path, name: str) -> Any:
    """Load with the reference, and let it say what it missed."""
    kind = getattr(transformers, name)
    model, info = kind.from_pretrained(
        folder, output_loading_info=True, attn_implementation="eager"
    )
    tolerated = {"encoder.embed_tokens.weight", "decoder.embed_tokens.weight"}
    missing = {key.removeprefix("transformer.") for key in info["missing_keys"]}
    assert missing <= tolerated
    assert not info["unexpected_keys"]
    assert not info["mismatched_keys"]
    return model.eval()


def ours_at(folder: Path, name: str, **more: Any) -> Any:
    model, info = getattr(automodel_t5, name).from_pretrained(
        folder, output_loading_info=True, **more
    )
    assert not any(info.values()), info
    assert not model.training
    return model


def given_to(head: str, case: Case) -> dict[str, Any]:
    one_stack = head in ("EncoderModel", "ForTokenClassification", "ForSequenceClassification")
    return {k: v for k, v in batch(case).items() if not (one_stack and "decoder" in k)}


def assert_same_model(ours: Any, theirs: Any, head: str, case: Case) -> None:
    given = given_to(head, case)
    with torch.no_grad():
        assert_same_outputs(ours(**given), theirs(**given))


ROUND = ("1.0", "1.1", "gated silu, odd heads", "deep decoder", "mt5", "umt5", "umt5 uneven")


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("name", ROUND)
def test_both_directions(name: str, head: str, tmp_path: Path) -> None:
    case = CASES[name]
    reference = reference_model(case, head, num_labels=2 if "Question" in head else 3)
    reference.save_pretrained(tmp_path / "theirs")
    model = ours_at(tmp_path / "theirs", f"{case.family}{head}")
    assert_same_model(model, reference, head, case)
    model.save_pretrained(tmp_path / "ours")
    again = theirs_at(tmp_path / "ours", f"{case.family}{head}")
    assert_same_model(model, again, head, case)
    assert_same_model(ours_at(tmp_path / "ours", f"{case.family}{head}"), reference, head, case)


@pytest.mark.parametrize("options", [{"max_shard_size": "4KB"}, {"safe_serialization": False}])
def test_shards_and_pickles(options: dict[str, Any], tmp_path: Path) -> None:
    case = CASES["1.1"]
    reference, model = pair(case, HEAD)
    model.save_pretrained(tmp_path / "ours", **options)
    assert_same_model(model, theirs_at(tmp_path / "ours", f"T5{HEAD}"), HEAD, case)
    assert_same_model(ours_at(tmp_path / "ours", f"T5{HEAD}"), reference, HEAD, case)
    if "max_shard_size" in options:
        assert len(list((tmp_path / "ours").glob("model-*.safetensors"))) > 3
        reference.save_pretrained(tmp_path / "theirs", **options)
    else:
        assert (tmp_path / "ours" / "pytorch_model.bin").is_file()
        (tmp_path / "theirs").mkdir()
        reference.config.save_pretrained(tmp_path / "theirs")
        torch.save(reference.state_dict(), tmp_path / "theirs" / "pytorch_model.bin")
    assert_same_model(ours_at(tmp_path / "theirs", f"T5{HEAD}"), reference, HEAD, case)


@pytest.mark.parametrize("name", ["1.0", "1.1", "umt5"])
def test_variants(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    reference, model = pair(case, HEAD)
    model.save_pretrained(tmp_path, variant="fp32")
    assert not (tmp_path / "model.safetensors").exists()
    assert_same_model(
        ours_at(tmp_path, f"{case.family}{HEAD}", variant="fp32"), reference, HEAD, case
    )
    again = getattr(transformers, f"{case.family}{HEAD}").from_pretrained(tmp_path, variant="fp32")
    assert_same_model(model, again.eval(), HEAD, case)


@pytest.mark.parametrize("name", ["1.0", "1.1", "mt5", "umt5"])
def test_a_body_in_a_head_and_back(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    family = case.family
    body = reference_model(case, "Model")
    body.save_pretrained(tmp_path / "body")
    for head in ("ForSequenceClassification", "ForQuestionAnswering", HEAD):
        kind = getattr(automodel_t5, f"{family}{head}")
        model, info = kind.from_pretrained(tmp_path / "body", output_loading_info=True)
        assert all("head" in key or "qa_outputs" in key for key in info["missing_keys"])
        assert bool(info["missing_keys"]) == (head != HEAD), "an absent output layer is tied"
        given = given_to("Model", case)
        with torch.no_grad():
            assert_same_outputs(model.base_model(**given), body(**given))
        model.save_pretrained(tmp_path / head)
        loaded, info = getattr(automodel_t5, f"{family}Model").from_pretrained(
            tmp_path / head, output_loading_info=True
        )
        assert not info["missing_keys"]
        assert_same_model(loaded, body, "Model", case)
    encoder = getattr(automodel_t5, f"{family}EncoderModel").from_pretrained(tmp_path / "body")
    theirs = getattr(transformers, f"{family}EncoderModel").from_pretrained(tmp_path / "body")
    assert_same_model(encoder, theirs.eval(), "EncoderModel", case)
    kind = getattr(automodel_t5, f"{family}ForTokenClassification")
    labelled = kind.from_pretrained(tmp_path / "body")
    given = given_to("EncoderModel", case)
    with torch.no_grad():
        assert_same_outputs(labelled.base_model(**given), encoder(**given))


# ---- which weights are tied ----


def stored(reference: Any, folder: Path, *, drop: tuple[str, ...] = (), **config: Any) -> Path:
    """Write a checkpoint by hand: the reference's tensors less some, and keys of the config."""
    folder.mkdir()
    values = {**reference.config.to_dict(), "dtype": None, **config}
    values = {key: value for key, value in values.items() if value != "absent"}
    (folder / "config.json").write_text(json.dumps(values), encoding="utf-8")
    tensors = {k: v.clone() for k, v in reference.state_dict().items() if k not in drop}
    torch.save(tensors, folder / "pytorch_model.bin")
    return folder


def assert_like_reference(folder: Path, family: str, *, tied: bool) -> Any:
    name = f"{family}{HEAD}"
    case = CASES["1.0"]
    model = getattr(automodel_t5, name).from_pretrained(folder)
    theirs = getattr(transformers, name).from_pretrained(folder, attn_implementation="eager")
    assert_same_model(model, theirs.eval(), HEAD, case)
    assert (model.lm_head.weight is model.model.embed_tokens.weight) == tied
    if IS_5:
        assert (theirs.lm_head.weight is theirs.shared.weight) == tied
    return model


EMBEDDINGS = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight")


@only_5
@pytest.mark.parametrize("family", ["T5", "MT5", "UMT5"])
@pytest.mark.parametrize("state", ["absent", "equal", "different"])
@pytest.mark.parametrize("tie", [True, False, "absent"])
def test_the_checkpoint_decides_what_is_tied(
    family: str, state: str, tie: object, tmp_path: Path
) -> None:
    case = Case({"tie_word_embeddings": True}, family, untied=state == "different")
    reference = reference_model(case, HEAD)
    if family == "UMT5" and tie is False:
        pytest.skip("transformers 5 scales what the checkpoint says is not scaled")
    drop = (*EMBEDDINGS, "lm_head.weight") if state == "absent" else EMBEDDINGS
    folder = stored(
        reference, tmp_path / "made", drop=drop, tie_word_embeddings=tie,
        scale_decoder_outputs="absent",
    )  # fmt: skip
    tied = state != "different"
    model = assert_like_reference(folder, family, tied=tied)
    model.save_pretrained(tmp_path / "saved")
    again = assert_like_reference(tmp_path / "saved", family, tied=tied)
    assert again.config.scale_decoder_outputs == model.config.scale_decoder_outputs


@only_5
@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("untied", [True, False])
def test_scaling_survives_both_libraries(scaled: bool, untied: bool, tmp_path: Path) -> None:
    case = Case({"tie_word_embeddings": scaled}, untied=untied)
    reference = reference_model(case, HEAD)
    assert reference.config.scale_decoder_outputs == scaled
    reference.save_pretrained(tmp_path / "theirs")
    model = assert_like_reference(tmp_path / "theirs", "T5", tied=not untied)
    assert_same_model(model, reference, HEAD, case)
    model.save_pretrained(tmp_path / "ours")
    assert_like_reference(tmp_path / "ours", "T5", tied=not untied)


@only_4
@pytest.mark.parametrize("family", ["T5", "UMT5"])
@pytest.mark.parametrize("tie", [True, False, "absent"])
def test_the_configuration_decided_what_is_tied(family: str, tie: object, tmp_path: Path) -> None:
    case = Case({"tie_word_embeddings": tie is not False}, family)
    reference = reference_model(case, HEAD)
    folder = stored(reference, tmp_path / "made", drop=EMBEDDINGS, tie_word_embeddings=tie)
    model = assert_like_reference(folder, family, tied=tie is not False)
    model.save_pretrained(tmp_path / "saved")
    assert_like_reference(tmp_path / "saved", family, tied=tie is not False)


@pytest.mark.parametrize("family", ["T5", "MT5", "UMT5"])
def test_defaults_are_those_of_the_reference(family: str) -> None:
    ours = getattr(automodel_t5, f"{family}Config")()
    theirs = getattr(transformers, f"{family}Config")()
    same = [
        "vocab_size", "d_model", "d_kv", "d_ff", "num_layers", "num_decoder_layers", "num_heads",
        "relative_attention_num_buckets", "relative_attention_max_distance", "dropout_rate",
        "layer_norm_epsilon", "initializer_factor", "feed_forward_proj", "dense_act_fn",
        "is_gated_act", "is_encoder_decoder", "use_cache", "pad_token_id", "eos_token_id",
        "classifier_dropout", "hidden_size", "num_attention_heads",
        "num_hidden_layers", "num_labels", "id2label", "label2id", "is_decoder",
    ]  # fmt: skip
    different = {k for k in same if getattr(ours, k) != getattr(theirs, k)}
    assert not different
    if IS_5:
        scaled = getattr(theirs, "scale_decoder_outputs", family == "UMT5")
        assert ours.scale_decoder_outputs == scaled


# ---- precision ----


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("name", ["1.0", "1.1", "umt5", "mt5"])
def test_other_precisions(name: str, dtype: torch.dtype, tmp_path: Path) -> None:
    case = CASES[name]
    reference = reference_model(case, HEAD)
    reference.save_pretrained(tmp_path / "made")
    kind = f"{case.family}{HEAD}"
    key = "dtype" if IS_5 else "torch_dtype"
    theirs = getattr(transformers, kind).from_pretrained(
        tmp_path / "made", attn_implementation="eager", **{key: dtype}
    )
    ours = getattr(automodel_t5, kind).from_pretrained(tmp_path / "made", dtype=dtype)
    expected = {name: tensor.dtype for name, tensor in theirs.state_dict().items()}
    found = {name: tensor.dtype for name, tensor in ours.hub_state_dict().items()}
    assert found == {name: expected[name] for name in found}
    assert ours.dtype == dtype
    given = batch(case)
    with torch.no_grad():
        truth = reference(**given).logits
        mask = given["decoder_attention_mask"].bool()
        error, accepted = (
            (m(**given).logits.double() - truth)[mask].square().mean()
            for m in (ours, theirs.eval())
        )
    if accepted.isnan():  # transformers 4 leaves single precision's lowest number in double
        accepted = torch.tensor(1e-9)
    assert error <= 2 * accepted
    ours.save_pretrained(tmp_path / "saved")
    saved = json.loads((tmp_path / "saved" / "config.json").read_text(encoding="utf-8"))
    assert str(dtype) == f"torch.{saved['dtype']}"
    again = getattr(automodel_t5, kind).from_pretrained(tmp_path / "saved")
    assert again.dtype == dtype


def test_the_dtype_of_the_files_is_kept(tmp_path: Path) -> None:
    case = CASES["1.0"]
    reference_model(case, HEAD).bfloat16().save_pretrained(tmp_path)
    model = automodel_t5.T5ForConditionalGeneration.from_pretrained(tmp_path)
    assert model.dtype == torch.bfloat16
    for spelling in ("float32", "torch.float32", torch.float32):
        model = automodel_t5.T5ForConditionalGeneration.from_pretrained(
            tmp_path, torch_dtype=spelling
        )
        assert model.dtype == torch.float32


# ---- what is missing, and first values ----


def test_a_body_with_holes_is_refused(tmp_path: Path) -> None:
    case = CASES["1.0"]
    reference = reference_model(case, HEAD)
    hole = "encoder.block.0.layer.0.SelfAttention.q.weight"
    folder = stored(reference, tmp_path / "made", drop=(hole,))
    with pytest.raises(IncompleteCheckpointError, match=r"SelfAttention\.q\.weight"):
        automodel_t5.T5ForConditionalGeneration.from_pretrained(folder)
    model, info = automodel_t5.T5ForConditionalGeneration.from_pretrained(
        folder, strict="off", output_loading_info=True
    )
    assert info["missing_keys"] == [hole]
    state = model.hub_state_dict()
    for key, tensor in reference.state_dict().items():
        assert torch.equal(state[key], tensor) == (key != hole), key


def test_one_released_conversion_has_weights_that_nobody_needs(tmp_path: Path) -> None:
    case = CASES["1.0"]
    reference = reference_model(case, HEAD)
    state = reference.state_dict()
    extra = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"
    config = automodel_t5.T5Config.from_dict({**reference.config.to_dict(), "dtype": None})
    _, info = automodel_t5.T5ForConditionalGeneration.from_pretrained(
        None, config=config, state_dict={**state, extra: torch.zeros(8, 2)},
        output_loading_info=True,
    )  # fmt: skip
    assert not any(info.values())


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("name", ["1.0", "1.1", "mt5", "umt5"])
def test_first_values_have_the_same_spread(name: str, head: str) -> None:
    case = CASES[name]
    sizes = {
        "d_model": 64,
        "d_ff": 96,
        "d_kv": 16,
        "num_heads": 4,
        "vocab_size": 200,
        "relative_attention_num_buckets": 32,
    }
    torch.manual_seed(0)
    theirs = getattr(transformers, f"{case.family}{head}")(case.config(**sizes))
    values = {**SMALL, **case.settings, **sizes}
    kind = getattr(automodel_t5, f"{case.family}{head}")
    ours = kind(kind.config_class(**values)).hub_state_dict()
    for key, tensor in theirs.state_dict().items():
        found = ours[key]
        if key == "lm_head.weight" and case.untied:
            continue  # transformers 5 ties a model that was not loaded
        assert found.mean() == pytest.approx(
            tensor.mean().item(), abs=0.5 * tensor.std().item() + 1e-6
        )
        assert found.std().item() == pytest.approx(tensor.std().item(), rel=0.35, abs=1e-6), key


def test_the_state_dict_has_the_reference_names() -> None:
    for name, case in CASES.items():
        for head in HEADS:
            reference, model = pair(case, head)
            expected = reference.state_dict()
            found = model.hub_state_dict()
            assert found.keys() == expected.keys(), (name, head)
            for key, tensor in expected.items():
                assert_close(found[key], tensor, key)
            fresh = ours_from(reference)
            nn.init.zeros_(fresh.get_input_embeddings().weight)
            model.weight_names(model.config).check(dict(model.named_parameters()))
