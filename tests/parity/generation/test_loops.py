"""Our loops around the models of transformers: `generate` alone is compared."""

from __future__ import annotations

import warnings
from types import SimpleNamespace

import pytest

transformers = pytest.importorskip("transformers")
if not transformers.__version__.startswith("5."):
    pytest.skip("compares with transformers 5", allow_module_level=True)

import torch  # noqa: E402

from automodel_core.generation import GenerationConfig, GenerationMixin  # noqa: E402


class ReferenceCache(transformers.DynamicCache):
    """Transformers' cache under the names that our loops use."""

    decoding, memo = True, ()

    def __init__(self, decoding: bool = True) -> None:
        super().__init__()

    def reorder(self, index, since):
        self.reorder_cache(index)

    repeat_interleave = transformers.DynamicCache.batch_repeat_interleave


class ReferencePair(transformers.EncoderDecoderCache):
    decoding, memo = True, ()

    def __init__(self, decoding: bool = True) -> None:
        super().__init__(transformers.DynamicCache(), transformers.DynamicCache())

    def reorder(self, index, since):
        self.reorder_cache(index)

    repeat_interleave = transformers.EncoderDecoderCache.batch_repeat_interleave


class Adapted(GenerationMixin):
    """A transformers model that generates by our code."""

    main_input_name = "input_ids"

    def __init__(self, reference: torch.nn.Module, **settings: object) -> None:
        self.reference = reference
        self.config = reference.config
        self.config.position_limit = getattr(self.config, "max_position_embeddings", None)
        self.device = torch.device("cpu")
        self.generation_config = GenerationConfig(**settings)

    @property
    def forward(self):
        return self.reference.forward

    def __call__(self, **kwargs: object):
        outputs = kwargs.get("encoder_outputs")
        if outputs is not None:
            rows = len(kwargs["decoder_input_ids"]) // len(outputs.last_hidden_state)
            state = outputs.last_hidden_state.repeat_interleave(rows, dim=0)
            kwargs["encoder_outputs"] = transformers.modeling_outputs.BaseModelOutput(state)
            if kwargs.get("attention_mask") is not None:
                kwargs["attention_mask"] = kwargs["attention_mask"].repeat_interleave(rows, dim=0)
        return self.reference(**kwargs)

    def new_cache(self):
        return ReferencePair() if self.config.is_encoder_decoder else ReferenceCache()

    def get_encoder(self):
        return self.reference.get_encoder()

    def get_input_embeddings(self):
        return self.reference.get_input_embeddings()


def tiny_gpt2(seed: int) -> torch.nn.Module:
    torch.manual_seed(seed)
    config = transformers.GPT2Config(
        vocab_size=37, n_positions=64, n_embd=16, n_layer=2, n_head=2,
        bos_token_id=1, eos_token_id=2, initializer_range=0.4,
    )  # fmt: skip
    return transformers.GPT2LMHeadModel(config).eval()


def tiny_t5(seed: int) -> torch.nn.Module:
    torch.manual_seed(seed)
    config = transformers.T5Config(
        vocab_size=41, d_model=16, d_kv=8, d_ff=24, num_layers=2, num_heads=2,
        decoder_start_token_id=0, pad_token_id=0, eos_token_id=1,
        prompts_start_themselves=False,  # our loops ask every configuration
    )  # fmt: skip
    model = transformers.T5ForConditionalGeneration(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0.0, 0.4)
    return model


MODELS = {"gpt2": tiny_gpt2, "t5": tiny_t5}


def run_both(kind: str, seed: int, inputs: dict, **settings: object):
    reference = MODELS[kind](seed)
    ids = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    if kind == "t5":
        ids = {"decoder_start_token_id": 0, "eos_token_id": 1, "pad_token_id": 0}
    ids.update({name: settings.pop(name) for name in list(settings) if name in ids})
    settings = {
        "return_dict_in_generate": True,
        "output_scores": True,
        "output_logits": True,
    } | settings
    reference.generation_config = transformers.GenerationConfig(**ids)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        expected = reference.generate(**inputs, **settings)
        torch.manual_seed(seed)
        found = Adapted(reference, **ids).generate(**inputs, **settings)
    return expected, found


def batch(kind: str, rows: int, seed: int, length: int = 7) -> dict:
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(3, 37, (rows, length), generator=generator)
    mask = torch.ones_like(ids)
    for row in range(rows):
        hidden = int(torch.randint(0, 4, (), generator=generator)) if row else 0
        columns = slice(0, hidden) if kind == "gpt2" else slice(length - hidden, length)
        ids[row, columns], mask[row, columns] = 0, 0
    return {"input_ids": ids, "attention_mask": mask}


