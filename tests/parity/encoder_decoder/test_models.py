"""Text encoders and decoders of several architectures, joined, against the reference."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

import automodel_encoder_decoder
from automodel_core.generation.settings.generation import DEFAULTS
from automodel_encoder_decoder import EncoderDecoderConfig, EncoderDecoderModel
from support.composites import CompositeFamily, CompositeParity, part
from support.family import Case, settled
from support.parity import IS_5, assert_same_generation, generated
from support.reference import assert_same_gradients, assert_same_outputs

pytestmark = pytest.mark.filterwarnings(
    "ignore:Version v4.12.0:FutureWarning", "ignore:To copy construct:UserWarning"
)

WIDE = {"hidden_size": 24, "num_attention_heads": 3}

CASES = {
    "bert to bert": Case({"encoder": part("bert"), "decoder": part("bert")}),
    "bert to bert, unpadded": Case(
        {"encoder": part("bert"), "decoder": part("bert", hidden_act="relu")}, padding="none"
    ),
    "bert to bert, two sizes, padded left": Case(
        {"encoder": part("bert", **WIDE), "decoder": part("bert", num_hidden_layers=3)},
        padding="left",
    ),
    "bert to bert, output layer of its own": Case(
        {"encoder": part("bert"), "decoder": part("bert", tie_word_embeddings=False)}, untied=True
    ),
    "bert to bert, two vocabularies": Case(
        {"encoder": part("bert", vocab_size=57), "decoder": part("bert", type_vocab_size=1)}
    ),
    "bert to gpt2": Case({"encoder": part("bert"), "decoder": part("gpt2")}),
    "bert to gpt2, two sizes": Case(
        {
            "encoder": part("bert", **WIDE),
            "decoder": part("gpt2", scale_attn_by_inverse_layer_idx=True, n_inner=20),
        },
        generation={"no_repeat_ngram_size": 2, "length_penalty": 2.0, "early_stopping": True},
    ),
    "gpt2 to bert": Case({"encoder": part("gpt2"), "decoder": part("bert")}, padding="none"),
    "bert to bart": Case({"encoder": part("bert"), "decoder": part("bart")}),
    "bert to bart, two sizes": Case(
        {"encoder": part("bert", **WIDE), "decoder": part("bart", scale_embedding=True)},
        lengths=(12, 7),
    ),
    "bert to marian": Case({"encoder": part("bert"), "decoder": part("marian")}),
    "t5 to bert": Case({"encoder": part("t5"), "decoder": part("bert")}),
    "t5 to gpt2, two sizes": Case(
        {
            "encoder": part("t5", d_model=24, feed_forward_proj="gated-gelu"),
            "decoder": part("gpt2", tie_word_embeddings=False),
        },
        untied=True,
    ),
}


class TestEncoderDecoder(CompositeParity):
    family = CompositeFamily(
        package=automodel_encoder_decoder,
        heads=("EncoderDecoderModel",),
        small={"decoder_start_token_id": 1, "pad_token_id": 0, "eos_token_id": 2},
        cases=CASES,
        pad=0,
        encoder_decoder=True,
    )


FAMILY = TestEncoderDecoder.family
HEAD = FAMILY.heads[0]


@pytest.mark.parametrize("beams", [1, 3])
def test_a_decoder_of_several_streams(beams: int) -> None:
    """Of ProphetNet's steps and weights of attention the reference has views of its own."""
    case = Case({"encoder": part("bert"), "decoder": part("prophetnet")}, padding="none")
    reference, model = FAMILY.pair(case, HEAD)
    given = FAMILY.batch(case, HEAD)
    with torch.no_grad():
        assert_same_outputs(model(**given), reference(**given))
    given["labels"] = given.pop("decoder_input_ids")
    theirs, ours = reference(**given), model(**given)
    assert_same_outputs(ours, theirs)
    theirs.loss.backward()
    ours.loss.backward()
    assert_same_gradients(model, reference)
    settings = {"max_new_tokens": 8, "num_beams": beams}
    given = {"input_ids": given["input_ids"]}
    expected = generated(reference, given, settings)
    assert_same_generation(generated(model, given, settings), expected)


