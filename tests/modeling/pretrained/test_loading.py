"""Loading: what a checkpoint gives is kept bit for bit, what it lacks is drawn and reported."""

from __future__ import annotations

import copy
import gc
import json
import logging
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from automodel_core.checkpoint.save import save_weights
from automodel_core.errors import (
    CheckpointNotFoundError,
    IncompleteCheckpointError,
    InputError,
    MismatchedWeightsError,
)
from support.tiny_lm import (
    TinyConfig,
    TinyForCausalLM,
    TinyForTokenClassification,
    TinyModel,
    drawn,
)


def without(state: dict[str, torch.Tensor], *names: str) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in state.items() if name not in names}


def loaded(kind: Any, state: dict[str, torch.Tensor], **options: Any) -> Any:
    settings = {k: options.pop(k) for k in ("vocab_size", "num_labels") if k in options}
    return kind.from_pretrained(None, config=TinyConfig(**settings), state_dict=state, **options)


def assert_equal_states(
    model: Any, state: dict[str, torch.Tensor], *, but: set[str] = frozenset()
) -> None:
    for name, tensor in model.hub_state_dict().items():
        if name not in but:
            assert torch.equal(tensor, state[name]), name


def test_a_whole_checkpoint(tmp_path: Path) -> None:
    model = drawn()
    model.save_pretrained(tmp_path)
    again, info = TinyForCausalLM.from_pretrained(tmp_path, output_loading_info=True)
    assert info == {
        "missing_keys": [], "unexpected_keys": [], "mismatched_keys": [], "error_msgs": [],
    }  # fmt: skip
    assert_equal_states(again, model.hub_state_dict())
    assert not any(module.training for module in again.modules())
    assert again.lm_head.weight is again.model.embed_tokens.weight
    assert all(p.requires_grad for p in again.parameters())
    assert again.name_or_path == str(tmp_path)


def test_a_missing_body_is_an_error_that_names_what_is_missing() -> None:
    state = without(
        drawn().hub_state_dict(), "tiny.h.1.mlp.up_proj.weight", "tiny.h.0.attn.q_proj.bias"
    )
    with pytest.raises(
        IncompleteCheckpointError, match=r"2 weights.*h\.0\.attn\.q_proj\.bias.*strict='off'"
    ):
        loaded(TinyForCausalLM, state)
    with pytest.raises(IncompleteCheckpointError):
        loaded(TinyForCausalLM, state, strict=True)
    for strict in ("off", False):
        model, info = loaded(TinyForCausalLM, state, strict=strict, output_loading_info=True)
        assert set(info["missing_keys"]) == drawn().hub_state_dict().keys() - state.keys()
        assert_equal_states(model, state, but=set(info["missing_keys"]))
        assert model.model.stack.layers[1].mlp.up_proj.weight.std().item() > 0.1
        assert not model.model.stack.layers[0].self_attn.q_proj.bias.any()


def test_a_new_head_is_drawn_and_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    body = drawn(TinyModel)
    body.save_pretrained(tmp_path)
    before = body.hub_state_dict()
    with caplog.at_level(logging.WARNING, logger="automodel_core"):
        model, info = TinyForTokenClassification.from_pretrained(
            tmp_path, num_labels=5, output_loading_info=True
        )
    assert set(info["missing_keys"]) == {"classifier.weight", "classifier.bias"}
    assert "classifier.weight" in caplog.text
    assert_equal_states(model.base_model, before)
    assert model.classifier.weight.shape == (5, 8)
    assert model.classifier.weight.std().item() > 0.1
    assert not model.classifier.bias.any()
    with pytest.raises(IncompleteCheckpointError, match=r"classifier\.weight"):
        TinyForTokenClassification.from_pretrained(tmp_path, strict="full")


def test_what_is_drawn_follows_the_seed() -> None:
    state = drawn(TinyModel).hub_state_dict()
    heads = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        heads.append(loaded(TinyForTokenClassification, state).classifier.weight)
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


