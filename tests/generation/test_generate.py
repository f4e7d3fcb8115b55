"""``generate`` on tiny models: against a loop that does everything again at every step."""

from __future__ import annotations

import warnings

import pytest
import torch

from automodel_core import generation as g
from automodel_core.errors import GenerationArgumentError
from automodel_core.generation.strategies.sampling import greedy_tokens
from automodel_core.layers.caches.base import Cache


def greedy_by_hand(model, row: torch.Tensor, steps: int) -> list[int]:
    """Continue one row without cache, mask or batch."""
    is_pair = model.config.is_encoder_decoder
    ids = torch.tensor([[0]]) if is_pair else row[None]
    more = {"encoder_outputs": model.encoder(row[None])} if is_pair else {}
    for _ in range(steps):
        logits = model(**{"decoder_input_ids" if is_pair else "input_ids": ids}, **more).logits
        ids = torch.cat([ids, logits[:, -1].argmax(-1)[:, None]], dim=1)
    return ids[0].tolist()


def cut(ids: list[int], start: int, end: int = 1) -> list[int]:
    return ids[: ids.index(end, start) + 1] if end in ids[start:] else ids


@pytest.mark.parametrize("use_cache", [True, False])
def test_greedy_equals_the_loop_by_hand(model, prompt, use_cache):
    found = model.generate(prompt, max_new_tokens=9, use_cache=use_cache)
    for row, ids in zip(prompt, found.tolist(), strict=True):
        start = 1 if model.config.is_encoder_decoder else 3
        expected = cut(greedy_by_hand(model, row, 9), start)
        assert cut(ids, start) == expected
        assert set(ids[len(expected) :]) <= {0}


def test_left_padding_changes_nothing(decoder, prompt):
    decoder.generation_config.eos_token_id = None
    plain = decoder.generate(prompt[:1], max_new_tokens=6)
    padded = torch.tensor([[0, 0, *prompt[0]], [3, 4, 5, 6, 7]])
    mask = (padded != 0).long()
    for inputs in ({"input_ids": padded, "attention_mask": mask}, {"input_ids": padded}):
        for use_cache in (True, False):
            found = decoder.generate(**inputs, max_new_tokens=6, use_cache=use_cache)
            assert found[0, 2:].tolist() == plain[0].tolist()


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


def test_one_beam_is_greedy_search_and_more_are_no_worse(model, prompt):
    details = {"return_dict_in_generate": True, "output_scores": True, "max_new_tokens": 6}
    model.generation_config.eos_token_id = None
    greedy = model.generate(prompt, **details)
    beams = model.generate(prompt, num_beams=4, **details)
    total = model.compute_transition_scores(
        greedy.sequences, greedy.scores, normalize_logits=True
    ).sum(1)
    chosen = model.compute_transition_scores(beams.sequences, beams.scores, beams.beam_indices).sum(
        1
    )
    torch.testing.assert_close(chosen / 6, beams.sequences_scores)
    assert bool((chosen >= total - 1e-5).all())


def exhaustive(model, row: torch.Tensor, steps: int, count: int) -> list[list[int]]:
    """Return the best sequences of exactly ``steps`` tokens among all that there are."""
    vocabulary = 23
    prefixes, totals = row[None], torch.zeros(1)
    for _ in range(steps):
        logits = model(input_ids=prefixes).logits[:, -1].log_softmax(-1)
        totals = (totals[:, None] + logits).flatten()
        tokens = torch.arange(vocabulary).repeat(len(prefixes))[:, None]
        prefixes = torch.cat([prefixes.repeat_interleave(vocabulary, 0), tokens], dim=1)
    return prefixes[totals.topk(count).indices].tolist()


def test_as_many_beams_as_tokens_find_the_best_sequences(decoder, prompt):
    decoder.generation_config.eos_token_id = None
    found = decoder.generate(prompt[:1], num_beams=23, num_return_sequences=4, max_new_tokens=2)
    assert found.tolist() == exhaustive(decoder, prompt[0], 2, 4)


@pytest.mark.parametrize("vocabulary", [5, 511, 512, 513, 700, 1024, 1111])
def test_the_likeliest_token_is_the_first_of_the_highest(vocabulary):
    torch.manual_seed(vocabulary)
    for rows in (1, 3, 8):
        for scores in (
            torch.randn(rows, vocabulary),
            torch.randint(0, 3, (rows, vocabulary)).float(),
            torch.full((rows, vocabulary), -float("inf")),
        ):
            assert greedy_tokens(scores).tolist() == scores.argmax(-1).tolist()


