"""ProphetNet alone: what its streams see, its losses, its files, and how it is trained."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

import automodel_prophetnet
from automodel_core.errors import ConfigurationError, IncompleteCheckpointError, InputError
from automodel_prophetnet.ngram_attention import relative_buckets

CLASSES = (
    "ProphetNetModel",
    "ProphetNetEncoder",
    "ProphetNetDecoder",
    "ProphetNetForConditionalGeneration",
    "ProphetNetForCausalLM",
)
ANSWERING, CONTINUING = "ProphetNetForConditionalGeneration", "ProphetNetForCausalLM"


@pytest.mark.parametrize("streams", [1, 2, 3])
def test_what_is_returned(make, input_ids, streams: int) -> None:
    model = make(ANSWERING, ngram=streams)
    output = model(
        input_ids, decoder_input_ids=input_ids[:, :5],
        output_attentions=True, output_hidden_states=True,
    )  # fmt: skip
    assert output.logits.shape == (2, 5, 47)
    assert (output.logits_ngram is None) == (streams == 1)
    if streams > 1:
        assert output.logits_ngram.shape == (2, streams - 1, 5, 47)
    assert [s.shape for s in output.decoder_hidden_states] == [(2, 5, 16)] * 4
    assert [s.shape for s in output.decoder_ngram_hidden_states] == [(2, 5 * streams, 16)] * 4
    assert [w.shape for w in output.decoder_attentions] == [(2, 4, 5, 5)] * 3
    assert [w.shape for w in output.decoder_ngram_attentions] == [(2, streams, 4, 5, 10)] * 3
    assert [w.shape for w in output.cross_attentions] == [(2, 4, 5 * (1 + streams), 7)] * 3
    assert [w.shape for w in output.encoder_attentions] == [(2, 2, 7, 7)] * 2
    assert len(output.encoder_hidden_states) == 3


@pytest.mark.parametrize("streams", [2, 4])
def test_what_each_stream_sees(make, streams: int) -> None:
    """The main stream sees what is behind, stream n what is n behind, and all see the first."""
    model = make(
        "ProphetNetDecoder", ngram=streams, num_decoder_layers=1, add_cross_attention=False
    )
    embeds = torch.randn(1, 6, 16, requires_grad=True, generator=torch.Generator().manual_seed(0))
    output = model(inputs_embeds=embeds)
    predicting = output.last_hidden_state_ngram.unflatten(1, (streams, 6))
    rows = [(0, output.last_hidden_state[0]), *enumerate(predicting[0])]
    for behind, states in rows:
        for position in range(6):
            (gradient,) = torch.autograd.grad(states[position].sum(), embeds, retain_graph=True)
            seen = gradient[0].abs().sum(dim=-1) > 1e-9
            expected = [key <= position - behind or key == 0 for key in range(6)]
            assert seen.tolist() == expected, (behind, position)


def test_weights_sum_to_one_over_text_and_self(make, input_ids) -> None:
    model = make("ProphetNetDecoder", ngram=3, add_cross_attention=False)
    output = model(input_ids, output_attentions=True)
    for weights in (*output.attentions, *output.ngram_attentions):
        torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:-1]))
    own = output.ngram_attentions[0][..., 7:]
    torch.testing.assert_close(own, own.diagonal(dim1=-2, dim2=-1).diag_embed())


def test_distances_fall_into_buckets() -> None:
    """One bucket a distance up to half of them, then logarithmic up to the greatest distance."""
    for buckets, farthest in ((32, 128), (8, 16), (5, 7)):
        found = relative_buckets(torch.arange(300), buckets, farthest).tolist()
        half = buckets // 2
        for distance, bucket in enumerate(found):
            expected = distance
            if distance >= half:
                grown = math.log(distance / half) / math.log(farthest / half)
                expected = min(half + int(grown * (buckets - half) + 1e-6), buckets - 1)
            assert bucket == expected, (buckets, distance)


@pytest.mark.parametrize("eps", [0.0, 0.3])
@pytest.mark.parametrize("first_only", [False, True])
def test_the_loss(make, input_ids, eps: float, first_only: bool) -> None:
    model = make(ANSWERING, ngram=3, eps=eps, disable_ngram_loss=first_only)
    labels = input_ids[:, :4].clone()
    labels[1, 2:] = -100
    read = torch.tensor([[0, *labels[0, :3].tolist()], [0, *labels[1, :2].tolist(), 0]])
    output = model(input_ids, labels=labels)
    torch.testing.assert_close(output.logits, model(input_ids, decoder_input_ids=read).logits)
    scores = torch.cat([output.logits[:, None], output.logits_ngram], dim=1)
    chances = scores[:, : 1 if first_only else 3].log_softmax(dim=-1)
    losses = []
    for stream in chances.unbind(1):
        for row, position in (labels != -100).nonzero().tolist():
            right = -stream[row, position, labels[row, position]]
            losses.append((1 - eps) * right - eps * stream[row, position].mean())
    torch.testing.assert_close(output.loss, torch.stack(losses).mean())


def test_a_decoder_s_labels_are_not_shifted(make, input_ids) -> None:
    model = make(CONTINUING, add_cross_attention=False)
    output = model(input_ids[:, :-1], labels=input_ids[:, 1:])
    scores = torch.stack([output.logits, output.logits_ngram[:, 0]])
    targets = input_ids[:, 1:].expand(2, -1, -1)
    expected = F.cross_entropy(scores.flatten(0, 2), targets.flatten())
    torch.testing.assert_close(output.loss, expected)


def test_wrong_inputs_say_what_is_expected(make, input_ids) -> None:
    model = make(ANSWERING)
    with pytest.raises(InputError, match="either input_ids or inputs_embeds"):
        model(decoder_input_ids=input_ids)
    with pytest.raises(InputError, match="either decoder_input_ids or decoder_inputs_embeds"):
        model(input_ids)
    with pytest.raises(InputError, match=r"shape \(2, 3\), expected \(2, 7\)"):
        model(input_ids, decoder_input_ids=input_ids, decoder_attention_mask=input_ids[:, :3])
    with pytest.raises(InputError, match="19 positions are more than the 18"):
        model(input_ids, decoder_input_ids=torch.ones(1, 19, dtype=torch.long))
    with pytest.raises(TypeError, match="input_idz"):
        model(input_idz=input_ids)
    alone = make(CONTINUING, add_cross_attention=False)
    with pytest.raises(InputError, match="add_cross_attention=True"):
        alone(input_ids, encoder_hidden_states=torch.zeros(2, 3, 16))
    model.config.decoder_start_token_id = None
    with pytest.raises(ConfigurationError, match="decoder_start_token_id"):
        model(input_ids, labels=input_ids)


def test_the_decoder_alone_leaves_the_callers_configuration_alone() -> None:
    config = automodel_prophetnet.ProphetNetConfig(
        vocab_size=9, hidden_size=8, num_encoder_attention_heads=2, num_decoder_attention_heads=2,
        num_encoder_layers=1, num_decoder_layers=1,
    )  # fmt: skip
    model = automodel_prophetnet.ProphetNetForCausalLM(config)
    assert (model.config.is_decoder, model.config.is_encoder_decoder) == (True, False)
    assert (config.is_decoder, config.is_encoder_decoder) == (False, True)
    assert model.get_decoder() is model.model.decoder


# ---- files ----


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("name", CLASSES)
def test_saved_and_loaded_again(make, tmp_path: Path, name: str, tied: bool) -> None:
    model = make(name, tie_word_embeddings=tied)
    model.save_pretrained(tmp_path)
    kind = getattr(automodel_prophetnet, name)
    again, info = kind.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values())
    expected = model.state_dict()
    assert again.state_dict().keys() == expected.keys()
    for key, tensor in again.state_dict().items():
        assert torch.equal(tensor, expected[key]), key
    model.weight_names(model.config).check(dict(model.named_parameters()))


@pytest.mark.parametrize("whole", ["ProphetNetModel", ANSWERING])
@pytest.mark.parametrize("side", ["Encoder", "Decoder"])
def test_a_stack_reads_its_part_of_a_whole_model(
    make, input_ids, tmp_path: Path, whole: str, side: str
) -> None:
    model = make(whole)
    model.save_pretrained(tmp_path)
    kind = getattr(automodel_prophetnet, f"ProphetNet{side}")
    stack, info = kind.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values()), info
    part = getattr(model, f"get_{side.lower()}")()
    expected = part(input_ids).last_hidden_state
    torch.testing.assert_close(stack(input_ids).last_hidden_state, expected)


def test_a_decoder_reads_its_part_and_the_output_layer(make, input_ids, tmp_path: Path) -> None:
    model = make(ANSWERING, tie_word_embeddings=False)
    with torch.no_grad():
        model.lm_head.weight.mul_(2.0)
    model.save_pretrained(tmp_path)
    kind = automodel_prophetnet.ProphetNetForCausalLM
    alone, info = kind.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values()), info
    assert torch.equal(alone.lm_head.weight, model.lm_head.weight)
    states = torch.randn(2, 4, 16, generator=torch.Generator().manual_seed(0))
    found = alone(input_ids, encoder_hidden_states=states).logits
    torch.testing.assert_close(
        found, model(encoder_outputs=(states,), decoder_input_ids=input_ids).logits
    )
    alone.save_pretrained(tmp_path / "alone")
    with pytest.raises(IncompleteCheckpointError, match=r"encoder\.layers"):
        automodel_prophetnet.ProphetNetModel.from_pretrained(tmp_path / "alone")


def test_cross_attention_may_be_new(make, tmp_path: Path) -> None:
    make(CONTINUING, add_cross_attention=False).save_pretrained(tmp_path)
    kind = automodel_prophetnet.ProphetNetForCausalLM
    model, info = kind.from_pretrained(tmp_path, add_cross_attention=True, output_loading_info=True)
    assert info["missing_keys"]
    assert all("cross_attn" in name for name in info["missing_keys"])
    assert model.model.decoder.stack.layers[0].cross_attn is not None


# ---- training ----


def test_checkpointed_dropout_is_the_same_dropout(make, input_ids) -> None:
    model = make(ANSWERING, dropout=0.2, attention_dropout=0.2, activation_dropout=0.2).train()
    gradients = []
    for checkpointed in (False, True):
        model.zero_grad()
        if checkpointed:
            model.gradient_checkpointing_enable()
        torch.manual_seed(3)
        output = model(input_ids, labels=input_ids)
        assert (output.past_key_values is None) == checkpointed
        output.loss.backward()
        gradients.append([p.grad.clone() for p in model.parameters()])
    for plain, again in zip(*gradients, strict=True):
        torch.testing.assert_close(again, plain)


@pytest.mark.parametrize("key", ["dropout", "attention_dropout", "activation_dropout"])
def test_dropout_acts_in_training_only(make, input_ids, key: str) -> None:
    rates = {"dropout": 0.0, "attention_dropout": 0.0, "activation_dropout": 0.0, key: 0.3}
    model = make("ProphetNetModel", **rates)
    given = {"input_ids": input_ids, "decoder_input_ids": input_ids}
    first, second = (model(**given).last_hidden_state_ngram for _ in range(2))
    assert torch.equal(first, second)
    model.train()
    first, second = (model(**given).last_hidden_state_ngram for _ in range(2))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("name", [ANSWERING, CONTINUING])
def test_few_steps_of_training_lower_the_loss(make, input_ids, name: str) -> None:
    model = make(name, eps=0.0).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-2)
    losses = []
    for _ in range(15):
        loss = model(input_ids, labels=input_ids).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.parametrize("name", CLASSES)
def test_more_tokens(make, name: str) -> None:
    model = make(name)
    before = model.get_input_embeddings().weight.detach().clone()
    assert model.resize_token_embeddings(50) is model.get_input_embeddings()
    assert torch.equal(model.get_input_embeddings().weight[:47], before)
    given = {"input_ids": torch.tensor([[49, 48]])}
    if name in ("ProphetNetModel", ANSWERING):
        given["decoder_input_ids"] = torch.tensor([[47, 49]])
    output = model(**given)
    assert model.config.vocab_size == 50
    if "logits" in output:
        assert output.logits.shape == (1, 2, 50)
