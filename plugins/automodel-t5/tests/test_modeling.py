"""T5's models alone: shapes, losses, gradients, files, and that caching changes nothing."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

import automodel_t5
from automodel_core.errors import ConfigurationError, InputError
from automodel_core.layers import Cache

FAMILIES = ("T5", "MT5", "UMT5")
KINDS = [
    ("T5", {}),
    ("T5", {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}),
    ("T5", {"num_decoder_layers": 1, "num_heads": 3, "d_kv": 5}),
    ("MT5", {}),
    ("UMT5", {}),
]


@pytest.mark.parametrize(("family", "settings"), KINDS)
def test_the_body(make, input_ids, family: str, settings: dict[str, Any]) -> None:
    model = make(f"{family}Model", **settings)
    output = model(input_ids=input_ids, decoder_input_ids=input_ids[:, :3])
    assert output.last_hidden_state.shape == (2, 3, 16)
    assert output.encoder_last_hidden_state.shape == (2, 7, 16)
    assert output.past_key_values.get_seq_length() == 3
    encoder = make(f"{family}EncoderModel", **settings)
    assert encoder(input_ids).last_hidden_state.shape == (2, 7, 16)
    assert encoder(input_ids, return_dict=False)[0].shape == (2, 7, 16)


@pytest.mark.parametrize(("family", "settings"), KINDS)
def test_generation_head(make, input_ids, family: str, settings: dict[str, Any]) -> None:
    model = make(f"{family}ForConditionalGeneration", **settings)
    labels = input_ids[:, :5].clone()
    labels[0, -2:] = -100
    output = model(input_ids=input_ids, labels=labels)
    assert output.logits.shape == (2, 5, 47)
    expected = F.cross_entropy(output.logits.flatten(0, 1), labels.flatten(), ignore_index=-100)
    torch.testing.assert_close(output.loss, expected)
    shifted = torch.cat([torch.zeros(2, 1, dtype=torch.long), labels[:, :-1]], dim=1).clamp(min=0)
    again = model(input_ids=input_ids, decoder_input_ids=shifted).logits
    torch.testing.assert_close(again, output.logits)
    output.loss.backward()
    unused = [name for name, p in model.named_parameters() if p.grad is None]
    assert not unused
    assert all(bool(p.grad.isfinite().all()) for p in model.parameters())


@pytest.mark.parametrize("family", FAMILIES)
def test_classification_heads(make, input_ids, family: str) -> None:
    model = make(f"{family}ForSequenceClassification", num_labels=3)
    output = model(input_ids=input_ids, labels=torch.tensor([2, 0]))
    assert output.logits.shape == (2, 3)
    torch.testing.assert_close(output.loss, F.cross_entropy(output.logits, torch.tensor([2, 0])))
    output.loss.backward()
    with pytest.raises(InputError, match="end-of-sequence"):
        model(input_ids=torch.full((1, 4), 5))
    with pytest.raises(InputError, match=r"\[1, 2\]"):
        model(input_ids=torch.tensor([[3, 3, 1], [3, 1, 1]]))
    with pytest.raises(InputError, match="input_ids"):
        model(inputs_embeds=torch.zeros(1, 4, 16))
    model = make(f"{family}ForTokenClassification", num_labels=3)
    labels = torch.randint(0, 3, (2, 7))
    labels[0, 0] = -100
    output = model(input_ids, labels=labels)
    assert output.logits.shape == (2, 7, 3)
    expected = F.cross_entropy(output.logits.flatten(0, 1), labels.flatten())
    torch.testing.assert_close(output.loss, expected)
    output.loss.backward()


@pytest.mark.parametrize("family", FAMILIES)
def test_question_answering(make, input_ids, family: str) -> None:
    model = make(f"{family}ForQuestionAnswering")
    starts, ends = torch.tensor([1, 2]), torch.tensor([3, 99])
    output = model(input_ids=input_ids, start_positions=starts, end_positions=ends)
    assert output.start_logits.shape == output.end_logits.shape == (2, 7)
    expected = F.cross_entropy(output.start_logits, starts) / 2
    expected = expected + F.cross_entropy(output.end_logits[:1], ends[:1]) / 2
    torch.testing.assert_close(output.loss, expected)
    assert output.past_key_values is None
    output.loss.backward()


def test_wrong_inputs_say_what_is_expected(make, input_ids) -> None:
    model = make("T5ForConditionalGeneration")
    with pytest.raises(InputError, match="either input_ids or inputs_embeds"):
        model(decoder_input_ids=input_ids)
    with pytest.raises(InputError, match="either decoder_input_ids or decoder_inputs_embeds"):
        model(input_ids=input_ids)
    with pytest.raises(InputError, match="either input_ids or inputs_embeds"):
        model.get_encoder()(input_ids=input_ids, inputs_embeds=torch.zeros(2, 7, 16))
    with pytest.raises(TypeError, match="input_idz"):
        model(input_idz=input_ids)
    model.config.decoder_start_token_id = None
    with pytest.raises(ConfigurationError, match="decoder_start_token_id"):
        model(input_ids=input_ids, labels=input_ids)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "head",
    [
        "Model", "EncoderModel", "ForConditionalGeneration", "ForSequenceClassification",
        "ForTokenClassification", "ForQuestionAnswering",
    ],
)  # fmt: skip
def test_saved_and_loaded_again(make, tmp_path: Path, family: str, head: str) -> None:
    model = make(f"{family}{head}")
    model.save_pretrained(tmp_path)
    kind = getattr(automodel_t5, f"{family}{head}")
    again, info = kind.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values())
    expected = model.state_dict()
    assert again.state_dict().keys() == expected.keys()
    for name, tensor in again.state_dict().items():
        assert torch.equal(tensor, expected[name]), name
    names = model.weight_names(model.config)
    names.check(dict(model.named_parameters()))
    assert not any("stack" in hub or "self_attn" in hub for hub in model.hub_state_dict())


@pytest.mark.parametrize("decoding", [False, True])
@pytest.mark.parametrize(("family", "settings"), KINDS)
def test_cached_steps_equal_one_pass(make, input_ids, family, settings, decoding: bool) -> None:
    model = make(f"{family}ForConditionalGeneration", **settings)
    with torch.no_grad():
        expected = model(input_ids=input_ids, decoder_input_ids=input_ids).logits
        encoded = model.get_encoder()(input_ids=input_ids)
        cache = Cache(decoding=decoding)
        found = [
            model(
                encoder_outputs=encoded,
                decoder_input_ids=input_ids[:, step : step + 1],
                past_key_values=cache,
            ).logits
            for step in range(7)
        ]
    torch.testing.assert_close(torch.cat(found, dim=1), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize(("family", "settings"), KINDS)
def test_generation(make, input_ids, family, settings, beams: int) -> None:
    model = make(f"{family}ForConditionalGeneration", **settings)
    given = {"input_ids": input_ids, "num_beams": beams, "max_new_tokens": 6}
    found = model.generate(**given)
    assert found.shape[0] == 2
    assert found[:, 0].tolist() == [0, 0]
    assert found.shape[1] <= 7
    assert found.tolist() == model.generate(**given, use_cache=False).tolist()


def test_distances_fall_into_the_buckets_of_the_paper(make) -> None:
    """One bucket a distance up to half of them, then logarithmic up to the greatest distance."""
    bias = make("T5Model", relative_attention_num_buckets=32, relative_attention_max_distance=128)
    for stack, buckets in ((bias.decoder, 32), (bias.encoder, 16)):
        distances = torch.arange(0, 200)
        found = stack.position_bias._bucket(-distances).tolist()
        half = buckets // 2
        for distance, bucket in zip(distances.tolist(), found, strict=True):
            expected = distance
            if distance >= half:
                grown = math.log(distance / half) / math.log(128 / half)
                expected = min(half + int(grown * (buckets - half) + 1e-6), buckets - 1)
            assert bucket == expected, distance
    ahead = bias.encoder.position_bias._bucket(torch.arange(1, 200))
    assert int(ahead.min()) == 17
    assert bool((bias.decoder.position_bias._bucket(torch.arange(0, 200)) == 0).all())


def test_only_umt5_has_biases_in_each_layer(make) -> None:
    for family, count in (("T5", 2), ("MT5", 2), ("UMT5", 4)):
        names = make(f"{family}Model").hub_state_dict()
        assert sum("relative_attention_bias" in name for name in names) == count


def test_attention_weights_are_shown_on_request(make, input_ids) -> None:
    model = make("T5Model", num_decoder_layers=1)
    output = model(
        input_ids=input_ids, decoder_input_ids=input_ids[:, :3],
        output_attentions=True, output_hidden_states=True,
    )  # fmt: skip
    assert [w.shape for w in output.encoder_attentions] == [(2, 2, 7, 7)] * 2
    assert [w.shape for w in output.decoder_attentions] == [(2, 2, 3, 3)]
    assert [w.shape for w in output.cross_attentions] == [(2, 2, 3, 7)]
    assert len(output.encoder_hidden_states) == 3
    assert len(output.decoder_hidden_states) == 2
    for weights in (*output.encoder_attentions, *output.cross_attentions):
        torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:-1]))
    torch.testing.assert_close(
        output.decoder_attentions[0].triu(1), torch.zeros_like(output.decoder_attentions[0])
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_dropout_acts_in_training_only(make, input_ids, family: str) -> None:
    model = make(f"{family}Model", dropout_rate=0.3)
    given = {"input_ids": input_ids, "decoder_input_ids": input_ids}
    first, second = (model(**given).last_hidden_state for _ in range(2))
    assert torch.equal(first, second)
    model.train()
    first, second = (model(**given).last_hidden_state for _ in range(2))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("family", FAMILIES)
def test_few_steps_of_training_lower_the_loss(make, input_ids, family: str) -> None:
    model = make(f"{family}ForConditionalGeneration")
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-2)
    losses = []
    for _ in range(25):
        loss = model(input_ids=input_ids, labels=input_ids).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_distances_beyond_those_with_a_bucket_of_their_own_may_share_the_last(make) -> None:
    settings = {"relative_attention_num_buckets": 16, "relative_attention_max_distance": 8}
    bias = make("T5Model", **settings).decoder.position_bias
    distances = -torch.arange(12)
    assert bias._bucket(distances).tolist() == [*range(8), 15, 15, 15, 15]
