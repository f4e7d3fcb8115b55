"""Classes that users write around a plugin's body, as they do for transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import IncompleteCheckpointError
from automodel_core.modeling.pretrained.base import PreTrainedModel
from support.tiny_lm import TinyConfig, TinyFacts, TinyForCausalLM, TinyModel, drawn

IDS = torch.tensor([[3, 4, 5]])


class Own(PreTrainedModel):
    config_class = TinyConfig
    base_model_prefix = "tiny"

    def __init__(self, config: TinyConfig) -> None:
        super().__init__(config)
        self.tiny = TinyModel(config)
        self.lstm = nn.LSTM(8, 4)
        self.post_init()

    def forward(self, input_ids: Tensor) -> Tensor:
        states: Tensor = self.tiny(input_ids).last_hidden_state
        return states


class OwnOfThePlugins(TinyFacts):
    """The same on the plugin's own base class."""

    def __init__(self, config: TinyConfig) -> None:
        super().__init__(config)
        self.tiny = TinyModel(config)
        self.lstm = nn.LSTM(8, 4)
        self.post_init()

    forward = Own.forward


@pytest.mark.parametrize("kind", [Own, OwnOfThePlugins])
def test_a_submodule_with_the_name_of_the_prefix_is_the_body(kind: Any, tmp_path: Path) -> None:
    model = kind(TinyConfig())
    assert isinstance(model.tiny, TinyModel)
    assert model.base_model is model.tiny
    assert model.get_input_embeddings() is model.tiny.embed_tokens
    assert model(IDS).shape == (1, 3, 8)

    for source in (drawn(TinyModel), drawn(TinyForCausalLM)):
        source.save_pretrained(tmp_path)
        loaded = kind.from_pretrained(tmp_path)
        body = source.base_model
        assert torch.equal(loaded(IDS), body(IDS).last_hidden_state)
        assert loaded.lstm.weight_hh_l0.std().item() > 0.05
        assert set(loaded.load_report.missing) == {
            f"lstm.{name}" for name, _ in loaded.lstm.named_parameters()
        }

    loaded.save_pretrained(tmp_path / "own")
    assert "tiny.wte.weight" in loaded.hub_state_dict()
    again = kind.from_pretrained(tmp_path / "own")
    assert again.load_report.complete
    assert torch.equal(again(IDS), loaded(IDS))

    state = {name: t for name, t in source.hub_state_dict().items() if name != "tiny.wte.weight"}
    state.pop("lm_head.weight")
    with pytest.raises(IncompleteCheckpointError, match=r"tiny\.wte\.weight"):
        kind.from_pretrained(None, config=TinyConfig(), state_dict=state)


def test_bodies_anywhere_read_and_write_the_hubs_names(tmp_path: Path) -> None:
    class Two(TinyForCausalLM):
        def __init__(self, config: TinyConfig) -> None:
            super().__init__(config)
            self.more = nn.ModuleList([TinyModel(config), nn.Sequential(TinyModel(config))])
            self.post_init()

    model = Two(TinyConfig())
    names = model.hub_state_dict().keys()
    assert {"tiny.wte.weight", "more.0.wte.weight", "more.1.0.h.1.mlp.up_proj.bias"} <= names
    assert not any("embed_tokens" in name for name in names)
    model.save_pretrained(tmp_path)
    again, info = Two.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values())
    for name, tensor in again.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name])


def test_a_head_has_its_body_under_the_hubs_name_and_a_body_has_not() -> None:
    head, body = drawn(), drawn(TinyModel)
    assert head.tiny is head.base_model is head.model
    assert hasattr(head, head.base_model_prefix)
    assert not hasattr(body, body.base_model_prefix)


def test_a_configuration_without_a_spread_has_the_usual_one() -> None:
    class PlainConfig(PreTrainedConfig):
        model_type = "plain"

    class Plain(PreTrainedModel):
        config_class: ClassVar[type[PreTrainedConfig]] = PlainConfig

        def __init__(self, config: PlainConfig) -> None:
            super().__init__(config)
            self.layer = nn.Linear(100, 100)
            self.post_init()

    assert Plain(PlainConfig()).layer.weight.std().item() == pytest.approx(0.02, rel=0.1)
