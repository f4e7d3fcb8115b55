"""Encoders of speech and text decoders of several architectures, joined, against the reference."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

import automodel_speech_encoder_decoder
from automodel_core import AutoModelForSpeechSeq2Seq
from automodel_speech_encoder_decoder import SpeechEncoderDecoderModel
from support.audio import AudioCase
from support.composites import CompositeFamily, CompositeParity, part
from support.family import Case, settled
from support.parity import IS_5, SEEN, generated, target
from support.reference import (
    assert_close,
    assert_same_gradients,
    assert_same_outputs,
    usual_name,
)

pytestmark = pytest.mark.filterwarnings("ignore:Support for mismatched key_padding_mask")

WIDE = {"hidden_size": 24, "num_attention_heads": 3}
LARGE = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
CASES = {
    "wav2vec2 to bert": AudioCase(
        # Trained, it hides frames by chance unless told.
        {"encoder": part("wav2vec2", apply_spec_augment=False), "decoder": part("bert")}
    ),
    "wav2vec2 to mbart, as xls-r that translates": AudioCase(
        {
            "encoder": part(
                "wav2vec2", add_adapter=True, num_adapter_layers=2, output_hidden_size=16, **LARGE
            ),
            "decoder": part("mbart", scale_embedding=True),
        },
        samples=(900, 700, 500),
    ),
    "wav2vec2 to gpt2, two sizes": AudioCase(
        {"encoder": part("wav2vec2", **WIDE), "decoder": part("gpt2")},
        generation={"no_repeat_ngram_size": 2, "length_penalty": 2.0, "early_stopping": True},
    ),
    "wav2vec2 to bart, one adapter, two sizes": AudioCase(
        {
            "encoder": part("wav2vec2", add_adapter=True, num_adapter_layers=1, **WIDE),
            "decoder": part("bart"),
        },
        samples=(700, 600, 300),
        padding="left",
    ),
    "wav2vec2 to bert, its adapter as wide as texts": AudioCase(
        {
            "encoder": part(
                "wav2vec2", add_adapter=True, num_adapter_layers=1, output_hidden_size=16, **WIDE
            ),
            "decoder": part("bert", num_hidden_layers=1),
        },
        samples=(700, 600, 300),
    ),
    "wav2vec2 to marian, a size of states that only an adapter would give": AudioCase(
        {"encoder": part("wav2vec2", output_hidden_size=20), "decoder": part("marian")}
    ),
    "wav2vec2 to gpt2, an adapter in each layer": AudioCase(
        {
            "encoder": part("wav2vec2", adapter_attn_dim=4, **LARGE),
            "decoder": part("gpt2", tie_word_embeddings=False),
        },
        untied=True,
        padding="none",
    ),
    "hubert to bert, padding is heard": AudioCase(
        {
            "encoder": part("hubert", **LARGE),
            "decoder": part("bert", tie_word_embeddings=False),
        },
        untied=True,
        masked=False,
    ),
    "hubert to bart, two sizes": AudioCase(
        {
            "encoder": part("hubert", feat_proj_layer_norm=False, **WIDE),
            "decoder": part("bart", encoder_layers=3, decoder_layers=3),
        }
    ),
    "hubert to trocr, its attention as wide as sounds": AudioCase(
        {
            "encoder": part("hubert", **WIDE),
            "decoder": part("trocr", cross_attention_hidden_size=24),
        }
    ),
    "wavlm to gpt2": AudioCase(
        {"encoder": part("wavlm", num_buckets=8), "decoder": part("gpt2", n_inner=20)},
        samples=(400, 100, 250),
    ),
    "wavlm to mbart, adapted, two sizes": AudioCase(
        {
            "encoder": part("wavlm", add_adapter=True, num_adapter_layers=1, **WIDE, **LARGE),
            "decoder": part("mbart"),
        },
        samples=(700, 600, 300),
    ),
}

if not IS_5:  # whose TrOCR makes no mask in double precision
    del CASES["hubert to trocr, its attention as wide as sounds"]


def comparable(output: Any, reference: Any) -> Any:
    """Return what of an output both sides define alike: see docs/differences.md."""
    states, weights = output.get("encoder_hidden_states"), output.get("encoder_attentions")
    config = reference.config.encoder
    if IS_5 and states is not None and config.do_stable_layer_norm:
        output["encoder_hidden_states"] = states[:-1]
    if weights is not None and config.model_type == "wavlm":
        means = tuple(each.mean(dim=1, keepdim=True).expand_as(each) for each in weights)
        output["encoder_attentions"] = means
    return output


class TestSpeechEncoderDecoder(CompositeParity):
    family = CompositeFamily(
        package=automodel_speech_encoder_decoder,
        heads=("SpeechEncoderDecoderModel",),
        small={"decoder_start_token_id": 1, "pad_token_id": 0, "eos_token_id": 2},
        cases=CASES,
        pad=0,
        encoder_decoder=True,
    )

    def test_outputs_losses_and_gradients(self, name: str, head: str) -> None:
        case = self.family.cases[name]
        reference, model = self.family.pair(case, head, zlib.crc32(name.encode()))
        given = self.arguments(case, head)
        with torch.no_grad():
            for more in ({}, SEEN):
                ours, theirs = model(**given, **more), reference(**given, **more)
                assert_same_outputs(comparable(ours, reference), comparable(theirs, reference))
        given = self.arguments(case, head, reference.config)
        # In double precision gradients differ by what is computed, and not by rounding.
        given["input_values"] = given["input_values"].double()
        ours, theirs = model.double()(**given), reference.double()(**given)
        assert_same_outputs(ours, theirs)
        target(theirs, given).backward()
        target(ours, given).backward()
        assert_same_gradients(model, reference)

    def halved(self, given: dict[str, Any]) -> dict[str, Any]:
        return {**given, "input_values": given["input_values"].bfloat16()}

    def test_tuples_have_the_same_order(self, head: str) -> None:
        """Those of the reference end with all that its encoder returns, as it returns it."""
        case = self.first_case()
        reference, model = self.family.pair(case, head)
        given = self.arguments(case, head) | SEEN | {"return_dict": False, "use_cache": False}
        with torch.no_grad():
            *expected, _, states, weights = reference(**given)
            assert_close(model(**given), (*expected, states, weights))

    def prompt(self, case: Case, writer: str, rows: int) -> dict[str, Any]:
        given = super().prompt(case, writer, rows)
        if rows > 1:
            return given
        # The shortest recording, with the padding that it has beside others.
        return {key: value[-1:] for key, value in super().prompt(case, writer, 3).items()}


FAMILY = TestSpeechEncoderDecoder.family
HEAD = FAMILY.heads[0]


def saved_parts(folder: Path, encoder: str, decoder: str) -> tuple[str, str]:
    """Save two checkpoints that know nothing of each other, by the reference."""
    heads = {
        "wav2vec2": "Wav2Vec2ForCTC", "hubert": "HubertModel",
        "bert": "BertForMaskedLM", "gpt2": "GPT2LMHeadModel", "bart": "BartForCausalLM",
    }  # fmt: skip
    for side, kind, more in (("encoder", encoder, WIDE), ("decoder", decoder, {})):
        values = {key: value for key, value in part(kind, **more).items() if key != "model_type"}
        model_class = getattr(transformers, heads[kind])
        model = settled(model_class(model_class.config_class(**values)))
        model.save_pretrained(folder / side)
    return str(folder / "encoder"), str(folder / "decoder")


# Of what a decoder can be turned into, 5.x finds BERT alone to have the keys that it asks for.
@pytest.mark.parametrize(
    ("encoder", "decoder"), [("wav2vec2", "bert"), ("hubert", "bert" if IS_5 else "bart")]
)
def test_two_checkpoints_join_as_in_the_reference(
    encoder: str, decoder: str, tmp_path: Path
) -> None:
    names = saved_parts(tmp_path, encoder, decoder)
    given = {"encoder_layer_norm_eps": 1e-3, "decoder_num_labels": 4, "max_length": 9}
    theirs, ours = (
        kind.from_encoder_decoder_pretrained(*names, **given)
        for kind in (transformers.SpeechEncoderDecoderModel, SpeechEncoderDecoderModel)
    )
    assert ours.config.tie_word_embeddings is theirs.config.tie_word_embeddings is False
    assert ours.config.encoder.layer_norm_eps == theirs.config.encoder.layer_norm_eps == 1e-3
    weights, found = ours.weight_names(ours.config), ours.hub_state_dict()
    new = set(ours.load_report.initialised)
    assert {name.partition(".")[0] for name in new} <= {"decoder", "enc_to_dec_proj"}
    state = theirs.state_dict()
    for name, tensor in state.items():
        usual = usual_name(weights, name, found)
        assert usual in new or torch.equal(found[usual], tensor), name
    ours.load_hub_state_dict(state)
    batch = FAMILY.batch(AudioCase(CASES["wav2vec2 to bert"].settings), HEAD)
    with torch.no_grad():
        assert_same_outputs(ours(**batch), theirs.eval()(**batch))


def test_convolutions_freeze_as_in_the_reference() -> None:
    reference, model = FAMILY.pair(CASES["wav2vec2 to bert"], HEAD)
    for each in (reference, model):
        each.freeze_feature_encoder()
    frozen = {n for n, p in reference.named_parameters() if not p.requires_grad}
    ours = {n for n, p in model.named_parameters() if not p.requires_grad}
    assert set(model.own_names().hub_state_dict(dict.fromkeys(ours, torch.ones(1)))) == frozen


def test_the_auto_class_finds_it_and_hears_in_many_ways(tmp_path: Path) -> None:
    """What is heard may be named otherwise, or be encoded already."""
    case = CASES["wav2vec2 to gpt2, two sizes"]
    reference = FAMILY.reference(case, HEAD)
    reference.save_pretrained(tmp_path)
    model = AutoModelForSpeechSeq2Seq.from_pretrained(tmp_path)
    assert type(model) is SpeechEncoderDecoderModel
    given = FAMILY.batch(case, HEAD)
    sounds, mask = given["input_values"], given["attention_mask"]
    settings = {"max_new_tokens": 6}
    for heard in ({"inputs": sounds}, {"input_values": sounds}):
        both = [
            generated(m, {**heard, "attention_mask": mask}, settings) for m in (model, reference)
        ]
        assert both[0].sequences.tolist() == both[1].sequences.tolist()
    texts = given["decoder_input_ids"]
    with torch.no_grad():
        theirs = reference(sounds, attention_mask=mask, decoder_input_ids=texts)
        for encoded in (model.encoder(sounds, mask), model.encoder(sounds, mask)[:1]):
            ours = model(attention_mask=mask, decoder_input_ids=texts, encoder_outputs=encoded)
            assert_close(ours.logits, theirs.logits)
