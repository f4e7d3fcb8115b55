"""A decoding session: what it feeds, and what it reads back from the device.

Masks and positions of its steps are in `session.step_arguments`.
"""

from __future__ import annotations

import pytest
import torch

from automodel_core import generation as g
from automodel_core.errors import GenerationArgumentError
from automodel_core.layers.caches.base import Cache


@pytest.mark.parametrize("settings", [{}, {"num_beams": 3}, {"do_sample": True}])
def test_logits_that_are_no_numbers_are_named(model, prompt, settings):
    with torch.no_grad():
        model.head.bias[4] = float("nan")
    with pytest.raises(GenerationArgumentError, match=r"logits of Tiny.* are NaN"):
        model.generate(prompt, max_new_tokens=5, **settings)
    found = model.generate(prompt, max_new_tokens=5, remove_invalid_values=True, **settings)
    assert found.shape[0] == 2


def test_a_mask_that_hides_nothing_is_not_passed(decoder, prompt):
    decoder.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=3)
    assert decoder.counting.decoder_masks == [None] * 3


def test_only_new_tokens_are_fed(decoder, prompt):
    decoder.generation_config.eos_token_id = None
    decoder.generate(prompt, max_new_tokens=4)
    assert decoder.counting.decoder_lengths == [3, 1, 1, 1]


@pytest.mark.parametrize(
    "settings", [{"num_beams": 3}, {"do_sample": True, "num_return_sequences": 3}]
)
def test_prompt_and_encoder_run_once_an_item(
    decoder, encoder_decoder, prompt, settings, monkeypatch
):
    sizes = []
    monkeypatch.setattr(decoder.embed, "forward", lambda ids: (sizes.append(ids.shape[0]),
                        torch.nn.functional.embedding(ids, decoder.embed.weight))[1])  # fmt: skip
    decoder.generate(prompt, max_new_tokens=3, **settings)
    assert sizes[:2] == [2, 6]
    encoder_decoder.generate(prompt, max_new_tokens=3, **settings)
    assert encoder_decoder.counting.encoder_calls == 1


def test_a_cache_is_continued(decoder, prompt):
    decoder.generation_config.eos_token_id = None
    whole = decoder.generate(prompt, max_new_tokens=8)
    cache = Cache()
    first = decoder.generate(prompt, max_new_tokens=4, past_key_values=cache)
    decoder.counting.decoder_lengths.clear()
    again = decoder.generate(first, max_new_tokens=4, past_key_values=cache)
    assert again.tolist() == whole.tolist()
    assert decoder.counting.decoder_lengths == [1, 1, 1, 1]
    with pytest.raises(GenerationArgumentError, match="past_key_values holds"):
        decoder.generate(prompt, max_new_tokens=4, past_key_values=cache)


def test_new_tokens_with_a_mask_over_the_whole_text(decoder, prompt):
    decoder.generation_config.eos_token_id = None
    text = torch.cat([prompt, prompt + 3], dim=1)
    whole = decoder.generate(text, max_new_tokens=4)
    cache = Cache()
    decoder(input_ids=prompt, past_key_values=cache)
    found = decoder.generate(
        prompt + 3, attention_mask=torch.ones_like(text), past_key_values=cache, max_new_tokens=4
    )
    assert found[:, 3:].tolist() == whole[:, 6:].tolist()


def test_a_prompt_in_chunks(decoder):
    padded = torch.tensor([[0, 0, 3, 4, 5, 6, 7], [3, 4, 5, 6, 7, 8, 9]])
    whole = decoder.generate(padded, max_new_tokens=4)
    decoder.counting.decoder_lengths.clear()
    assert decoder.generate(padded, max_new_tokens=4, prefill_chunk_size=3).equal(whole)
    assert decoder.counting.decoder_lengths[:3] == [3, 3, 1]


def test_an_own_strategy_and_the_session_it_uses(decoder, prompt, monkeypatch):
    def second_best(session, request):
        ids = session.prompt
        logits = session.start()
        while ids.shape[1] < request.max_length:
            ids = torch.cat([ids, logits.topk(2).indices[:, 1:]], dim=1)
            logits = session.step(ids)
        longer = session.feed(torch.cat([ids, ids[:, :2]], dim=1), positions=2)
        assert longer.shape == (2, 2, 23)
        session.crop(ids.shape[1] - 1)
        torch.testing.assert_close(session.step(ids), logits)
        return g.GenerateOutput(sequences=ids)

    from automodel_core import registry

    manifest = registry.DecodingStrategy(name="second", function="somewhere:second_best")
    for method, found in (("function", second_best), ("get", manifest)):
        known = getattr(registry.parts, method)
        monkeypatch.setattr(
            registry.parts,
            method,
            lambda kind, name, known=known, found=found: (
                found if name == "second" else known(kind, name)
            ),
        )
    padded = torch.tensor([[0, 3, 4], [6, 7, 8]])
    for ids in (prompt, padded):
        assert decoder.generate(ids, strategy="second", max_new_tokens=3).shape == (2, 6)


@pytest.mark.parametrize("beams", [1, 3])
def test_the_device_is_read_once_a_step(decoder, prompt, beams, monkeypatch):
    """Count what would make a GPU wait: a tensor read as a Python value."""
    reads = []
    for name in ("__bool__", "tolist", "item", "__int__", "__float__"):
        original = getattr(torch.Tensor, name)
        monkeypatch.setattr(
            torch.Tensor,
            name,
            lambda t, original=original, name=name: (reads.append(name), original(t))[1],
        )
    counts = []
    for steps in (4, 14):
        reads.clear()
        decoder.generate(
            prompt, num_beams=beams, max_new_tokens=steps, min_new_tokens=steps,
            repetition_penalty=1.1, no_repeat_ngram_size=2,
        )  # fmt: skip
        counts.append(len(reads))
    assert counts[1] - counts[0] == 10


def test_nothing_is_read_without_an_end_token(decoder, prompt, monkeypatch):
    decoder.generation_config.eos_token_id = None
    reads = []
    original = torch.Tensor.__bool__
    monkeypatch.setattr(torch.Tensor, "__bool__", lambda t: (reads.append(1), original(t))[1])
    counts = []
    for steps in (2, 9):
        reads.clear()
        decoder.generate(prompt, max_new_tokens=steps)
        counts.append(len(reads))
    assert counts[0] == counts[1]


def test_who_replaces_the_inputs_may_put_embeddings_where_nothing_is_cached(decoder, prompt):
    """Learnt prompts are put in so: by a method of the instance, in place of its class's."""
    decoder.generation_config.eos_token_id = None
    expected = decoder.generate(prompt, max_new_tokens=4)
    caches, original = [], decoder.prepare_inputs_for_generation

    def prepare(input_ids, **arguments):
        caches.append(arguments["past_key_values"])
        inputs = original(input_ids, **arguments)
        if caches[-1] is None:
            inputs["inputs_embeds"] = decoder.embed(inputs.pop("input_ids"))
        return inputs

    decoder.prepare_inputs_for_generation = prepare
    assert decoder.generate(prompt, max_new_tokens=4).tolist() == expected.tolist()
    assert caches[0] is None
    assert [cache.get_seq_length() for cache in caches[1:]] == [6, 6, 6]  # one cache, all along
