"""AutoModel...: from a checkpoint or a configuration to the right model."""

from __future__ import annotations

import gc
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

import automodel_core
from automodel_core import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoModelForMaskedLM,
    AutoModelForVision2Seq,
)
from automodel_core.auto import models, opening
from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import (
    BackendUnavailableError,
    InputError,
    RegistrationError,
    RemoteCodeRefusedError,
    UnsupportedTaskError,
)
from automodel_core.modeling.pretrained.base import PreTrainedModel
from automodel_core.registry.task_table import OTHER_BACKENDS, TASK_TABLE
from support.tiny_plugin import SIZES


@pytest.mark.parametrize(("task", "name", "description"), TASK_TABLE)
def test_every_row_of_the_table_is_a_class(task: str, name: str, description: str) -> None:
    auto_class = vars(models)[name]
    assert auto_class.task == task
    assert auto_class.__doc__ == description
    assert pickle.loads(pickle.dumps(auto_class)) is auto_class
    assert getattr(automodel_core, name) is auto_class
    with pytest.raises(OSError, match=rf"{name}.from_pretrained\(.*from_config\("):
        auto_class()


@pytest.mark.parametrize("name", OTHER_BACKENDS)
def test_other_backends_can_be_imported_and_not_used(name: str) -> None:
    auto_class = getattr(automodel_core, name)
    assert pickle.loads(pickle.dumps(auto_class)) is auto_class
    instead = name.removeprefix("TF").removeprefix("Flax")
    for use in (auto_class, auto_class.from_pretrained, auto_class.from_config, auto_class.plan):
        with pytest.raises(BackendUnavailableError, match=rf"{instead}\.from_pretrained\(name"):
            use("anything")


def test_the_task_chooses_the_class(tiny_gpt: Any, checkpoint: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(checkpoint)
    assert type(model) is tiny_gpt.TinyGptForCausalLM
    assert type(AutoModel.from_pretrained(str(checkpoint))) is tiny_gpt.TinyGptModel
    assert not model.training
    assert model.config.name_or_path == str(checkpoint)


def test_arguments_go_where_they_belong(tiny_gpt: Any, checkpoint: Path) -> None:
    model, info = AutoModelForCausalLM.from_pretrained(
        checkpoint, hidden_dropout_prob=0.5, dtype=torch.bfloat16, output_loading_info=True
    )
    assert model.config.hidden_dropout_prob == 0.5
    assert model.dtype == torch.bfloat16
    assert info["missing_keys"] == []
    with pytest.raises(TypeError, match=r"no use for 'hiden_size'.*did you mean 'hidden_size'"):
        AutoModelForCausalLM.from_pretrained(checkpoint, hiden_size=3)


def test_a_given_configuration_is_used_and_not_touched(tiny_gpt: Any, checkpoint: Path) -> None:
    config = AutoConfig.from_pretrained(checkpoint, hidden_dropout_prob=0.25)
    before = config.to_dict()
    model = AutoModelForCausalLM.from_pretrained(checkpoint, config=config)
    assert model.config is not config
    assert model.config.hidden_dropout_prob == 0.25
    assert config.to_dict() == before
    with pytest.raises(TypeError, match=r"no use for 'hidden_dropout_prob'"):
        AutoModelForCausalLM.from_pretrained(checkpoint, config=config, hidden_dropout_prob=0.5)


def test_a_configuration_may_come_from_elsewhere(
    tiny_gpt: Any, checkpoint: Path, tmp_path: Path
) -> None:
    AutoConfig.from_pretrained(checkpoint, hidden_dropout_prob=0.3).save_pretrained(tmp_path / "c")
    model = AutoModelForCausalLM.from_pretrained(checkpoint, config=str(tmp_path / "c"))
    assert model.config.hidden_dropout_prob == 0.3
    with pytest.raises(InputError, match=r"takes a configuration object"):
        AutoModelForCausalLM.from_pretrained(checkpoint, config={"hidden_size": 1})


def test_weights_may_be_given(tiny_gpt: Any) -> None:
    config = tiny_gpt.TinyGptConfig(**SIZES)
    state = tiny_gpt.TinyGptForCausalLM(config).hub_state_dict()
    model = AutoModelForCausalLM.from_pretrained(None, config=config, state_dict=state)
    assert torch.equal(model.lm_head.weight, state["lm_head.weight"])
    with pytest.raises(InputError, match=r"give the name of a checkpoint"):
        AutoModelForCausalLM.from_pretrained(None)


def test_from_config_draws_weights_and_trains(tiny_gpt: Any) -> None:
    config = tiny_gpt.TinyGptConfig(**SIZES)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float16)
    assert type(model) is tiny_gpt.TinyGptForCausalLM
    assert model.training
    assert model.dtype == torch.float16
    with pytest.raises(InputError, match=r"from_config takes a configuration object"):
        AutoModelForCausalLM.from_config("somewhere")


