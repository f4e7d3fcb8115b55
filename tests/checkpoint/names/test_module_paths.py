"""Modules by their own paths and the hub's, and the shortest names that tell some from others."""

from __future__ import annotations

from automodel_core.checkpoint.names.module_paths import ModulePaths, short_names
from automodel_core.checkpoint.names.table import WeightNames

NAMES = WeightNames(
    {"wte": "embed", "h.*.mlp.c_proj": "layers.*.down"},
    fused={"h.*.c_attn": ("layers.*.q", "layers.*.k", "layers.*.v")},
    transposed=("h.*.c_attn",),
    aliases={"blocks.*.out": "h.*.mlp.c_proj"},
)
LAYERS = [f"layers.{index}.{part}" for index in (0, 1) for part in ("q", "k", "v", "down")]
PATHS = ModulePaths(NAMES, dict.fromkeys(["embed", *LAYERS, "head"], "weight"))


def test_a_module_is_known_by_all_its_paths():
    assert PATHS.spellings("layers.1.down") == ("layers.1.down", "h.1.mlp.c_proj", "blocks.1.out")
    assert PATHS.spellings("head") == ("head", "head")
    assert set(PATHS.modules()) == {"embed", *LAYERS, "head"}


def test_a_joined_module_stands_for_its_parts():
    place = PATHS.of_module("layers.0.k")
    assert place is PATHS.on_hub()["h.0.c_attn"]
    assert place.modules == ("layers.0.q", "layers.0.k", "layers.0.v")
    assert place.transposed
    assert not PATHS.of_module("layers.0.down").transposed


def test_a_name_is_split_at_the_longest_path_of_either_side():
    module, is_on_hub, rest = PATHS.split("h.1.c_attn.lora_A.weight")
    assert (module.path, is_on_hub, rest) == ("h.1.c_attn", True, "lora_A.weight")
    module, is_on_hub, rest = PATHS.split("layers.1.v.lora_B.weight")
    assert (module.path, is_on_hub, rest) == ("h.1.c_attn", False, "lora_B.weight")
    assert PATHS.split("blocks.0.out.bias")[0].modules == ("layers.0.down",)
    assert PATHS.split("elsewhere.lora_A.weight") is None


def test_short_names_end_what_is_chosen_and_nothing_else():
    every = ["a.0.attn.proj", "a.1.attn.proj", "a.0.mlp.proj", "a.1.mlp.proj", "proj2"]
    assert short_names(every[:4], every) == ["proj"]
    assert short_names(every[:2], every) == ["attn.proj"]
    assert short_names(every[:1], every) == ["0.attn.proj"]
    assert short_names(["proj2"], every) == ["proj2"]
    assert short_names(["proj"], ["proj", "a.proj"]) == ["proj"]
