"""First values: a new model's are drawn, what was loaded or set stays, new parts are as if new."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from automodel_core.modeling.pretrained.base import PreTrainedModel
from support.tiny_lm import (
    TinyConfig,
    TinyForCausalLM,
    TinyForTokenClassification,
    TinyModel,
    drawn,
)

# ---- what has values keeps them ----


class Around(PreTrainedModel):
    """A class of a user's own, with a body that it is given and a head of its own."""

    config_class = TinyConfig

    def __init__(self, config: TinyConfig, encoder: TinyModel | None = None) -> None:
        super().__init__(config)
        self.encoder = TinyModel(config) if encoder is None else encoder
        self.head = nn.Linear(config.hidden_size, 40)
        self.post_init()


def fill(body: TinyModel) -> TinyModel:
    with torch.no_grad():
        for parameter in body.parameters():
            parameter.fill_(0.25)
    return body


def fill_by_data(body: TinyModel) -> TinyModel:
    for parameter in body.parameters():
        parameter.data.fill_(0.25)
    return body


def load_state(body: TinyModel) -> TinyModel:
    body.load_state_dict(drawn(TinyModel, seed=5).state_dict())
    return body


def train(body: TinyModel) -> TinyModel:
    step = torch.optim.SGD(body.parameters(), lr=0.1)
    body(torch.tensor([[2, 3]])).last_hidden_state[..., 0].sum().backward()
    step.step()
    return body


def load(body: TinyModel, **options: Any) -> TinyModel:
    state = drawn(TinyModel, seed=6).hub_state_dict()
    return TinyModel.from_pretrained(None, config=TinyConfig(), state_dict=state, **options)


def load_and_resize(body: TinyModel) -> TinyModel:
    body = load(body)
    body.resize_token_embeddings(30)
    return body


def load_and_copy(body: TinyModel) -> TinyModel:
    return copy.deepcopy(load(body))


@pytest.mark.parametrize("change", [
    fill, fill_by_data, load_state, train, load, load_and_resize, load_and_copy,
])  # fmt: skip
def test_a_body_keeps_the_values_that_it_got(change: Callable[[TinyModel], TinyModel]) -> None:
    body = change(TinyModel(TinyConfig()))
    before = {name: tensor.clone() for name, tensor in body.state_dict().items()}
    model = Around(body.config, body)
    assert 0.4 < model.head.weight.std().item() < 0.6
    model.post_init()
    body.post_init()
    assert all(torch.equal(tensor, before[name]) for name, tensor in body.state_dict().items())


def test_a_body_loaded_in_the_constructor_stays(tmp_path: Path) -> None:
    drawn(TinyModel).save_pretrained(tmp_path)
    loaded = TinyModel.from_pretrained(tmp_path)

    class WithLoaded(TinyForCausalLM):
        def __init__(self, config: TinyConfig) -> None:
            super().__init__(config)
            self.extra = TinyModel.from_pretrained(tmp_path)
            self.scale = nn.Linear(8, 60)
            self.post_init()

    model = WithLoaded(TinyConfig())
    for name, tensor in model.extra.state_dict().items():
        assert torch.equal(tensor, loaded.state_dict()[name]), name
    assert 0.4 < model.scale.weight.std().item() < 0.6
    assert model.lm_head.weight is model.model.embed_tokens.weight


def test_a_loaded_model_keeps_its_generation_settings() -> None:
    model = drawn()
    model.generation_config.num_beams = 3
    model.post_init()
    assert model.generation_config.num_beams == 3


def test_first_values_depend_on_the_seed_alone() -> None:
    def state() -> dict[str, torch.Tensor]:
        torch.manual_seed(3)
        return TinyForTokenClassification(TinyConfig()).state_dict()

    first, second = state(), state()
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())
    stds = [tensor.std().item() for tensor in first.values() if tensor.dim() == 2]
    assert all(0.35 < std < 0.65 for std in stds)


# ---- new parts of a loaded model ----