def saved_parts(folder: Path, decoder: str = "bert") -> tuple[str, str]:
    """Save two checkpoints that know nothing of each other, by the reference."""
    for side, head, kind in (
        ("encoder", "BertForMaskedLM", "bert"),
        ("decoder", {"bert": "BertForMaskedLM", "gpt2": "GPT2LMHeadModel"}[decoder], decoder),
    ):
        values = {key: value for key, value in part(kind).items() if key != "model_type"}
        if side == "encoder":
            values |= WIDE
        model_class = getattr(transformers, head)
        settled(model_class(model_class.config_class(**values))).save_pretrained(folder / side)
    return str(folder / "encoder"), str(folder / "decoder")


@pytest.mark.parametrize("decoder", ["bert", "gpt2"])
def test_two_checkpoints_join_as_in_the_reference(decoder: str, tmp_path: Path) -> None:
    names = saved_parts(tmp_path, decoder)
    given = {"encoder_num_labels": 3, "decoder_layer_norm_eps": 1e-3, "pad_token_id": 0}
    if decoder == "gpt2":
        given["decoder_layer_norm_epsilon"] = given.pop("decoder_layer_norm_eps")
    theirs = transformers.EncoderDecoderModel.from_encoder_decoder_pretrained(*names, **given)
    ours = EncoderDecoderModel.from_encoder_decoder_pretrained(*names, **given)
    theirs.config.decoder_start_token_id = ours.config.decoder_start_token_id = 1
    for side in ("encoder", "decoder"):
        mine, other = (getattr(model.config, side) for model in (ours, theirs))
        for key in ("is_decoder", "add_cross_attention", "num_labels", "layer_norm_eps"):
            if key in vars(mine) and hasattr(other, key):
                assert vars(mine)[key] == getattr(other, key), key
    state = theirs.state_dict()
    found = ours.hub_state_dict()
    assert ours.load_report is not None
    new = set(ours.load_report.initialised)
    for name, tensor in state.items():
        if name not in new and name in found:
            assert torch.equal(found[name], tensor), name
    crossing = "crossattention" if decoder == "bert" else "crossattention|ln_cross_attn"
    assert {n for n in new if n.startswith("decoder")} == {
        n for n in found if re.search(crossing, n)
    }
    ours.load_hub_state_dict(state, strict=False)
    batch = {**FAMILY.batch(Case(), HEAD)}
    with torch.no_grad():
        assert_same_outputs(ours(**batch), theirs.eval()(**batch))


def test_the_projection_begins_as_in_the_reference() -> None:
    values = {"encoder": part("bert", **WIDE), "decoder": part("bert", initializer_range=0.3)}
    ours = EncoderDecoderModel(EncoderDecoderConfig(**copy.deepcopy(values))).enc_to_dec_proj
    config = transformers.EncoderDecoderConfig(**values)
    theirs = transformers.EncoderDecoderModel(config=config).enc_to_dec_proj
    assert ours is not None
    assert not ours.bias.any()
    if IS_5:  # 4.57.6 leaves it as torch draws it
        assert not theirs.bias.any()
        spread = theirs.weight.std().item()
        assert ours.weight.std().item() == pytest.approx(spread, rel=0.2)


def tied(**more: Any) -> Any:
    """Return the reference's model of two sides that share their weights."""
    values = {"encoder": part("bert"), "decoder": part("bert"), "tie_encoder_decoder": True}
    return FAMILY.reference(Case({**values, **more}), HEAD)


def test_tied_sides(tmp_path: Path) -> None:
    reference = tied()
    if IS_5:  # which knows the setting no more, and has two sides of their own
        ours = FAMILY.ours_from(reference)
        assert not ours.config.tie_encoder_decoder
        ours.config.tie_encoder_decoder = True
        ours.tie_weights()
    else:
        reference.save_pretrained(tmp_path / "theirs")
        ours, info = EncoderDecoderModel.from_pretrained(
            tmp_path / "theirs", output_loading_info=True
        )
        assert not any(info.values())
        given = FAMILY.batch(Case(), HEAD)
        labels = given.pop("decoder_input_ids")
        given.pop("decoder_attention_mask")
        theirs, mine = reference(**given, labels=labels), ours(**given, labels=labels)
        assert_same_outputs(mine, theirs)
        theirs.loss.backward()
        mine.loss.backward()
        assert_same_gradients(ours, reference)
        assert ours.hub_state_dict().keys() == reference.state_dict().keys()
    assert ours.encoder.embed_tokens.weight is ours.decoder.lm_head.weight
    ours.save_pretrained(tmp_path / "ours")
    again, info = transformers.EncoderDecoderModel.from_pretrained(
        tmp_path / "ours", output_loading_info=True
    )
    assert not any(info.values()), info
    with torch.no_grad():
        given = FAMILY.batch(Case(), HEAD)
        assert_same_outputs(ours(**given), again.eval()(**given))