def assert_same(expected, found) -> None:
    assert found.sequences.tolist() == expected.sequences.tolist()
    for name in ("scores", "logits"):
        ours, theirs = found.get(name), expected.get(name)
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)
    if "beam_indices" in expected:
        assert found.beam_indices.tolist() == expected.beam_indices.tolist()
        torch.testing.assert_close(
            found.sequences_scores, expected.sequences_scores, atol=1e-5, rtol=1e-5
        )


OPTIONS = [
    {},
    {"min_new_tokens": 6},
    {"min_length": 9},
    {"repetition_penalty": 1.7},
    {"no_repeat_ngram_size": 2},
    {"no_repeat_ngram_size": 1},
    {"bad_words_ids": [[5], [6, 7], [8, 9, 10]]},
    {"sequence_bias": {(11,): 4.0, (12, 13): 6.0, (3, 13): -2.5}},
    {"forced_bos_token_id": 9},
    {"forced_eos_token_id": 4},
    {"suppress_tokens": [3, 4, 5]},
    {"begin_suppress_tokens": [3, 4, 5, 30]},
    {"exponential_decay_length_penalty": (2, 1.4)},
    {"renormalize_logits": True},
    {"remove_invalid_values": True},
    {"eos_token_id": [2, 5, 9]},
    {"eos_token_id": None, "pad_token_id": None},
    {"pad_token_id": 3},
    {"use_cache": False},
    {"encoder_repetition_penalty": 1.5},
    {"encoder_no_repeat_ngram_size": 2},
    {"prefix_allowed_tokens_fn": lambda item, ids: [1, 2, 3 + item, 7, 8, 9 + len(ids) % 5]},
]


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("number", range(len(OPTIONS)))
def test_greedy(kind, number):
    for seed in range(3):
        inputs = batch(kind, rows=1 + seed, seed=seed)
        expected, found = run_both(kind, seed, inputs, max_new_tokens=12, **OPTIONS[number])
        assert_same(expected, found)


BEAMS = [
    {},
    {"early_stopping": True},
    {"early_stopping": "never"},
    {"length_penalty": 2.0, "early_stopping": "never"},
    {"length_penalty": -1.0},
    {"length_penalty": 0.0, "early_stopping": True},
    {"num_return_sequences": 3},
]


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("number", range(len(BEAMS)))
def test_beam(kind, number):
    for seed in range(4):
        inputs = batch(kind, rows=1 + seed % 3, seed=seed)
        settings = {"num_beams": 3 + seed % 2, "max_new_tokens": 10, **BEAMS[number]}
        expected, found = run_both(kind, seed, inputs, **settings)
        assert_same(expected, found)


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("number", range(len(OPTIONS)))
def test_beam_with_options(kind, number):
    for seed in range(2):
        inputs = batch(kind, rows=1 + seed, seed=seed)
        settings = {
            "num_beams": 3,
            "max_new_tokens": 8,
            "num_return_sequences": 2,
            **OPTIONS[number],
        }
        expected, found = run_both(kind, seed, inputs, **settings)
        assert_same(expected, found)


SAMPLING = [
    {},
    {"top_k": 0},
    {"top_k": None},
    {"temperature": 0.6, "top_k": 5},
    {"top_p": 0.7},
    {"top_p": 0.0},
    {"min_p": 0.1, "top_k": 0},
    {"typical_p": 0.6, "top_k": 0},
    {"epsilon_cutoff": 0.02},
    {"eta_cutoff": 0.05},
    {"top_h": 0.5},
    {"renormalize_logits": True, "top_k": 8},
    {"repetition_penalty": 1.3, "min_new_tokens": 4},
]


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("number", range(len(SAMPLING)))
def test_sampling_with_the_same_seed(kind, beams, number):
    for seed in range(2):
        inputs = batch(kind, rows=1 + seed, seed=seed)
        settings = {"do_sample": True, "num_return_sequences": 2, "max_new_tokens": 8}
        expected, found = run_both(
            kind, seed, inputs, num_beams=beams, **settings, **SAMPLING[number]
        )
        assert_same(expected, found)