def test_a_head_checkpoint_in_a_body(tmp_path: Path) -> None:
    model = drawn(TinyForTokenClassification)
    model.save_pretrained(tmp_path)
    body, info = TinyModel.from_pretrained(tmp_path, output_loading_info=True)
    assert set(info["unexpected_keys"]) == {"classifier.weight", "classifier.bias"}
    assert_equal_states(body, model.base_model.hub_state_dict())
    assert model.tiny is model.base_model is model.model
    assert not hasattr(body, "tiny")


@pytest.mark.parametrize("prefix", ["_orig_mod.", "module.", "model.", "_orig_mod.module."])
def test_what_a_wrapper_puts_before_all_names_is_taken_off(tmp_path: Path, prefix: str) -> None:
    model = drawn()
    model.save_pretrained(tmp_path)
    state = {f"{prefix}{name}": tensor for name, tensor in model.hub_state_dict().items()}
    (tmp_path / "model.safetensors").unlink()
    torch.save(state, tmp_path / "pytorch_model.bin")
    again, info = TinyForCausalLM.from_pretrained(tmp_path, output_loading_info=True)
    assert not info["missing_keys"]
    assert_equal_states(again, model.hub_state_dict())


def test_names_that_do_not_fit_are_shown() -> None:
    state = {f"old.{name}": tensor for name, tensor in drawn().hub_state_dict().items()}
    with pytest.raises(IncompleteCheckpointError, match=r"old\.tiny\.wte\.weight.*key_mapping="):
        loaded(TinyForCausalLM, state)


def test_files_that_other_libraries_wrote_from_modules_are_known(tmp_path: Path) -> None:
    """As a trainer does for classes that are not its own."""
    model = drawn()
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    save_weights(state, tmp_path)
    (tmp_path / "training_args.bin").touch()
    with pytest.raises(CheckpointNotFoundError, match=r"no config\.json.*TrainerMixin"):
        TinyForCausalLM.from_pretrained(tmp_path)
    with pytest.raises(IncompleteCheckpointError, match=r"as modules are called.*state_dict="):
        TinyForCausalLM.from_pretrained(tmp_path, config=model.config)
    again: Any = TinyForCausalLM.from_pretrained(None, config=model.config, state_dict=state)
    assert_equal_states(again, model.hub_state_dict())


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    found = [record.getMessage() for record in caplog.records]
    caplog.clear()
    return found


def test_what_a_checkpoint_has_beyond_the_model_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="automodel_core")
    drawn().save_pretrained(tmp_path)
    TinyForCausalLM.from_pretrained(tmp_path)
    TinyModel.from_pretrained(tmp_path)
    assert warnings_of(caplog) == []
    for kind in (TinyForCausalLM, TinyModel):
        kind.from_pretrained(tmp_path, num_layers=1)
        (text,) = warnings_of(caplog)
        assert f"{kind.__name__} has no use for 16 weights of the checkpoint: " in text
        assert "tiny.h.1.attn." in text
        assert "and 8 more" in text

    loaded(TinyForCausalLM, drawn().hub_state_dict() | {"extra.weight": torch.ones(1)})
    assert warnings_of(caplog) == [
        "state_dict: TinyForCausalLM has no use for 1 weights of the checkpoint: extra.weight"
    ]


def test_weights_kept_apart_are_named(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger="automodel_core")
    state = drawn().hub_state_dict()
    model = loaded(TinyForCausalLM, state | {"lm_head.weight": torch.ones(23, 8)})
    assert model.lm_head.weight.eq(1).all()
    assert "untied (1)" in "".join(warnings_of(caplog))


def test_weights_that_should_be_one_stay_one_when_neither_is_there() -> None:
    state = without(drawn().hub_state_dict(), "tiny.wte.weight", "lm_head.weight")
    model, info = loaded(TinyForCausalLM, state, strict="off", output_loading_info=True)
    assert model.lm_head.weight is model.model.embed_tokens.weight
    assert model.config.tie_word_embeddings
    assert "tiny.wte.weight" in info["missing_keys"]


