"""Compiled decoding: one graph for all lengths, kept with the model, and the same tokens."""

from __future__ import annotations

import copy
import gc
import pickle
import shutil
import threading
import weakref

import pytest
import torch
from torch import nn
from torch._dynamo.testing import CompileCounter

from automodel_core.errors import GenerationArgumentError, InputError
from automodel_core.generation import CompileConfig
from automodel_core.generation.session import compiled
from automodel_core.layers.caches.base import Cache
from automodel_core.layers.caches.names import DynamicCache
from automodel_core.layers.caches.static import StaticCache
from automodel_core.testing.case import Subject
from support.tiny_lm import drawn
from support.tiny_pair import drawn_pair

PROMPT = torch.tensor([[3, 4, 5, 6], [7, 8, 9, 10]])
PADDED = torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1]])
WAYS = {
    "greedy": {},
    "sample": {"do_sample": True, "top_k": 5, "temperature": 0.7},
    "several": {"do_sample": True, "num_return_sequences": 3},
    "beams": {"num_beams": 3, "num_return_sequences": 2},
    "drawn beams": {"num_beams": 3, "do_sample": True},
    "groups": {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.5},
    "constrained": {"num_beams": 3, "force_words_ids": [[9]]},
    "guided": {"guidance_scale": 1.5},
    "processors": {"repetition_penalty": 1.3, "no_repeat_ngram_size": 2},
    "prefilled in chunks": {"prefill_chunk_size": 2},
}
SMALL_BERT = {
    "vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 24, "max_position_embeddings": 48, "is_decoder": True,
}  # fmt: skip


@pytest.fixture(autouse=True)
def one_compilation_each():
    """Make it an error to compile a step again."""
    with torch._dynamo.config.patch(error_on_recompile=True):
        yield


def counted(**settings: object) -> tuple[CompileCounter, CompileConfig]:
    """Return a backend that counts, and the settings that use it; graphs may not break."""
    counter = CompileCounter()
    return counter, CompileConfig(backend=counter, fullgraph=True, **settings)


def free(make=drawn, seed: int = 0, **settings: object) -> nn.Module:
    return make(seed=seed, eos_token_id=None, pad_token_id=0, **settings)


@pytest.mark.parametrize("make", [drawn, drawn_pair])
@pytest.mark.parametrize("way", WAYS)
def test_tokens_are_those_of_the_uncompiled_step(make, way):
    options = dict(WAYS[way])
    if make is drawn_pair and way == "guided":
        options = {}
    model = free(make, seed=2)
    counter, config = counted()
    written = []
    for compile_config in (None, config, config):
        torch.manual_seed(5)
        written.append(
            model.generate(PROMPT, max_new_tokens=12, compile_config=compile_config, **options)
        )
    assert written[0].tolist() == written[1].tolist() == written[2].tolist()
    assert counter.frame_count == 1