@pytest.mark.parametrize("asked", [{"trust_remote_code": True}, {"code_revision": "v1"}])
def test_remote_code_is_refused(tiny_gpt: Any, checkpoint: Path, asked: dict[str, Any]) -> None:
    with pytest.raises(RemoteCodeRefusedError, match=r"never"):
        AutoModel.from_pretrained(checkpoint, **asked)
    with pytest.raises(RemoteCodeRefusedError, match=r"never"):
        AutoModel.from_config(tiny_gpt.TinyGptConfig(), **asked)
    assert AutoModel.from_pretrained(checkpoint, trust_remote_code=False)


@pytest.mark.parametrize("flag", ["from_tf", "from_flax"])
def test_weights_of_another_framework_are_not_there(
    tiny_gpt: Any, checkpoint: Path, flag: str
) -> None:
    with pytest.raises(InputError, match=rf"{flag}=True: .*model\.safetensors holds others"):
        AutoModel.from_pretrained(checkpoint, **{flag: True})


def test_a_task_that_is_not_served_says_who_serves_it(tiny_gpt: Any, checkpoint: Path) -> None:
    with pytest.raises(UnsupportedTaskError, match=r"Unrecognized configuration class") as caught:
        AutoModelForMaskedLM.from_pretrained(checkpoint)
    said = str(caught.value)
    assert "provides base, causal-lm" in said
    assert "No installed plugin serves this task" in said
    assert "pip install automodel-" in said
    with pytest.raises(UnsupportedTaskError, match=r"should be one of tiny-gpt"):
        AutoModelForCausalLM.from_config(NewConfig())


class NewConfig(PreTrainedConfig):
    """A configuration of this test."""

    model_type = "new-model"
    initializer_range: float = 0.02


class NewModel(PreTrainedModel):
    """A model of this test."""

    config_class = NewConfig

    def __init__(self, config: NewConfig, extra: int = 0) -> None:
        super().__init__(config)
        self.linear = torch.nn.Linear(2, 2)
        self.extra = extra
        self.post_init()


class OtherModel(NewModel):
    """Another model of this test."""


def test_register_and_load(tiny_gpt: Any, tmp_path: Path) -> None:
    AutoConfig.register("new-model", NewConfig)
    AutoModel.register(NewConfig, NewModel)
    NewModel(NewConfig()).save_pretrained(tmp_path)
    assert type(AutoModel.from_pretrained(tmp_path)) is NewModel
    assert AutoModel.from_pretrained(tmp_path, 3).extra == 3
    assert AutoModel.from_pretrained(tmp_path, extra=4).extra == 4
    with pytest.raises(RegistrationError, match=r"already registered"):
        AutoModel.register(NewConfig, NewModel)
    AutoModel.register(NewConfig, OtherModel, exist_ok=True)
    assert type(AutoModel.from_config(NewConfig())) is OtherModel


def test_register_refuses_what_contradicts(tiny_gpt: Any) -> None:
    with pytest.raises(ValueError, match=r"not consistent"):
        AutoModelForMaskedLM.register(tiny_gpt.TinyGptConfig, NewModel)
    with pytest.raises(RegistrationError, match=r"automodel-tiny-gpt"):
        AutoModel.register(tiny_gpt.TinyGptConfig, tiny_gpt.TinyGptModel)
    AutoModel.register(tiny_gpt.TinyGptConfig, tiny_gpt.TinyGptModel, exist_ok=True)


def test_a_head_is_registered_for_a_plugins_configuration(tiny_gpt: Any) -> None:
    class Head(tiny_gpt.TinyGptModel):  # type: ignore[name-defined,misc]
        pass

    AutoModelForMaskedLM.register(tiny_gpt.TinyGptConfig, Head)
    assert type(AutoModelForMaskedLM.from_config(tiny_gpt.TinyGptConfig(**SIZES))) is Head


