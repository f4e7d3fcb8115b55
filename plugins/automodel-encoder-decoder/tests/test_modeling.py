"""The model alone: two parts against the same two by hand, given, tied, frozen, generating."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from automodel_core import AutoModelForSeq2SeqLM
from automodel_core.errors import ConfigurationError, InputError
from automodel_core.generation import GenerationConfig
from automodel_core.modeling import shift_right
from automodel_core.testing import (
    SmallImageConfig,
    SmallImageModel,
    SmallTextConfig,
    SmallTextForCausalLM,
    SmallTextModel,
    register_small_parts,
)
from automodel_encoder_decoder import EncoderDecoderConfig, EncoderDecoderModel

register_small_parts()
SPECIAL = {"pad_token_id": 0, "decoder_start_token_id": 1, "eos_token_id": 2}


def build(encoder: dict[str, Any] | None = None, **more: Any) -> Any:
    torch.manual_seed(0)
    config = EncoderDecoderConfig(
        encoder={"model_type": "small-text", **(encoder or {})},
        decoder={"model_type": "small-text", "vocab_size": 29},
        **{**SPECIAL, **more},
    )
    return EncoderDecoderModel(config).eval()


def tokens(*shape: int) -> Tensor:
    return torch.randint(3, 23, shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("size", [8, 12], ids=["one size", "two sizes"])
@torch.no_grad()
def test_it_is_the_decoder_over_the_encoder(size: int) -> None:
    model = build({"hidden_size": size})
    ids, mask, written = tokens(2, 6), torch.ones(2, 6, dtype=torch.long), tokens(2, 4)
    mask[1, 4:] = 0
    states = model.encoder(ids, attention_mask=mask).last_hidden_state
    assert (model.enc_to_dec_proj is None) == (size == 8)
    context = states if model.enc_to_dec_proj is None else model.enc_to_dec_proj(states)
    by_hand = model.decoder(written, encoder_hidden_states=context, encoder_attention_mask=mask)
    output = model(input_ids=ids, attention_mask=mask, decoder_input_ids=written)
    torch.testing.assert_close(output.logits, by_hand.logits)
    torch.testing.assert_close(output.encoder_last_hidden_state, states)
    assert "enc_to_dec_proj.weight" in model.hub_state_dict() or size == 8


@torch.no_grad()
def test_labels_are_shifted_right_and_padding_is_hidden() -> None:
    model = build()
    ids, labels = tokens(2, 6), tokens(2, 5)
    labels[1, 3:] = -100
    shifted = shift_right(labels, 0, 1)
    assert torch.equal(model.prepare_decoder_input_ids_from_labels(labels), shifted)
    expected = model(ids, decoder_input_ids=shifted, decoder_attention_mask=shifted != 0)
    output = model(ids, labels=labels)
    torch.testing.assert_close(output.logits, expected.logits)
    counted = labels != -100
    loss = torch.nn.functional.cross_entropy(expected.logits[counted], labels[counted])
    torch.testing.assert_close(output.loss, loss)
    accumulated = model(ids, labels=labels, num_items_in_batch=16).loss
    torch.testing.assert_close(accumulated, loss * counted.sum() / 16)


def test_prefixed_arguments_go_to_the_decoder_and_others_to_the_encoder() -> None:
    model = build()
    seen: dict[str, Any] = {}
    for side in ("encoder", "decoder"):
        getattr(model, side).register_forward_pre_hook(
            lambda module, args, kwargs, side=side: seen.update({side: kwargs}), with_kwargs=True
        )
    ids, places, others = tokens(2, 4), torch.arange(4)[None], torch.arange(4)[None]
    model(ids, decoder_input_ids=ids, position_ids=places)
    assert seen["encoder"]["position_ids"] is places
    assert "position_ids" not in seen["decoder"]
    model(ids, decoder_input_ids=ids, decoder_position_ids=others)
    assert "position_ids" not in seen["encoder"]
    assert seen["decoder"]["position_ids"] is others
    whole, last = (
        model(ids, decoder_input_ids=ids, **more).logits for more in ({}, {"logits_to_keep": 1})
    )
    torch.testing.assert_close(last, whole[:, -1:])


def test_a_side_may_ask_for_more_to_be_seen() -> None:
    model = build()
    model.config.encoder.output_hidden_states = True
    output = model(tokens(2, 4), decoder_input_ids=tokens(2, 3))
    assert output.encoder_hidden_states is not None
    assert output.decoder_hidden_states is None


def test_parts_are_used_as_they_are() -> None:
    encoder = SmallTextModel(SmallTextConfig())
    decoder = SmallTextForCausalLM(SmallTextConfig(is_decoder=True, add_cross_attention=True))
    before = [p.clone() for part in (encoder, decoder) for p in part.parameters()]
    model = EncoderDecoderModel(encoder=encoder, decoder=decoder)
    assert (model.encoder, model.get_decoder()) == (encoder, decoder)
    assert all(map(torch.equal, before, model.parameters()))
    assert model.config.encoder is encoder.config
    assert model.config.decoder is decoder.config is decoder.model.config
    assert model.get_input_embeddings() is encoder.embed_tokens
    assert model.get_output_embeddings() is decoder.lm_head


def test_a_configuration_that_says_otherwise_is_told(caplog: pytest.LogCaptureFixture) -> None:
    model = build()
    config = EncoderDecoderConfig.from_encoder_decoder_configs(
        SmallTextConfig(num_hidden_layers=9), model.decoder.config
    )
    joined = EncoderDecoderModel(config, model.encoder, model.decoder)
    assert "the encoder keeps its own configuration, which differs in num_hid" in caplog.text
    assert joined.config.encoder.num_hidden_layers == 2


def test_parts_that_do_not_fit_are_refused() -> None:
    text, image = SmallTextConfig(), SmallImageConfig()
    encoder, alone = SmallTextModel(text), SmallTextForCausalLM(text)
    with pytest.raises(InputError, match="config=, or both encoder= and decoder="):
        EncoderDecoderModel(encoder=encoder)
    with pytest.raises(ConfigurationError, match="encoder is a SmallTextForCausalLM"):
        EncoderDecoderModel(encoder=alone, decoder=alone)
    with pytest.raises(ConfigurationError, match="no cross-attention"):
        EncoderDecoderModel(encoder=encoder, decoder=alone)
    with pytest.raises(ValueError, match="small-image"):
        EncoderDecoderModel(encoder=encoder, decoder=SmallImageModel(image))
    with pytest.raises(TypeError, match="takes a configuration such as EncoderDecoderConfig"):
        EncoderDecoderModel("two")


def test_vocabularies_are_resized_by_side() -> None:
    model = build()
    with pytest.raises(InputError, match=r"model\.encoder\.resize_token_embeddings"):
        model.resize_token_embeddings(40)
    model.decoder.resize_token_embeddings(40)
    assert model.config.decoder.vocab_size == 40
    assert model(tokens(1, 3), decoder_input_ids=tokens(1, 2)).logits.shape[-1] == 40


# ---- joining two checkpoints ----


@pytest.fixture
def checkpoints(tmp_path: Path) -> tuple[str, str]:
    """Return a text encoder, of a decoder that was one before, and a text decoder."""
    torch.manual_seed(3)
    writes = {"is_decoder": True, "add_cross_attention": True}
    SmallTextForCausalLM(SmallTextConfig(hidden_size=12, **writes)).save_pretrained(tmp_path / "a")
    SmallTextForCausalLM(SmallTextConfig(vocab_size=29)).save_pretrained(tmp_path / "b")
    return str(tmp_path / "a"), str(tmp_path / "b")


join = EncoderDecoderModel.from_encoder_decoder_pretrained


def test_two_checkpoints_are_joined_and_what_is_new_is_told(
    checkpoints: tuple[str, str], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    model = join(*checkpoints, **SPECIAL)
    assert not model.training
    assert not model.encoder.config.is_decoder
    assert not model.encoder.config.add_cross_attention
    assert model.decoder.config.is_decoder
    assert model.decoder.config.add_cross_attention
    assert model.config.decoder_start_token_id == 1
    for side, kind, folder in (
        (model.encoder, SmallTextModel, checkpoints[0]),
        (model.decoder, SmallTextForCausalLM, checkpoints[1]),
    ):
        alone = kind.from_pretrained(folder, add_cross_attention=False, is_decoder=False)
        loaded = side.state_dict()
        assert all(torch.equal(loaded[n], tensor) for n, tensor in alone.state_dict().items())
    report = model.load_report
    crossing = {name for name in report.initialised if "cross_attn" in name}
    assert crossing
    assert {"enc_to_dec_proj.weight", "enc_to_dec_proj.bias"} == {*report.initialised} - crossing
    assert all(name.startswith("decoder.small.h.") for name in crossing)
    assert f"the decoder's cross-attention ({len(crossing)} weights)" in caplog.text
    assert "enc_to_dec_proj" in caplog.text

    model.save_pretrained(tmp_path)
    again, info = AutoModelForSeq2SeqLM.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values())
    written = (each.generate(tokens(2, 5), max_new_tokens=4) for each in (again, model))
    assert torch.equal(*written)


def test_prefixes_say_which_side_is_meant(checkpoints: tuple[str, str]) -> None:
    model = join(
        *checkpoints,
        encoder_num_labels=4,
        decoder_initializer_range=0.7,
        decoder_dtype=torch.bfloat16,
        tie_encoder_decoder=False,
        num_beams=3,
    )
    assert (model.config.encoder.num_labels, model.config.decoder.num_labels) == (4, 2)
    assert model.config.decoder.initializer_range == 0.7
    assert (model.encoder.dtype, model.decoder.dtype) == (torch.float32, torch.bfloat16)
    assert model.generation_config.num_beams == 3
    both = join(*checkpoints, dtype=torch.float16, attn_implementation="eager")
    assert {p.dtype for p in both.parameters()} == {torch.float16}
    assert both.encoder.config._attn_implementation == "eager"
    with pytest.raises(TypeError, match="unheard"):
        join(*checkpoints, decoder_unheard=1)


def test_configurations_and_models_may_be_given(checkpoints: tuple[str, str]) -> None:
    config = SmallTextConfig(vocab_size=29, num_hidden_layers=1)
    encoder = SmallTextModel(SmallTextConfig(hidden_size=4))
    model = join(decoder_pretrained_model_name_or_path=checkpoints[1],
                 encoder_model=encoder, decoder_config=config)  # fmt: skip
    assert model.encoder is encoder
    assert model.config.decoder.num_hidden_layers == 1
    assert not config.add_cross_attention
    decoder = model.decoder
    assert join(checkpoints[0], decoder_model=decoder).decoder is decoder
    for side, names in (("encoder", {}), ("decoder", {"encoder_model": encoder})):
        with pytest.raises(InputError, match=f"there is no {side}: give {side}_pretrained"):
            join(**names)


# ---- ties, training, generation ----


def test_encoder_and_decoder_may_share_their_weights(tmp_path: Path) -> None:
    config = {"vocab_size": 23}
    model = EncoderDecoderModel(
        EncoderDecoderConfig(
            encoder={"model_type": "small-text", **config},
            decoder={"model_type": "small-text", **config},
            **SPECIAL,
            tie_encoder_decoder=True,
        )
    )
    body = model.decoder.model
    assert model.encoder.embed_tokens.weight is body.embed_tokens.weight
    assert model.decoder.lm_head.weight is body.embed_tokens.weight
    assert all(
        parameter is body.get_parameter(name)
        for name, parameter in model.encoder.named_parameters()
    )
    model.save_pretrained(tmp_path)
    again, info = EncoderDecoderModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values())
    assert again.encoder.embed_tokens.weight is again.decoder.lm_head.weight
    assert len(list(again.parameters())) == len(list(model.parameters()))
    for side in ("encoder", "decoder"):
        state = model.hub_state_dict()
        half = {n: t for n, t in state.items() if "cross_attn" in n or not n.startswith(side)}
        one = EncoderDecoderModel.from_pretrained(None, config=model.config, state_dict=half)
        assert one.load_report.complete
        assert all(torch.equal(one.hub_state_dict()[n], t) for n, t in state.items())
    apart = {**model.hub_state_dict()}
    apart["encoder.words.weight"] = apart["encoder.words.weight"] + 1
    other = EncoderDecoderModel.from_pretrained(None, config=model.config, state_dict=apart)
    assert not other.config.tie_encoder_decoder
    with pytest.raises(ConfigurationError, match="one architecture and one size"):
        build({"hidden_size": 12}, tie_encoder_decoder=True)


def test_a_frozen_encoder_stays_as_it_is() -> None:
    model = build().train()
    model.gradient_checkpointing_enable()
    assert model.is_gradient_checkpointing
    for parameter in model.encoder.parameters():
        parameter.requires_grad = False
    before = [p.clone() for p in model.encoder.parameters()]
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=0.02)
    ids = tokens(4, 5)
    losses = []
    for _ in range(30):
        loss = model(ids, labels=ids.flip(1)).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    assert all(map(torch.equal, before, model.encoder.parameters()))


@torch.no_grad()
def test_the_states_are_projected_once_a_sequence() -> None:
    model = build({"hidden_size": 12}, eos_token_id=None)
    calls: list[int] = []
    model.enc_to_dec_proj.register_forward_hook(lambda *_: calls.append(1))
    written = model.generate(tokens(2, 4), max_new_tokens=6, num_beams=2)
    assert written.shape == (2, 7)
    assert len(calls) == 1


def test_generation_takes_what_only_the_decoder_says() -> None:
    decoder = {"model_type": "small-text", "decoder_start_token_id": 5, "max_length": 9}
    config = EncoderDecoderConfig(
        encoder={"model_type": "small-text"}, decoder=decoder, pad_token_id=0, num_beams=2
    )
    model = EncoderDecoderModel(config)
    assert model.generation_config.decoder_start_token_id == 5
    assert (model.generation_config.num_beams, model.generation_config.max_length) == (2, 9)
    assert isinstance(model.generation_config, GenerationConfig)
    assert model.generate(tokens(1, 3), do_sample=False)[0, 0] == 5
    assert model.prepare_decoder_input_ids_from_labels(tokens(1, 3))[0, 0] == 5


def test_arguments_of_the_encoder_reach_it_from_generate() -> None:
    model = build()
    places = torch.arange(4)[None].repeat(2, 1)
    seen = []
    model.encoder.register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(kwargs["position_ids"]), with_kwargs=True
    )
    model.generate(tokens(2, 4), position_ids=places, max_new_tokens=3)
    assert len(seen) == 1
    assert seen[0] is places
    with pytest.raises(ValueError, match="positions"):
        model.generate(tokens(2, 4), positions=places)


def test_each_side_has_the_dtype_and_attention_that_is_named(tmp_path: Path) -> None:
    build({"hidden_size": 12}).save_pretrained(tmp_path)
    model = EncoderDecoderModel.from_pretrained(
        tmp_path,
        dtype={"encoder": torch.bfloat16, "decoder": "float16"},
        attn_implementation={"encoder": "eager"},
    )
    assert (model.encoder.dtype, model.decoder.dtype) == (torch.bfloat16, torch.float16)
    assert model.enc_to_dec_proj.weight.dtype == torch.float32
    assert model.config.encoder.dtype == torch.bfloat16
    assert model.config.encoder._attn_implementation == "eager"
    assert model.config.decoder._attn_implementation is None
    assert model(input_ids=tokens(2, 6), labels=tokens(2, 4)).logits.dtype == torch.float16
    assert model.generate(tokens(2, 6), max_new_tokens=3).shape[0] == 2
    made = EncoderDecoderModel.from_config(
        model.config, dtype={"decoder": "bfloat16", "": "float32"}
    )
    assert (made.encoder.dtype, made.decoder.dtype) == (torch.float32, torch.bfloat16)
    with pytest.raises(InputError, match="no part 'text'; its parts are encoder, decoder"):
        EncoderDecoderModel.from_pretrained(tmp_path, dtype={"text": "float16"})


def test_attention_of_one_side_is_set_by_its_name() -> None:
    model = build()
    model.set_attn_implementation({"": "eager", "decoder": "sdpa"})
    assert model.config.encoder._attn_implementation == "eager"
    assert model.config.decoder._attn_implementation == "sdpa"


def test_an_id_beyond_the_decoders_is_named_as_the_decoders() -> None:
    with pytest.raises(InputError, match="decoder_input_ids: ids must lie between 0 and 28"):
        build()(input_ids=tokens(1, 3), decoder_input_ids=torch.tensor([[40]]))
