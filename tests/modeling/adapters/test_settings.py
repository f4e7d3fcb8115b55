"""Settings of adapters that name modules, by the hub's names or a model's."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from automodel_core.checkpoint.names.module_paths import ModulePaths
from automodel_core.checkpoint.names.table import WeightNames
from automodel_core.errors import InputError
from automodel_core.modeling.adapters.settings import (
    matching,
    scaling,
    settings_of_hub,
    settings_of_modules,
)

NAMES = WeightNames(
    {"h.*.c_proj": "layers.*.o", "cls.dense": "head", "cls.norm": "norm"},
    fused={"h.*.c_attn": ("layers.*.q", "layers.*.k", "layers.*.v")},
    transposed=("h.*.c_attn",),
)
MODULES = [*(f"layers.{index}.{part}" for index in range(3) for part in "qkvo"), "head", "norm"]
PATHS = ModulePaths(NAMES, dict.fromkeys(MODULES, "weight"))
EVERY = ["", "layers", *(f"layers.{index}" for index in range(3)), *MODULES]


def lora(**changes):
    usual = {
        "target_modules": None, "exclude_modules": None, "layers_to_transform": None,
        "layers_pattern": None, "rank_pattern": {}, "alpha_pattern": {}, "r": 8, "lora_alpha": 16,
        "use_rslora": False, "modules_to_save": None, "fan_in_fan_out": True,
    }  # fmt: skip
    return SimpleNamespace(**{**usual, **changes})


def own(**changes):
    return settings_of_modules(lora(**changes), PATHS, EVERY)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["c_attn"], {"q", "k", "v"}),
        (["c_proj", "q"], {"q", "o"}),
        (r"h\.\d+\.c_proj", {"o"}),
        (r"layers\.1\..*", {"layers.1.q", "layers.1.k", "layers.1.v", "layers.1.o"}),
        (["h.0.c_proj"], {"layers.0.o"}),
    ],
)
def test_targets_have_the_hubs_names_or_the_models(names, expected):
    found = own(target_modules=names)
    assert matching(found.target_modules, PATHS) == matching(names, PATHS)
    assert found.target_modules == {name.removeprefix("layers.") for name in expected}
    assert found.fan_in_fan_out is False


def test_an_unknown_target_is_named_with_what_there_is():
    with pytest.raises(InputError, match=r"nothing in the model is called query, .*c_attn.*, q"):
        own(target_modules=["query"])


def test_modules_are_left_out_by_name_and_by_layer():
    found = own(target_modules=["q", "o"], exclude_modules=["h.1.c_proj"])
    assert found.target_modules == {"q", "0.o", "2.o"}
    assert found.exclude_modules is None
    for pattern in (None, "h", ["layers"]):
        found = own(target_modules=["q"], layers_to_transform=[0, 2], layers_pattern=pattern)
        assert found.target_modules == {"0.q", "2.q"}
        assert found.layers_to_transform is None
    assert own(target_modules=["q"], layers_to_transform=1).target_modules == {"1.q"}


def test_ranks_are_given_by_the_models_names():
    found = own(target_modules=["c_attn", "c_proj"], rank_pattern={"h.1.c_attn": 4, "c_proj": 2})
    assert found.rank_pattern == {"1.q": 4, "1.k": 4, "1.v": 4, "o": 2}


def test_stacked_ranks_are_taken_apart():
    given = lora(
        target_modules=["c_attn"], rank_pattern={"c_attn": 5}, alpha_pattern={"c_attn": 10}
    )
    blocks = {f"h.{index}.c_attn": [2, 0, 3] for index in range(3)}
    found = settings_of_modules(given, PATHS, EVERY, blocks)
    assert found.target_modules == {"q", "v"}
    assert found.rank_pattern == {"q": 2, "v": 3}
    assert found.alpha_pattern == {"q": 4, "v": 6}


def test_modules_trained_whole_may_be_one_that_holds_several_on_the_hub():
    assert own(target_modules=["q"], modules_to_save=["cls"]).modules_to_save == ["head", "norm"]
    kept = own(target_modules=["q"], modules_to_save=["head", "score"]).modules_to_save
    assert kept == ["head", "score"]


def test_settings_go_back_to_the_hubs_names():
    given = lora(target_modules={"q", "v", "0.o"}, modules_to_save=["head"], fan_in_fan_out=False)
    adapted = matching(given.target_modules, PATHS)
    found = settings_of_hub(given, PATHS, {f"h.{index}.c_attn": 16 for index in range(3)}, adapted)
    assert found.target_modules == {"c_attn", "0.c_proj"}
    assert (found.rank_pattern, found.alpha_pattern) == ({"c_attn": 16}, {"c_attn": 32})
    assert found.modules_to_save == ["cls.dense"]
    assert found.fan_in_fan_out
    assert given.target_modules == {"q", "v", "0.o"}


def test_the_scale_of_a_joined_projection_is_kept():
    for kind in (False, True):
        given = lora(target_modules={"q", "k"}, use_rslora=kind, alpha_pattern={"q": 5})
        adapted = matching(given.target_modules, PATHS)
        found = settings_of_hub(given, PATHS, dict.fromkeys(PATHS.on_hub(), 16), adapted)
        assert scaling(found)("h.0.c_attn") == pytest.approx(scaling(given)("layers.0.q"))