def test_a_class_that_is_only_named_alike_is_refused(tiny_gpt: Any) -> None:
    class TinyGptConfig(PreTrainedConfig):
        model_type = "tiny-gpt"

    with pytest.raises(UnsupportedTaskError, match=r"Unrecognized configuration class"):
        AutoModel.from_config(TinyGptConfig())


def test_a_model_of_another_library_is_called_its_own_way(tiny_gpt: Any, tmp_path: Path) -> None:
    class Foreign:
        def __init__(self, config: Any, **kwargs: Any) -> None:
            self.config, self.kwargs = config, kwargs

        @classmethod
        def from_pretrained(cls, name: Any, *args: Any, config: Any, **kwargs: Any) -> Any:
            return cls(config, name=name, **kwargs)

    AutoConfig.register("new-model", NewConfig)
    AutoModel.register(NewConfig, Foreign)
    NewConfig().save_pretrained(tmp_path)
    model: Any = AutoModel.from_pretrained(tmp_path, dtype="auto", own=1)
    assert type(model.config) is NewConfig
    assert model.kwargs == {"name": tmp_path, "dtype": "auto", "own": 1}
    built: Any = AutoModel.from_config(NewConfig(), own=2)
    assert built.kwargs == {"own": 2}


def test_a_model_with_a_way_of_its_own_to_load_is_called_that_way(
    tiny_gpt: Any, tmp_path: Path
) -> None:
    class Own(NewModel):
        @classmethod
        def from_pretrained(cls, *args: Any, **kwargs: Any) -> Any:
            return super().from_pretrained(*args, **{**kwargs, "extra": 5})

    AutoConfig.register("new-model", NewConfig)
    AutoModel.register(NewConfig, Own)
    NewModel(NewConfig()).save_pretrained(tmp_path)
    model: Any = AutoModel.from_pretrained(tmp_path, initializer_range=0.5)
    assert (type(model), model.extra, model.config.initializer_range) == (Own, 5, 0.5)


def test_two_names_of_image_to_text_serve_each_other(tiny_gpt: Any) -> None:
    AutoModelForVision2Seq.register(NewConfig, NewModel)
    assert type(AutoModelForImageTextToText.from_config(NewConfig())) is NewModel
    AutoModelForImageTextToText.register(NewConfig, OtherModel)
    assert type(AutoModelForImageTextToText.from_config(NewConfig())) is OtherModel
    assert type(AutoModelForVision2Seq.from_config(NewConfig())) is NewModel


def test_of_several_classes_the_checkpoint_names_one(tiny_gpt: Any) -> None:
    AutoModelForVision2Seq.register(NewConfig, NewModel)
    AutoModelForImageTextToText.register(NewConfig, OtherModel)
    config = NewConfig(architectures=["OtherModel"])
    assert type(AutoModelForVision2Seq.from_config(config)) is OtherModel


def test_the_checkpoint_is_not_touched(tiny_gpt: Any, checkpoint: Path) -> None:
    before = {path: path.read_bytes() for path in checkpoint.iterdir()}
    AutoModelForCausalLM.from_pretrained(checkpoint)
    AutoModelForCausalLM.plan(checkpoint).to_dict()
    assert {path: path.read_bytes() for path in checkpoint.iterdir()} == before