@pytest.mark.parametrize("beams", [1, 2])
def test_prompts_of_an_encoder_decoder(beams):
    inputs = batch("t5", rows=2, seed=0)
    for prompt in ([[0, 5, 6], [0, 7, 8]], [[5, 6], [7, 8]]):
        ids = torch.tensor(prompt)
        more = {"decoder_input_ids": ids, "decoder_attention_mask": torch.ones_like(ids)}
        more["decoder_attention_mask"][1, 1] = 0
        expected, found = run_both("t5", 0, inputs | more, num_beams=beams, max_new_tokens=6)
        assert_same(expected, found)


def test_prompts_of_a_decoder():
    embeds = torch.randn(2, 5, 16, generator=torch.Generator().manual_seed(0))
    padded = torch.tensor([[0, 0, 5, 6], [4, 5, 6, 7]])
    prompts = [
        {"inputs_embeds": embeds},
        {"inputs_embeds": embeds, "input_ids": torch.tensor([[5, 6, 7, 8, 9], [7, 8, 4, 5, 6]])},
        {"input_ids": padded},
        {},
    ]
    for inputs in prompts:
        for beams in (1, 2):
            expected, found = run_both("gpt2", 0, inputs, num_beams=beams, max_new_tokens=6)
            assert_same(expected, found)


def test_lengths():
    inputs = batch("gpt2", rows=2, seed=0)
    for settings in ({}, {"max_length": 11}, {"max_length": 15, "max_new_tokens": 3}):
        expected, found = run_both("gpt2", 1, inputs, **settings)
        assert_same(expected, found)


def test_details_of_the_steps():
    for kind in MODELS:
        for beams in (1, 2):
            expected, found = run_both(
                kind, 0, batch(kind, rows=2, seed=0), num_beams=beams,
                max_new_tokens=3, output_attentions=True, output_hidden_states=True,
            )  # fmt: skip
            assert set(expected.keys()) == set(found.keys())
            for name in ("attentions", "decoder_attentions", "cross_attentions", "hidden_states",
                         "decoder_hidden_states"):  # fmt: skip
                if name in expected:
                    flat = [t for step in expected[name] for t in step if t is not None]
                    ours = [t for step in found[name] for t in step if t is not None]
                    for a, b in zip(ours, flat, strict=True):
                        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)


def test_continuing_a_cache():
    reference = tiny_gpt2(3)
    ids = torch.tensor([[5, 6, 7, 8]])
    full = {"max_new_tokens": 4, "pad_token_id": 0, "eos_token_id": None}
    texts = []
    for model, make in (
        (reference, transformers.DynamicCache),
        (Adapted(reference), ReferenceCache),
    ):
        cache = make()
        first = model.generate(ids, past_key_values=cache, **full)
        texts.append(model.generate(first, past_key_values=cache, **full).tolist())
    assert texts[0] == texts[1]


def test_transition_scores():
    for beams in (1, 3):
        expected, found = run_both(
            "t5", 2, batch("t5", rows=2, seed=1), num_beams=beams, max_new_tokens=7
        )
        for normalize in (False, True):
            theirs = tiny_t5(2).compute_transition_scores(
                expected.sequences, expected.scores, expected.get("beam_indices"), normalize
            )
            ours = GenerationMixin().compute_transition_scores(
                found.sequences, found.scores, found.get("beam_indices"), normalize
            )
            torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_stop_strings_and_custom_parts():
    class Letters:
        """A tokenizer whose token i is the letter i."""

        def decode(self, ids, **kwargs):
            return "".join(chr(97 + i % 26) for i in ids)

    def double(ids, scores):
        return scores * 2

    def stop(ids, scores, **kwargs):
        return ids[:, -1] % 3 == 0

    inputs = batch("gpt2", rows=2, seed=4)
    expected, found = run_both(
        "gpt2", 4, inputs, max_new_tokens=9,
        logits_processor=[double], stopping_criteria=[stop],
    )  # fmt: skip
    assert_same(expected, found)
    model = Adapted(tiny_gpt2(4), eos_token_id=2, pad_token_id=0)
    free = model.generate(**inputs, max_new_tokens=9)[:1]
    text = Letters().decode(free[0].tolist())
    stopped = model.generate(
        inputs["input_ids"][:1], max_new_tokens=9, stop_strings=text[8:10], tokenizer=Letters()
    )
    found_text = Letters().decode(stopped[0].tolist())
    assert found_text == text[: text.index(text[8:10], 6) + 2]
    assert SimpleNamespace(text=found_text).text.endswith(text[8:10])