def test_samples_follow_the_distribution(decoder):
    ids = torch.tensor([[3, 4]])
    expected = decoder(input_ids=ids).logits[0, -1].div(0.8).softmax(-1)
    torch.manual_seed(0)
    drawn = decoder.generate(
        ids, do_sample=True, temperature=0.8, top_k=0, num_return_sequences=4000, max_new_tokens=1
    )
    counts = drawn[:, -1].bincount(minlength=23) / 4000
    assert (counts - expected).abs().max() < 0.03
    kept = decoder.generate(ids, do_sample=True, top_k=2, num_return_sequences=50, max_new_tokens=1)
    assert set(kept[:, -1].tolist()) <= set(expected.topk(2).indices.tolist())


@pytest.mark.parametrize("beams", [1, 3])
def test_custom_processors_criteria_and_allowed_prefixes(model, prompt, beams):
    def only_even(ids, scores):
        scores[:, 1::2] = -float("inf")
        return scores

    def after_ten(ids, scores, **kwargs):
        return ids[:, -1] == 10

    found = model.generate(
        prompt, max_new_tokens=7, num_beams=beams, logits_processor=[only_even],
        stopping_criteria=[after_ten], prefix_allowed_tokens_fn=lambda item, ids: [7, 8, 10 + item],
    )  # fmt: skip
    start = 1 if model.config.is_encoder_decoder else 3
    assert set(found[:, start:].flatten().tolist()) <= {0, 1, 8, 10}


def test_a_custom_part_replaces_the_built_one_of_its_class(decoder, prompt):
    with pytest.warns(UserWarning, match="MaxLengthCriteria that was passed replaces"):
        found = decoder.generate(
            prompt, max_new_tokens=9, stopping_criteria=[g.MaxLengthCriteria(5)]
        )
    assert found.shape[1] <= 5


def test_several_end_tokens_and_padding(decoder, prompt):
    free = decoder.generate(prompt, max_new_tokens=8, eos_token_id=None)
    ends = [int(free[0, 4]), int(free[1, 6])]
    found = decoder.generate(prompt, max_new_tokens=8, eos_token_id=ends, pad_token_id=22)
    for row in found.tolist():
        first = min(i for i, token in enumerate(row) if i > 2 and token in ends)
        assert set(row[first + 1 :]) <= {22}


def test_long_runs_grow_the_buffers(monkeypatch, decoder, prompt):
    monkeypatch.setattr("automodel_core.generation.strategies.sequences.BLOCK", 2)
    monkeypatch.setattr("automodel_core.generation.session.step_arguments.MASK_BLOCK", 2)
    decoder.generation_config.eos_token_id = None
    padded = torch.tensor([[0, 3, 4], [6, 7, 8]])
    found = decoder.generate(padded, max_new_tokens=20)
    assert found.shape == (2, 23)
    assert found[0, 1:].tolist() == greedy_by_hand(decoder, padded[0, 1:], 20)


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


def test_embeddings_as_prompt(model, prompt):
    embeds = model.embed(prompt).detach()
    found = model.generate(inputs_embeds=embeds, max_new_tokens=5)
    expected = model.generate(prompt, max_new_tokens=5)
    skipped = 0 if model.config.is_encoder_decoder else 3
    assert found.tolist() == expected[:, skipped:].tolist()
    both = model.generate(inputs_embeds=embeds, num_beams=2, max_length=6)
    assert both.shape[1] <= 6


def test_a_prompt_from_nothing(decoder):
    assert decoder.generate(max_new_tokens=2)[:, 0].tolist() == [2]
    decoder.generation_config.bos_token_id = None
    with pytest.raises(GenerationArgumentError, match="there is no prompt"):
        decoder.generate(max_new_tokens=2)


def test_decoder_prompts(encoder_decoder, prompt):
    start = torch.tensor([[5, 6], [7, 8]])
    found = encoder_decoder.generate(prompt, decoder_input_ids=start, max_new_tokens=4)
    assert found[:, :3].tolist() == [[0, 5, 6], [0, 7, 8]]
    with_start = torch.cat([torch.zeros(2, 1, dtype=torch.long), start], 1)
    same = encoder_decoder.generate(prompt, decoder_input_ids=with_start, max_new_tokens=4)
    assert same.tolist() == found.tolist()
    each = encoder_decoder.generate(prompt, decoder_start_token_id=[4, 5], max_new_tokens=2)
    assert each[:, 0].tolist() == [4, 5]
    encoder_decoder.config.prompts_start_themselves = True
    alone = encoder_decoder.generate(prompt, decoder_input_ids=start, max_new_tokens=4)
    assert alone[:, :2].tolist() == start.tolist()