def test_other_shapes(caplog: pytest.LogCaptureFixture) -> None:
    state = drawn().hub_state_dict()
    with pytest.raises(MismatchedWeightsError, match=r"wte.*23, 8.*30, 8"):
        loaded(TinyForCausalLM, state, vocab_size=30)
    with caplog.at_level(logging.WARNING, logger="automodel_core"):
        model, info = loaded(
            TinyForCausalLM, state, vocab_size=30, ignore_mismatched_sizes=True,
            output_loading_info=True,
        )  # fmt: skip
    assert ("tiny.wte.weight", (23, 8), (30, 8)) in info["mismatched_keys"]
    assert "mismatched" in caplog.text
    assert model.lm_head.weight is model.model.embed_tokens.weight
    assert model.lm_head.weight.std().item() > 0.1
    assert_equal_states(model, state, but={"tiny.wte.weight", "lm_head.weight"})


def test_names_are_mapped() -> None:
    state = {f"old.{name}": tensor for name, tensor in drawn().hub_state_dict().items()}
    model = loaded(TinyForCausalLM, state, key_mapping={r"^old\.": ""})
    assert_equal_states(model, {name[4:]: tensor for name, tensor in state.items()})


def test_the_callers_state_is_left_alone() -> None:
    state = {name: tensor.clone() for name, tensor in drawn().hub_state_dict().items()}
    before = copy.deepcopy(state)
    config = TinyConfig()
    model = TinyForCausalLM.from_pretrained(None, config=config, state_dict=state, dtype="float64")
    assert model.config is not config
    assert config.dtype is None
    assert all(torch.equal(state[name], before[name]) for name in state)


@pytest.mark.parametrize(
    "device_map",
    ["cpu", torch.device("cpu"), {"": "cpu"}, {"model": "cpu", "lm_head": "cpu"}],
)
def test_places(device_map: object) -> None:
    model = loaded(TinyForCausalLM, drawn().hub_state_dict(), device_map=device_map)
    assert model.device.type == "cpu"
    assert {p.device.type for p in model.parameters()} == {"cpu"}
    with pytest.raises(InputError, match="'nowhere' is not a device of this machine, which has"):
        loaded(TinyForCausalLM, drawn().hub_state_dict(), device_map="nowhere")


def test_places_where_the_machine_computes() -> None:
    model = loaded(TinyForCausalLM, drawn().hub_state_dict(), device_map="auto")
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    assert model.device.type == ("cpu" if accelerator is None else accelerator.type)


def test_refuses_generation_settings_of_another_type() -> None:
    with pytest.raises(InputError, match="expected a GenerationConfig object"):
        loaded(TinyForCausalLM, drawn().hub_state_dict(), generation_config="greedy")


def test_a_buffer_without_a_value_is_an_error() -> None:
    class Forgetful(TinyModel):
        def __init__(self, config: TinyConfig) -> None:
            super().__init__(config)
            self.register_buffer("table", torch.arange(4), persistent=False)

    class Careful(TinyModel):
        def __init__(self, config: TinyConfig) -> None:
            super().__init__(config)
            self.register_buffer("table", torch.arange(4, device="cpu"), persistent=False)

    state = drawn(TinyModel).hub_state_dict()
    with pytest.raises(InputError, match=r"'table'.*device='cpu'"):
        loaded(Forgetful, state)
    assert loaded(Careful, state).table.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("stored", [True, False])
def test_a_buffer_has_the_precision_of_the_weights_if_it_is_stored_with_them(stored: bool) -> None:
    class Biased(TinyForCausalLM):
        def __init__(self, config: TinyConfig) -> None:
            super().__init__(config)
            self.register_buffer("bias", torch.zeros(2, device="cpu"))
            self.register_buffer("table", torch.ones(2, device="cpu"), persistent=False)

    state = drawn().hub_state_dict() | ({"bias": torch.tensor([1.5, 2.0])} if stored else {})
    model = loaded(Biased, state, dtype=torch.bfloat16, device_map={"": "cpu"})
    assert model.bias.dtype == torch.bfloat16
    assert model.bias.tolist() == ([1.5, 2.0] if stored else [0.0, 0.0])
    assert model.table.dtype == torch.float32


def test_a_checkpoint_of_another_type_is_not_silent(tmp_path: Path) -> None:
    drawn().save_pretrained(tmp_path)
    values = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    (tmp_path / "config.json").write_text(
        json.dumps(values | {"model_type": "oak"}), encoding="utf-8"
    )
    with pytest.warns(UserWarning, match=r"'oak'.*'tiny'"):
        TinyForCausalLM.from_pretrained(tmp_path)