class Parts(TinyModel):
    """A body with parts whose first values no rule of the house knows."""

    def __init__(self, config: TinyConfig) -> None:
        super().__init__(config)
        self.lstm = nn.LSTM(8, 8, bidirectional=True)
        self.attention = nn.MultiheadAttention(8, 2)
        self.bilinear = nn.Bilinear(8, 8, 4)
        self.slope = nn.PReLU()
        self.scale = nn.Parameter(torch.full((3,), 0.07))
        self.random = nn.Parameter(torch.randn(50))
        self.steps = nn.Parameter(torch.arange(3), requires_grad=False)
        self.norm = nn.BatchNorm1d(8)
        self.plain_norm = nn.BatchNorm1d(8, track_running_stats=False)
        self.encoder = nn.TransformerEncoderLayer(8, 2, 16)
        self.normed = parametrizations.weight_norm(nn.Linear(8, 8))
        self.spectral = parametrizations.spectral_norm(nn.Linear(8, 8))
        with torch.no_grad():
            self.lstm.bias_hh_l0.fill_(1.0)
        self.post_init()

    def needs(self, name: str) -> bool:
        return name.partition(".")[0] in ("embed_tokens", "stack")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_new_parts_are_those_of_a_new_model(dtype: torch.dtype) -> None:
    state = drawn(TinyModel).hub_state_dict()
    model, info = Parts.from_pretrained(
        None, config=TinyConfig(), state_dict=state, dtype=dtype, output_loading_info=True
    )
    new = Parts(TinyConfig())
    assert set(info["missing_keys"]) == {
        name for name in new.state_dict() if name.partition(".")[0] not in ("embed_tokens", "stack")
    }
    for name, tensor in model.state_dict().items():
        expected = new.state_dict()[name]
        assert not tensor.is_meta
        assert tensor.dtype == (dtype if expected.is_floating_point() else expected.dtype)
        assert tensor.isfinite().all()
        if name in info["missing_keys"] and expected.numel() >= 50:
            assert tensor.float().std().item() == pytest.approx(expected.std().item(), rel=0.35)
    assert torch.allclose(model.scale.float(), torch.full((3,), 0.07), atol=1e-3)
    assert model.lstm.bias_hh_l0.eq(1).all()
    assert model.slope.weight.item() == 0.25
    assert model.norm.running_var.eq(1).all()
    assert model.norm.weight.eq(1).all()
    assert model.steps.tolist() == [0, 1, 2]
    sample = torch.ones(2, 8, dtype=dtype)
    for part in (model.normed, model.spectral, model.norm):
        assert part(sample).isfinite().all()
        assert part(sample).std() > 0 or part is model.norm
    body = model.hub_state_dict()
    assert all(torch.equal(body[name], tensor.to(dtype)) for name, tensor in state.items())


def test_a_rule_of_the_house_needs_no_second_model() -> None:
    built = []

    class Counting(TinyForTokenClassification):
        def __init__(self, config: TinyConfig) -> None:
            built.append(config)
            super().__init__(config)

    state = drawn(TinyModel).hub_state_dict()
    Counting.from_pretrained(None, config=TinyConfig(), state_dict=state)
    assert len(built) == 1


def test_rules_of_a_class_for_transformers_are_applied() -> None:
    class Ruled(TinyForTokenClassification):
        def _init_weights(self, module: nn.Module) -> None:
            super()._init_weights(module)
            if module is self.classifier:
                module.weight.data.fill_(0.125)

    state = drawn(TinyModel).hub_state_dict()
    loaded = Ruled.from_pretrained(None, config=TinyConfig(), state_dict=state)
    for model in (Ruled(TinyConfig()), loaded):
        assert model.classifier.weight.eq(0.125).all()
        assert not model.model.embed_tokens.weight.eq(0.125).any()
    assert torch.equal(loaded.model.embed_tokens.weight, state["wte.weight"])


@pytest.mark.parametrize("part_lacks", ["everything", "its bias"])
def test_a_new_part_is_drawn_without_the_compiler(tmp_path: Path, part_lacks: str) -> None:
    """Drawing into tensors without memory would import it, for longer than a load takes."""
    drawn(TinyModel, seed=5).save_pretrained(tmp_path)
    if part_lacks == "its bias":
        state = drawn(TinyForTokenClassification, seed=5).hub_state_dict()
        torch.save(
            {name: value for name, value in state.items() if name != "classifier.bias"},
            tmp_path / "pytorch_model.bin",
        )
        (tmp_path / "model.safetensors").unlink()
    code = (
        "import sys; from support.tiny_lm import TinyForTokenClassification as Head; "
        f"model = Head.from_pretrained({str(tmp_path)!r}); "
        "print(float(model.classifier.weight.detach().std()) > 0, "
        "bool(model.classifier.bias.eq(0).all()), 'torch._dynamo' in sys.modules)"
    )
    folders = [path for path in sys.path if path]
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(folders)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.stdout == "True True False\n", ran.stderr
