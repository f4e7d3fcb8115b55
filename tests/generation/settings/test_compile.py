"""What asks for compiled decoding, what it cannot do, and what is said then."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch._dynamo.testing import CompileCounter

from automodel_core import registry
from automodel_core.errors import GenerationArgumentError
from automodel_core.generation import CompileConfig, GenerationConfig
from automodel_core.layers.caches.offloaded import OffloadedCache
from support.tiny_lm import drawn

PROMPT = torch.tensor([[3, 4, 5, 6], [7, 8, 9, 10]])


def free(seed: int) -> nn.Module:
    return drawn(seed=seed, eos_token_id=None, pad_token_id=0)


def test_a_graph_that_breaks_is_said_so(monkeypatch):
    model = free(seed=13)

    def forward(self, hidden_states):
        torch._dynamo.graph_break()
        return hidden_states

    monkeypatch.setattr(nn.LayerNorm, "forward", forward)
    config = CompileConfig(backend="eager", fullgraph=True)
    with pytest.raises(GenerationArgumentError, match=r"cannot be compiled: .*; or leave out"):
        model.generate(PROMPT, max_new_tokens=5, compile_config=config)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"use_cache": False}, "needs use_cache=True"),
        ({"cache_implementation": "quantized"}, "leave out cache_implementation='quantized'"),
        ({"cache_implementation": "offloaded_static"}, "decodes with a static cache"),
        ({"past_key_values": OffloadedCache()}, "not with a OffloadedCache"),
        ({"output_attentions": True, "return_dict_in_generate": True}, "neither attentions"),
        ({"output_hidden_states": True, "return_dict_in_generate": True}, "nor hidden states"),
        ({"prompt_lookup_num_tokens": 3}, "takes back tokens, cannot be compiled"),
        ({"penalty_alpha": 0.5, "top_k": 3}, "takes back tokens, cannot be compiled"),
        ({"dola_layers": "high"}, "reads hidden states, cannot be compiled"),
        ({"custom_generate": lambda model, ids, **_: ids}, "custom_generate, cannot be compiled"),
    ],
)
def test_what_cannot_be_compiled_is_refused_before_the_model_runs(settings, problem):
    model = free(seed=14)
    model.register_forward_pre_hook(lambda *_: pytest.fail("the model ran"))
    with pytest.raises(GenerationArgumentError, match=problem):
        model.generate(PROMPT, max_new_tokens=5, compile_config=CompileConfig(), **settings)


@pytest.mark.parametrize(
    ("act", "problem"),
    [
        (lambda session: session.crop(3), "takes back tokens"),
        (lambda session: session.expand(2), "changes the number of rows"),
        (lambda session: session.narrow(torch.tensor([0])), "changes the number of rows"),
        (lambda session: session.feed(torch.ones(2, 7).long(), 3), "feeds tokens together"),
    ],
)
def test_what_strategies_of_others_cannot_do_is_said(monkeypatch, act, problem):
    def strategy(session, request):
        session.start()
        act(session)

    monkeypatch.setattr(registry.parts, "function", lambda kind, name: strategy)
    with pytest.raises(GenerationArgumentError, match=f"{problem}, cannot be compiled"):
        free(seed=14).generate(PROMPT, max_new_tokens=5, compile_config=CompileConfig())


def test_it_is_asked_for_and_can_be_switched_off():
    model = free(seed=15)
    counter = CompileCounter()
    config = CompileConfig(backend=counter)
    model.generate(PROMPT, max_new_tokens=5, cache_implementation="static")
    model.generate(PROMPT, max_new_tokens=5, compile_config=config, disable_compile=True)
    assert counter.frame_count == 0
    model.generation_config.compile_config = config
    model.generate(PROMPT, max_new_tokens=5)
    assert counter.frame_count == 1


@pytest.mark.parametrize("wrong", [{"fullgraf": True}, "reduce-overhead", 3])
def test_settings_must_be_those_of_torch_compile(wrong):
    with pytest.raises(GenerationArgumentError, match="a dict with some of fullgraph, dynamic"):
        GenerationConfig(compile_config=wrong)


def test_settings_are_kept_but_not_written_to_checkpoints(tmp_path):
    settings = {"backend": "eager", "fullgraph": True}
    config = GenerationConfig(compile_config=settings)
    assert config.compile_config == CompileConfig(backend="eager", fullgraph=True)
    assert config.to_dict()["compile_config"]["backend"] == "eager"
    assert GenerationConfig.from_dict(config.to_dict()) == config
    config.save_pretrained(tmp_path)
    assert "compile" not in (tmp_path / "generation_config.json").read_text()


def test_the_default_is_one_with_cuda_graphs():
    assert CompileConfig().arguments() == {
        "fullgraph": False, "dynamic": False, "backend": "inductor", "mode": "reduce-overhead",
        "options": None,
    }  # fmt: skip
    for other in ({"backend": "eager"}, {"options": {"freezing": True}}):
        assert "mode" not in CompileConfig(**other).arguments()
