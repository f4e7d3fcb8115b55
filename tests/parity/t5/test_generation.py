"""T5 that generates: token ids equal to transformers', over random models, inputs and settings."""

from __future__ import annotations

import random
import tempfile
import warnings

import pytest

transformers = pytest.importorskip("transformers")
if not transformers.__version__.startswith("5."):
    pytest.skip("compares with transformers 5", allow_module_level=True)

import torch  # noqa: E402

from automodel_t5 import T5ForConditionalGeneration  # noqa: E402

TINY = {
    "vocab_size": 43, "d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 2, "num_heads": 2,
    "relative_attention_num_buckets": 8,
    "decoder_start_token_id": 0, "pad_token_id": 0, "eos_token_id": 1,
}  # fmt: skip
KINDS = {
    "tied": {},
    "untied": {"tie_word_embeddings": False},
    "gated": {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False},
    "uneven": {"num_decoder_layers": 1, "relative_attention_max_distance": 6},
}


def pair(kind: str, seed: int):
    torch.manual_seed(seed)
    config = transformers.T5Config(
        **{**TINY, **KINDS[kind]},
    )
    reference = transformers.T5ForConditionalGeneration(config).eval()
    with torch.no_grad():
        for parameter in reference.parameters():
            parameter.normal_(0.0, 0.4)
        reference.lm_head.weight[1] *= 1.5
    with tempfile.TemporaryDirectory() as folder:
        reference.save_pretrained(folder)
        return reference, T5ForConditionalGeneration.from_pretrained(folder)


def inputs_of(chance: random.Random) -> dict[str, torch.Tensor]:
    rows, length = chance.randint(1, 4), chance.randint(1, 9)
    ids = torch.tensor([[chance.randint(1, 42) for _ in range(length)] for _ in range(rows)])
    if chance.random() < 0.3:
        return {"input_ids": ids}
    mask = torch.ones_like(ids)
    for row in range(rows):
        hidden = chance.randint(0, length - 1)
        columns = slice(length - hidden, None) if chance.random() < 0.7 else slice(0, hidden)
        ids[row, columns], mask[row, columns] = 0, 0
    return {"input_ids": ids, "attention_mask": mask}


def settings_of(chance: random.Random, beams: int) -> dict[str, object]:
    """Return a random combination of settings that fit together."""
    settings: dict[str, object] = {"max_new_tokens": chance.randint(1, 14), "num_beams": beams}
    if beams > 1:
        settings["early_stopping"] = chance.choice([True, False, "never"])
        settings["length_penalty"] = chance.choice([1.0, 0.0, 0.6, 2.0, -1.0])
        settings["num_return_sequences"] = chance.randint(1, beams)
    rare = {
        "min_new_tokens": chance.randint(1, 8),
        "min_length": chance.randint(1, 8),
        "repetition_penalty": chance.choice([0.7, 1.3, 2.5]),
        "encoder_repetition_penalty": chance.choice([0.8, 1.4]),
        "no_repeat_ngram_size": chance.randint(1, 3),
        "encoder_no_repeat_ngram_size": chance.randint(1, 3),
        "bad_words_ids": [[chance.randint(0, 42) for _ in range(n)] for n in (1, 2, 3)],
        "sequence_bias": [[[chance.randint(0, 42)], 3.0], [[chance.randint(0, 42), 7], -3.0]],
        "forced_bos_token_id": chance.randint(21, 42),
        "forced_eos_token_id": 1,
        "suppress_tokens": [chance.randint(2, 20) for _ in range(5)],
        "begin_suppress_tokens": [chance.randint(2, 42) for _ in range(5)],
        "exponential_decay_length_penalty": (chance.randint(0, 4), 1.2),
        "renormalize_logits": True,
        "remove_invalid_values": True,
        "eos_token_id": [1, chance.randint(2, 42)],
        "pad_token_id": chance.choice([0, 5]),
        "use_cache": False,
    }
    for name, value in rare.items():
        if chance.random() < 0.15:
            settings[name] = value
    return settings


def both(reference, model, inputs, settings, seed: int = 0):
    results = []
    details = {"return_dict_in_generate": True, "output_scores": True, "output_logits": True}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for candidate in (reference, model):
            torch.manual_seed(seed)
            results.append(candidate.generate(**inputs, **settings, **details))
    return results


def assert_same(expected, found, note: object) -> None:
    assert found.sequences.tolist() == expected.sequences.tolist(), note
    assert len(found.scores) == len(expected.scores)
    for ours, theirs in zip(found.scores, expected.scores, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5, equal_nan=True)
    if "beam_indices" in expected:
        assert found.beam_indices.tolist() == expected.beam_indices.tolist(), note
        torch.testing.assert_close(
            found.sequences_scores,
            expected.sequences_scores,
            atol=1e-5,
            rtol=1e-5,
            equal_nan=True,
        )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("beams", [1, 2, 3, 5])
def test_random_settings(kind, beams):
    for seed in range(3):
        reference, model = pair(kind, seed)
        chance = random.Random(f"{kind} {beams} {seed}")
        for _ in range(6):
            inputs, settings = inputs_of(chance), settings_of(chance, beams)
            expected, found = both(reference, model, inputs, settings)
            assert_same(expected, found, (seed, inputs, settings))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("beams", [1, 3])
def test_sampling_with_the_same_seed(kind, beams):
    for seed in range(3):
        reference, model = pair(kind, seed)
        chance = random.Random(seed)
        settings = {
            "do_sample": True, "num_beams": beams, "max_new_tokens": 8, "num_return_sequences": 2,
            "temperature": chance.choice([0.5, 1.0, 1.7]), "top_k": chance.choice([0, 5, 50]),
            "top_p": chance.choice([0.5, 0.9, 1.0]),
        }  # fmt: skip
        expected, found = both(reference, model, inputs_of(chance), settings, seed)
        assert_same(expected, found, (seed, settings))


@pytest.mark.parametrize("beams", [1, 2])
def test_longer_decoder_prompts_and_given_encoder_outputs(beams):
    reference, model = pair("tied", 5)
    chance = random.Random(5)
    for _ in range(4):
        inputs = inputs_of(chance)
        rows = inputs["input_ids"].shape[0]
        prompt = torch.tensor(
            [[0, *(chance.randint(1, 42) for _ in range(3))] for _ in range(rows)]
        )
        settings = {"num_beams": beams, "max_new_tokens": 5, "decoder_input_ids": prompt}
        expected, found = both(reference, model, inputs, settings)
        assert_same(expected, found, settings)
        mask = inputs.get("attention_mask")
        encoded = model.get_encoder()(**inputs)
        again = model.generate(
            encoder_outputs=encoded, attention_mask=mask, decoder_input_ids=prompt,
            num_beams=beams, max_new_tokens=5,
        )  # fmt: skip
        assert again.tolist() == expected.sequences.tolist()


def test_attentions_and_hidden_states():
    reference, model = pair("tied", 6)
    reference.set_attn_implementation("eager")
    for beams in (1, 3):
        settings = {
            "num_beams": beams, "max_new_tokens": 4,
            "output_attentions": True, "output_hidden_states": True,
        }  # fmt: skip
        expected, found = both(reference, model, inputs_of(random.Random(6)), settings)
        assert set(found.keys()) == set(expected.keys())
        names = [n for n in expected if "attentions" in n or "hidden_states" in n]
        assert len(names) == 5
        for name in names:
            theirs, ours = expected[name], found[name]
            if not name.startswith("encoder"):
                theirs = [tensor for step in theirs for tensor in step]
                ours = [tensor for step in ours for tensor in step]
            for a, b in zip(ours, theirs, strict=True):
                torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)