def test_plan_says_what_a_load_would_do(tiny_gpt: Any, checkpoint: Path) -> None:
    plan = AutoModelForCausalLM.plan(checkpoint)
    size = (checkpoint / "model.safetensors").stat().st_size
    assert plan.model_class == "automodel_tiny_gpt.modeling:TinyGptForCausalLM"
    assert (plan.distribution, plan.version) == ("automodel-tiny-gpt", "1.0")
    assert (plan.files, plan.nbytes) == (("model.safetensors",), size)
    assert plan.dtype == "float32"
    assert (plan.missing, plan.unexpected, plan.mismatched) == ((), (), ())
    values = plan.to_dict()
    assert json.loads(json.dumps(values)) == values
    assert values["files"] == {"model.safetensors": size}
    said = str(plan)
    assert "automodel-tiny-gpt 1.0" in said
    assert "loaded as    float32" in said


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "int8"])
def test_plan_knows_the_memory_of_each_dtype(
    dtype: str, tiny_gpt: Any, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = AutoModelForCausalLM.plan(checkpoint)
    assert plan.memory is not None
    assert f"{plan.memory[dtype] / 1000:.1f} kB {dtype}" in str(plan)
    options = {"weights": dtype} if dtype == "int8" else {"dtype": dtype}
    model = AutoModelForCausalLM.from_pretrained(checkpoint, **options)
    assert plan.memory[dtype] == model.get_memory_footprint(return_buffers=dtype == "int8")
    monkeypatch.setattr("automodel_core.auto.plan._torch_is_installed", lambda: False)
    without = AutoModelForCausalLM.plan(checkpoint).memory
    assert without is not None
    assert without[dtype] == pytest.approx(plan.memory[dtype], rel=0.3 if dtype == "int8" else 0)


def test_plan_says_what_would_lie_where(tiny_gpt: Any, checkpoint: Path) -> None:
    plan = AutoModelForCausalLM.plan(checkpoint)
    assert plan.device_map is plan.memory_by_device is None
    table = {"model.embed_tokens": "cpu", "model.stack.layers.1": "disk", "": "cpu"}
    plan = AutoModelForCausalLM.plan(checkpoint, device_map=table)
    assert plan.memory_by_device is not None
    assert plan.memory is not None
    model = AutoModelForCausalLM.from_pretrained(checkpoint)
    layer = sum(p.nbytes for p in model.model.stack.layers[1].parameters())
    total = plan.memory["float32"]
    assert plan.memory_by_device == {"cpu": total - layer, "disk": layer}
    assert f"{layer / 1000:.1f} kB on disk" in str(plan)
    assert set(plan.to_dict()["device_map"].values()) == {"cpu", "disk"}


def test_plan_says_who_saved_the_weights(tiny_gpt: Any, checkpoint: Path) -> None:
    version = automodel_core.__version__
    plan = AutoModelForCausalLM.plan(checkpoint)
    assert plan.saved_by == {"automodel-core": version, "automodel-tiny-gpt": "1.0"}
    assert f"saved by     automodel-core {version} and automodel-tiny-gpt 1.0" in str(plan)


def test_plan_names_the_weights_that_do_not_fit(tiny_gpt: Any, checkpoint: Path) -> None:
    plan = AutoModelForCausalLM.plan(
        checkpoint, num_hidden_layers=1, intermediate_size=24, dtype=torch.bfloat16
    )
    assert plan.dtype == "bfloat16"
    assert plan.unexpected is not None
    assert "model.layers.1.mlp.up_proj.weight" in plan.unexpected
    assert plan.mismatched is not None
    assert ("model.layers.0.mlp.up_proj.weight", (32, 16), (24, 16)) in plan.mismatched
    more = AutoModelForCausalLM.plan(checkpoint, num_hidden_layers=3)
    assert more.missing is not None
    assert "model.layers.2.mlp.up_proj.weight" in more.missing
    assert "unexpected   16: " in str(plan)


def test_plan_agrees_with_the_load(tiny_gpt: Any, checkpoint: Path) -> None:
    planned = AutoModelForCausalLM.plan(checkpoint, num_hidden_layers=3)
    _, info = AutoModelForCausalLM.from_pretrained(
        checkpoint, num_hidden_layers=3, strict="off", output_loading_info=True
    )
    assert list(planned.missing or ()) == info["missing_keys"]
    assert list(planned.unexpected or ()) == info["unexpected_keys"]
    assert planned.report is not None
    assert {weight.name: weight.outcome for weight in planned.report.weights} == {
        weight.name: weight.outcome for weight in info.report.weights
    }
    half = AutoModelForCausalLM.plan(checkpoint, dtype="bfloat16").report
    loaded = AutoModelForCausalLM.from_pretrained(checkpoint, dtype="bfloat16").load_report
    assert half is not None
    assert sorted(half.weights, key=str) == sorted(loaded.weights, key=str)
    with pytest.raises(InputError, match=r"needs the name"):
        AutoModelForCausalLM.plan(None, config=tiny_gpt.TinyGptConfig(), state_dict={})


def test_the_garbage_collector_rests_from_the_first_import_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = []

    def fail(*_: Any, **__: Any) -> None:
        seen.append(gc.isenabled())
        raise ZeroDivisionError

    monkeypatch.setattr(opening, "open_request", fail)
    with pytest.raises(ZeroDivisionError):
        AutoModel.from_pretrained("anything")
    assert seen == [False]
    assert gc.isenabled()
