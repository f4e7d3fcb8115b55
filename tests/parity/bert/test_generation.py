"""BERT as a decoder: token ids equal to those of transformers, whatever hides or is attended to."""

from __future__ import annotations

import random
import tempfile
import warnings

import pytest

transformers = pytest.importorskip("transformers")
if not transformers.__version__.startswith("5."):
    pytest.skip("compares with transformers 5", allow_module_level=True)

import torch  # noqa: E402

from automodel_bert import BertLMHeadModel  # noqa: E402

TINY = {
    "vocab_size": 37, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 24, "max_position_embeddings": 32, "is_decoder": True,
    "bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0,
}  # fmt: skip


def pair(seed: int, **more: object):
    torch.manual_seed(seed)
    config = transformers.BertConfig(**TINY, **more)
    reference = transformers.BertLMHeadModel(config).eval()
    with torch.no_grad():
        for name, parameter in reference.named_parameters():
            if "LayerNorm" not in name:
                parameter.normal_(0.0, 0.4)
    ids = {name: TINY[name] for name in TINY if name.endswith("token_id")}
    reference.generation_config.update(**ids)
    with tempfile.TemporaryDirectory() as folder:
        reference.save_pretrained(folder)
        return reference, BertLMHeadModel.from_pretrained(folder)


def inputs_of(chance: random.Random) -> dict[str, torch.Tensor]:
    rows, length = chance.randint(1, 4), chance.randint(1, 8)
    ids = torch.tensor([[chance.randint(4, 36) for _ in range(length)] for _ in range(rows)])
    if chance.random() < 0.3:
        return {"input_ids": ids}
    mask = torch.ones_like(ids)
    for row in range(rows):
        hidden = chance.randint(0, length - 1)
        ids[row, :hidden], mask[row, :hidden] = 0, 0
    return (
        {"input_ids": ids, "attention_mask": mask} if chance.random() < 0.8 else {"input_ids": ids}
    )


def settings_of(chance: random.Random, beams: int) -> dict[str, object]:
    settings: dict[str, object] = {"max_new_tokens": chance.randint(1, 12), "num_beams": beams}
    if beams > 1:
        settings["early_stopping"] = chance.choice([True, False, "never"])
        settings["length_penalty"] = chance.choice([1.0, 0.0, 2.0, -1.0])
        settings["num_return_sequences"] = chance.randint(1, beams)
    rare = {
        "min_new_tokens": chance.randint(1, 8),
        "repetition_penalty": chance.choice([0.7, 1.3]),
        "no_repeat_ngram_size": chance.randint(1, 3),
        "bad_words_ids": [[chance.randint(4, 36) for _ in range(n)] for n in (1, 2)],
        "eos_token_id": [3, chance.randint(4, 36)],
        "use_cache": False,
        "token_type_ids": True,
    }
    for name, value in rare.items():
        if chance.random() < 0.25:
            settings[name] = value
    return settings


def compare(reference, model, inputs, settings, seed: int = 0, **for_reference: object) -> None:
    if settings.get("token_type_ids") is True:
        settings["token_type_ids"] = torch.randint(0, 2, inputs["input_ids"].shape)
    details = {"return_dict_in_generate": True, "output_scores": True}
    results = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for candidate, more in ((reference, for_reference), (model, {})):
            torch.manual_seed(seed)
            results.append(candidate.generate(**inputs, **details, **{**settings, **more}))
    expected, found = results
    note = (inputs, settings)
    assert found.sequences.tolist() == expected.sequences.tolist(), note
    for ours, theirs in zip(found.scores, expected.scores, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5, equal_nan=True)
    if settings["num_beams"] > 1:
        assert found.beam_indices.tolist() == expected.beam_indices.tolist(), note
        torch.testing.assert_close(found.sequences_scores, expected.sequences_scores)


@pytest.mark.parametrize("beams", [1, 2, 4])
def test_random_settings(beams):
    for seed in range(4):
        reference, model = pair(seed)
        chance = random.Random(f"{beams} {seed}")
        for _ in range(6):
            compare(reference, model, inputs_of(chance), settings_of(chance, beams))


@pytest.mark.parametrize("beams", [1, 3])
def test_with_cross_attention(beams):
    for seed in range(3):
        reference, model = pair(seed, add_cross_attention=True)
        chance = random.Random(f"{beams} {seed}")
        for _ in range(4):
            inputs, settings = inputs_of(chance), settings_of(chance, beams)
            rows = inputs["input_ids"].shape[0]
            inputs["encoder_hidden_states"] = torch.randn(rows, 5, 16)
            mask = torch.ones(rows, 5, dtype=torch.long)
            mask[0, 3:] = 0
            inputs["encoder_attention_mask"] = mask
            # Transformers makes a cache without room for cross-attention, and fails.
            compare(reference, model, inputs, settings, use_cache=False)


@pytest.mark.parametrize("beams", [1, 3])
def test_sampling_with_the_same_seed(beams):
    for seed in range(3):
        reference, model = pair(seed)
        settings = {
            "do_sample": True, "num_beams": beams, "max_new_tokens": 7, "num_return_sequences": 2,
            "top_k": 12, "temperature": 1.3,
        }  # fmt: skip
        compare(reference, model, inputs_of(random.Random(seed)), settings, seed)