@pytest.mark.parametrize("beams", [1, 3])
def test_padded_prompts_of_any_length_share_a_step(beams):
    model = free(seed=3)
    counter, config = counted()
    for width in (4, 6, 9):
        ids = torch.randint(2, 23, (2, width), generator=torch.Generator().manual_seed(width))
        mask = torch.ones_like(ids)
        mask[0, : width // 2] = 0
        for new in (5, 17):
            options = {"attention_mask": mask, "max_new_tokens": new, "num_beams": beams}
            found = model.generate(ids, **options, compile_config=config)
            assert found.tolist() == model.generate(ids, **options).tolist()
    assert counter.frame_count == 1


@pytest.mark.parametrize("beams", [1, 3])
def test_sources_of_any_length_share_a_step(beams):
    model = free(drawn_pair, seed=3)
    counter, config = counted()
    for width in (2, 5, 90):
        ids = torch.randint(2, 23, (2, width), generator=torch.Generator().manual_seed(width))
        mask = torch.ones_like(ids)
        mask[1, width // 2 :] = 0
        for given in ({}, {"attention_mask": mask}):
            options = {**given, "max_new_tokens": 9, "num_beams": beams}
            found = model.generate(ids, **options, compile_config=config)
            assert found.tolist() == model.generate(ids, **options).tolist()
    assert counter.frame_count == 1


def test_longer_texts_have_a_step_of_their_own():
    model = free(seed=4)
    counter, config = counted()
    for new, compilations in ((10, 1), (130, 2), (20, 2), (140, 2)):
        found = model.generate(PROMPT, max_new_tokens=new, compile_config=config)
        assert found.tolist() == model.generate(PROMPT, max_new_tokens=new).tolist()
        assert counter.frame_count == compilations


def test_a_few_steps_are_kept():
    model = free(seed=4)
    counter, config = counted()
    sizes = range(1, compiled.KEPT + 2)
    for rows in (*sizes, *reversed(sizes)):
        model.generate(PROMPT[:1].repeat(rows, 1), max_new_tokens=4, compile_config=config)
    # The first size alone was forgotten.
    assert counter.frame_count == len(sizes) + 1
    assert len(compiled._idle[model]) == compiled.KEPT


def test_a_step_goes_with_its_model():
    model = free(seed=5)
    _, config = counted()
    model.generate(PROMPT, max_new_tokens=4, compile_config=config)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert twin not in compiled._idle
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
    assert not compiled._idle


def test_changed_weights_count():
    model = free(seed=6)
    counter, config = counted()
    for seed in (6, 7):
        other = free(seed=seed)
        model.load_state_dict(other.state_dict())
        found = model.generate(PROMPT, max_new_tokens=9, compile_config=config)
        assert found.tolist() == other.generate(PROMPT, max_new_tokens=9).tolist()
    assert counter.frame_count == 1
    model.double()
    model.generate(PROMPT, max_new_tokens=4, compile_config=config)
    assert counter.frame_count == 2


def test_threads_do_not_share_a_step():
    model = free(seed=7)
    prompts = [PROMPT + n for n in range(3)]
    expected = [model.generate(ids, max_new_tokens=9).tolist() for ids in prompts]
    found: dict[int, list[list[int]]] = {}
    meet = threading.Barrier(len(prompts), timeout=60)

    class Meeting:
        """A criterion that never stops, and lets all of the threads be in the middle at once."""

        def __call__(self, input_ids, scores, **_):
            if input_ids.shape[1] == PROMPT.shape[1] + 4:
                meet.wait()
            return torch.zeros(len(input_ids), dtype=torch.bool)

    def run(number: int) -> None:
        found[number] = model.generate(
            prompts[number], max_new_tokens=9, stopping_criteria=[Meeting()],
            compile_config={"backend": "eager"},
        ).tolist()  # fmt: skip

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(prompts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[n] for n in range(len(prompts))] == expected


@pytest.mark.parametrize("make", [drawn, drawn_pair])
@pytest.mark.parametrize("beams", [1, 3])
def test_a_graph_reads_and_writes_the_same_places_at_every_step(make, beams):
    """So that CUDA graphs can replay it, and copy nothing that is large."""
    model = free(make, seed=7)
    places: set[tuple[int, ...]] = set()
    moving: list[tuple[int, ...]] = []

    def backend(graph, inputs):
        for node in graph.graph.find_nodes(op="placeholder"):
            known = node.meta["tensor_dict"]
            if not known.get("_dynamo_static_input_type"):
                moving.append(tuple(node.meta["example_value"].shape))

        def run(*given):
            places.add(tuple(tensor.data_ptr() for tensor in given))
            return graph.forward(*given)

        return run

    for ids, mask in ((PROMPT, PADDED), (PROMPT.flip(1), PADDED.flip(0))):
        model.generate(
            ids, attention_mask=mask, num_beams=beams, max_new_tokens=6,
            compile_config=CompileConfig(backend=backend, fullgraph=True),
        )  # fmt: skip
    assert len(places) == 1
    assert moving == []


def test_inference_mode_comes_and_goes():
    model = free(seed=8)
    expected = model.generate(PROMPT, max_new_tokens=9).tolist()
    config = CompileConfig(backend="eager")
    for inference in (True, False, True):
        with torch.inference_mode(inference), torch._dynamo.config.patch(error_on_recompile=False):
            found = model.generate(PROMPT, max_new_tokens=9, compile_config=config)
        assert found.tolist() == expected


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_any_precision_is_one_graph(dtype):
    model = free(drawn_pair, seed=8).to(dtype)
    counter, config = counted()
    found = model.generate(PROMPT, max_new_tokens=9, num_beams=2, compile_config=config)
    assert found.shape == (2, 10)
    assert counter.frame_count == 1


# ---- caches ----


@pytest.mark.parametrize("make", [drawn, drawn_pair])
@pytest.mark.parametrize("beams", [1, 3])
def test_the_cache_that_is_returned_holds_the_text(make, beams):
    model = free(make, seed=9)
    _, config = counted()
    options = {"max_new_tokens": 9, "num_beams": beams, "return_dict_in_generate": True}
    expected = model.generate(PROMPT, **options).past_key_values
    for implementation in (None, "dynamic", "static"):
        found = model.generate(
            PROMPT, **options, cache_implementation=implementation, compile_config=config
        ).past_key_values
        assert isinstance(found, StaticCache if implementation == "static" else Cache)
        for ours, theirs in zip(found, expected, strict=True):
            for a, b in zip(ours, theirs, strict=True):
                torch.testing.assert_close(a, b)


@pytest.mark.parametrize("kind", [Cache, DynamicCache, lambda: StaticCache(max_cache_len=40)])
def test_a_chat_goes_on_with_the_cache_of_the_turn_before(kind):
    model = free(seed=10)
    counter, config = counted()
    cache, text, alone = kind(), PROMPT, PROMPT
    for turn in range(3):
        text = model.generate(text, past_key_values=cache, max_new_tokens=4, compile_config=config)
        alone = model.generate(alone, max_new_tokens=4)
        assert text.tolist() == alone.tolist()
        assert cache.get_seq_length() == text.shape[1] - 1
        said = torch.full((2, 2), 9 + turn)
        text, alone = torch.cat([text, said], dim=1), torch.cat([alone, said], dim=1)
    assert counter.frame_count == 1


# ---- more of the architectures than the conformance suite asks ----


@pytest.mark.parametrize(
    "settings",
    [{"position_embedding_type": kind} for kind in ("relative_key", "relative_key_query")],
)
def test_positions_that_meet_query_and_key(settings):
    model = Subject("bert", {**SMALL_BERT, **settings}, task="causal-lm").model()
    model.generation_config.update(eos_token_id=None, pad_token_id=0)
    counter, config = counted()
    for given in ({}, {"num_beams": 3}):
        expected = model.generate(PROMPT, max_new_tokens=20, **given)
        found = model.generate(PROMPT, max_new_tokens=20, compile_config=config, **given)
        assert found.tolist() == expected.tolist()
    assert counter.frame_count == 2


@pytest.mark.parametrize(
    ("model_type", "task"),
    [("bert", "causal-lm"), ("gpt2", "causal-lm"), ("prophetnet", "seq2seq-lm")],
)
def test_the_last_position_is_the_same(model_type, task):
    """One token too many raises what it does in the uncompiled step."""
    values = {
        "bert": SMALL_BERT,
        "gpt2": {"vocab_size": 40, "n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 24},
        "prophetnet": {
            "vocab_size": 40, "hidden_size": 16, "num_encoder_layers": 1, "num_decoder_layers": 1,
            "num_encoder_attention_heads": 2, "num_decoder_attention_heads": 2,
            "encoder_ffn_dim": 16, "decoder_ffn_dim": 16, "max_position_embeddings": 24,
        },
    }[model_type]  # fmt: skip
    model = Subject(model_type, values, task=task).model()
    limit = {"bert": 48, "gpt2": 24, "prophetnet": 22}[model_type]
    start = 1 if model.config.is_encoder_decoder else PROMPT.shape[1]
    _, config = counted()
    options = {"eos_token_id": None, "pad_token_id": 0}
    fits = {"max_new_tokens": limit - start + 1, **options}
    with pytest.warns(UserWarning, match="positions for") if start > 1 else _nothing():
        expected = model.generate(PROMPT, **fits)
        found = model.generate(PROMPT, compile_config=config, **fits)
    assert found.tolist() == expected.tolist()
    told = []
    for compile_config in (None, config):
        with (
            pytest.raises(InputError) as raised,
            pytest.warns(UserWarning, match="positions for") if start > 1 else _nothing(),
        ):
            model.generate(
                PROMPT, max_new_tokens=limit + 2, compile_config=compile_config, **options
            )
        told.append(str(raised.value))
    assert told[0] == told[1]


class _nothing:  # noqa: N801 - as contextlib's nullcontext, which warnings of pytest do not nest in
    def __enter__(self):
        return None

    def __exit__(self, *_):
        return None


# ---- real compilation ----

needs_compiler = pytest.mark.skipif(
    shutil.which("g++") is None and shutil.which("clang++") is None,
    reason="torch compiles for a CPU with a C++ compiler, and there is none",
)

of_torch_itself = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")


@needs_compiler
@of_torch_itself
def test_compiled_for_this_cpu():
    model = free(drawn_pair, seed=11, num_layers=1, num_decoder_layers=1)
    options = {"max_new_tokens": 9, "num_beams": 2}
    found = model.generate(PROMPT, compile_config=CompileConfig(fullgraph=True), **options)
    assert found.tolist() == model.generate(PROMPT, **options).tolist()


@of_torch_itself
def test_without_a_compiler_the_error_says_what_to_do(monkeypatch):
    from torch._inductor import cpp_builder
    from torch._inductor.exc import InvalidCxxCompiler

    def none(*_, **__):
        raise InvalidCxxCompiler

    monkeypatch.setattr(cpp_builder, "get_cpp_compiler", none)
    model = free(seed=12)
    with (
        torch._inductor.config.patch(force_disable_caches=True),
        pytest.raises(GenerationArgumentError, match=r"install g\+\+ or clang\+\+; or leave out"),
    ):
        model.generate(PROMPT, max_new_tokens=5, compile_config=CompileConfig())