def test_outputs_read_like_a_dict_and_like_a_tuple(model, prompt):
    output = model.generate(
        prompt, max_new_tokens=3, return_dict_in_generate=True, output_scores=True,
        output_logits=True, min_new_tokens=3,
    )  # fmt: skip
    assert isinstance(output, g.GenerateOutput)
    assert output["sequences"] is output.sequences is output[0]
    assert "attentions" not in output
    assert list(output) == list(output.keys()) == [name for name, _ in output.items()]
    assert len(output) == len(output.values())
    assert output.get("attentions", 3) == 3
    with pytest.raises(KeyError):
        output["attentions"]
    assert len(output.scores) == len(output.logits) == 3
    assert bool((output.scores[0][:, 1] == -float("inf")).all())
    assert bool(output.logits[0].isfinite().all())


def test_results_can_be_used_in_training(decoder, prompt):
    ids = decoder.generate(prompt, max_new_tokens=3)
    decoder(input_ids=ids).logits.sum().backward()
    assert decoder.head.weight.grad is not None


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

    known = registry.parts.function
    monkeypatch.setattr(
        registry.parts,
        "function",
        lambda kind, name: second_best if name == "second" else known(kind, name),
    )
    padded = torch.tensor([[0, 3, 4], [6, 7, 8]])
    for ids in (prompt, padded):
        assert decoder.generate(ids, strategy="second", max_new_tokens=3).shape == (2, 6)


def test_an_overridden_preparation_is_called(decoder, prompt, monkeypatch):
    seen = []
    original = type(decoder).prepare_inputs_for_generation

    def prepare(self, input_ids, **kwargs):
        seen.append(input_ids.shape[1])
        return original(self, input_ids, **kwargs)

    monkeypatch.setattr(type(decoder), "prepare_inputs_for_generation", prepare)
    decoder.generate(prompt, max_new_tokens=3, eos_token_id=None)
    assert seen == [3, 4, 5]


def test_guidance_moves_away_from_the_negative_prompt(decoder, prompt):
    decoder.generation_config.eos_token_id = None
    plain = decoder(input_ids=prompt).logits[:, -1].log_softmax(-1)
    negative = torch.tensor([[9, 10], [11, 12]])
    other = decoder(input_ids=negative).logits[:, -1].log_softmax(-1)
    results = [
        decoder.generate(
            prompt,
            guidance_scale=1.5,
            negative_prompt_ids=negative,
            max_new_tokens=4,
            use_cache=use_cache,
            return_dict_in_generate=True,
            output_scores=True,
        )
        for use_cache in (True, False)
    ]
    torch.testing.assert_close(results[0].scores[0], other + 1.5 * (plain - other))
    assert results[0].sequences.tolist() == results[1].sequences.tolist()
    assert decoder.generate(prompt, guidance_scale=2.0, max_new_tokens=2).shape == (2, 5)


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


def test_defaults_and_precedence(decoder, prompt):
    with pytest.warns(UserWarning, match="at most 20 new tokens"):
        assert decoder.generate(prompt, eos_token_id=None).shape == (2, 23)
    decoder.generation_config.update(max_length=6, eos_token_id=None)
    decoder.generation_config.eos_token_id = None
    assert decoder.generate(prompt).shape == (2, 6)
    config = g.GenerationConfig(max_length=7)
    assert decoder.generate(prompt, config).shape == (2, 7)
    assert decoder.generate(prompt, config, max_length=8).shape == (2, 8)
    assert decoder.generate(prompt, max_new_tokens=1).shape == (2, 4)
    with pytest.warns(UserWarning, match="max_new_tokens=2 is used, max_length=9 is not"):
        assert decoder.generate(prompt, max_new_tokens=2, max_length=9).shape == (2, 5)
    with pytest.warns(UserWarning, match="min_new_tokens=1 is used, min_length=2 is not"):
        decoder.generate(prompt, min_new_tokens=1, min_length=2)
    assert config.to_diff_dict() == {"max_length": 7}


def test_settings_that_change_nothing_build_nothing(decoder, prompt, monkeypatch):
    built = []
    original = g.LogitsProcessorList.in_place
    monkeypatch.setattr(
        g.LogitsProcessorList, "in_place", lambda self: (built.append(len(self)), original(self))[1]
    )
    decoder.generate(
        prompt, max_new_tokens=2, min_length=2, repetition_penalty=1.0, no_repeat_ngram_size=0,
        suppress_tokens=[], forced_bos_token_id=4, bad_words_ids=[[1]],
    )  # fmt: skip
    assert built == [0]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        decoder.generate(prompt, max_new_tokens=2, top_p=0.5)
    assert "top_p=0.5 has no effect" in str(caught[0].message)