# As config.json of a summariser of 2020 has it: all that generation may be told, three times.
GENERATION = {
    "bad_words_ids": None, "bos_token_id": None, "chunk_size_feed_forward": 0,
    "decoder_start_token_id": None, "diversity_penalty": 0.0, "do_sample": False,
    "early_stopping": False, "eos_token_id": None, "finetuning_task": None,
    "gradient_checkpointing": False, "length_penalty": 1.0, "max_length": 20, "min_length": 0,
    "no_repeat_ngram_size": 0, "num_beam_groups": 1, "num_beams": 1, "num_return_sequences": 1,
    "output_attentions": False, "output_hidden_states": False, "prefix": None,
    "pruned_heads": {}, "repetition_penalty": 1.0, "return_dict": False, "sep_token_id": None,
    "task_specific_params": None, "temperature": 1.0, "tie_encoder_decoder": False,
    "tie_word_embeddings": True, "tokenizer_class": None, "top_k": 50, "top_p": 1.0,
    "torchscript": False, "use_bfloat16": False, "xla_device": None,
}  # fmt: skip
SUMMARISER = {
    "architectures": ["EncoderDecoderModel"], "bos_token_id": 1, "decoder_start_token_id": 1,
    "early_stopping": True, "eos_token_id": 2, "is_encoder_decoder": True, "length_penalty": 2.0,
    "max_length": 14, "min_length": 5, "model_type": "encoder-decoder",
    "no_repeat_ngram_size": 3, "num_beams": 4, "pad_token_id": 0, "tie_encoder_decoder": False,
    "vocab_size": 40, "_name_or_path": "two",
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("where", ["outside", "in the decoder", "nowhere"])
def test_an_old_checkpoint(where: str, tmp_path: Path) -> None:
    own = ("decoder_start_token_id", "eos_token_id", "pad_token_id", "bos_token_id")
    others = (*own, "tie_encoder_decoder")
    settings = {k: v for k, v in SUMMARISER.items() if k in GENERATION and k not in others}
    outer = {k: v for k, v in SUMMARISER.items() if where == "outside" or k not in settings}
    inner = settings if where == "in the decoder" else {}
    legacy = {"model_type": "bert", "is_encoder_decoder": False, **GENERATION}
    config = {
        **outer,
        "encoder": {**part("bert"), **legacy, "is_decoder": False, "add_cross_attention": False},
        "decoder": {
            **part("bert"), **legacy, **inner, "is_decoder": True, "add_cross_attention": True
        },
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config))
    reference = FAMILY.reference(CASES["bert to bert"], HEAD)
    state = {name: tensor.clone() for name, tensor in reference.state_dict().items()}
    positions = torch.arange(32)[None]
    state |= {
        "encoder.embeddings.position_ids": positions,
        "decoder.bert.embeddings.position_ids": positions,
        "decoder.bert.pooler.dense.weight": torch.zeros(16, 16),
    }
    torch.save(state, tmp_path / "pytorch_model.bin")
    theirs = transformers.EncoderDecoderModel.from_pretrained(tmp_path).eval()
    ours, info = EncoderDecoderModel.from_pretrained(tmp_path, output_loading_info=True)
    assert info["unexpected_keys"] == ["decoder.bert.pooler.dense.weight"]
    assert not info["missing_keys"]
    for key in (*settings, *own):
        expected = getattr(theirs.generation_config, key)
        found = getattr(ours.generation_config, key)
        assert (DEFAULTS.get(key) if found is None else found) == expected, key
    given = {k: v for k, v in FAMILY.batch(Case(), HEAD).items() if "decoder" not in k}
    if where == "nowhere":  # of 20 tokens, 4.57.6 does not count the first
        given["max_new_tokens"] = 9
    assert ours.generate(**given).tolist() == theirs.generate(**given).tolist()
    ours.save_pretrained(tmp_path / "again")
    again = transformers.EncoderDecoderModel.from_pretrained(tmp_path / "again").eval()
    assert again.generate(**given).tolist() == theirs.generate(**given).tolist()