def test_another_configuration_is_refused(tmp_path: Path) -> None:
    class Stranger(TinyConfig.__mro__[1]):  # type: ignore[misc]
        model_type = "stranger"

    drawn().save_pretrained(tmp_path)
    with pytest.raises(InputError, match="TinyConfig, got a Stranger"):
        TinyForCausalLM.from_pretrained(tmp_path, config=Stranger())
    other = TinyForCausalLM.from_pretrained(tmp_path, config=tmp_path)
    assert isinstance(other.config, TinyConfig)


# ---- from nothing ----


def test_from_config() -> None:
    config = TinyConfig(dtype="float64")
    model = TinyForCausalLM.from_config(config)
    assert model.training
    assert model.dtype == torch.float64
    assert model.config == config
    assert model.config is not config
    assert TinyForCausalLM.from_config(TinyConfig(), dtype=torch.bfloat16).dtype == torch.bfloat16
    assert TinyForCausalLM._from_config(TinyConfig(), torch_dtype="float16").dtype == torch.float16
    eager = TinyForCausalLM.from_config(TinyConfig(), attn_implementation="eager")
    assert eager.config._attn_implementation == "eager"
    assert model.lm_head.weight is model.model.embed_tokens.weight
    untied = TinyForCausalLM.from_config(TinyConfig(tie_word_embeddings=False))
    assert untied.lm_head.weight is not untied.model.embed_tokens.weight
    with pytest.raises(TypeError, match="colour"):
        TinyForTokenClassification.from_config(TinyConfig(), colour="red")


# ---- nothing else changes ----


def test_global_state_is_as_before(tmp_path: Path) -> None:
    drawn().save_pretrained(tmp_path)
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    TinyForCausalLM.from_pretrained(tmp_path, dtype="float64")
    assert torch.equal(torch.random.get_rng_state(), before), "nothing was missing"
    assert torch.get_default_dtype() == torch.float32
    assert torch.empty(1).device.type == "cpu"
    assert torch.is_grad_enabled()
    assert gc.isenabled()
    state = drawn().hub_state_dict()
    with pytest.raises(IncompleteCheckpointError):
        loaded(TinyForCausalLM, without(state, "tiny.wte.weight", "lm_head.weight"))
    assert torch.empty(1).device.type == "cpu"
    assert torch.is_grad_enabled()
    assert gc.isenabled()


def test_threads_load_at_once(tmp_path: Path) -> None:
    for seed in range(2):
        drawn(seed=seed).save_pretrained(tmp_path / str(seed))
    expected = [drawn(seed=seed).hub_state_dict() for seed in range(2)]
    failures: list[BaseException] = []

    def work(seed: int) -> None:
        try:
            for _ in range(5):
                model = TinyForCausalLM.from_pretrained(tmp_path / str(seed))
                assert_equal_states(model, expected[seed])
                assert nn.Linear(2, 2).weight.device.type == "cpu"
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (0, 1, 0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert gc.isenabled()


def test_what_shares_a_weight_of_another_shape_is_drawn_with_it() -> None:
    class Sharing(TinyModel):
        """A body that must have its embeddings under two names."""

        def __init__(self, config: TinyConfig) -> None:
            super().__init__(config)
            self.tokens = nn.Embedding(config.vocab_size, config.hidden_size)
            self.post_init()

        def embedding_ties(self) -> dict[str, str]:
            built = "tokens" in self._modules
            return {"embed_tokens.weight": "tokens.weight"} if built else {}

    state = without(Sharing(TinyConfig()).hub_state_dict(), "wte.weight")
    model, info = loaded(
        Sharing, state, vocab_size=30, ignore_mismatched_sizes=True, output_loading_info=True
    )
    assert info["missing_keys"] == []
    assert info["mismatched_keys"] == [("tokens.weight", (23, 8), (30, 8))]
    assert model.embed_tokens.weight is model.tokens.weight
    assert model.tokens.weight.std().item() > 0.1
