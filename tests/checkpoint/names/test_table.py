"""Weight names: forwards, backwards, and nothing lost on the way."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings, strategies as st

from automodel_core.checkpoint.names.table import HubTensor, WeightNames
from automodel_core.errors import ConfigurationError, InputError

BERT = WeightNames(
    {
        "embeddings.word_embeddings": "embed_tokens",
        "embeddings.LayerNorm": "embed_norm",
        "encoder.layer.*": "layers.*",
        "encoder.layer.*.attention.self.query": "layers.*.self_attn.q_proj",
        "encoder.layer.*.attention.output.dense": "layers.*.self_attn.o_proj",
        "encoder.layer.*.output.dense": "layers.*.mlp.down_proj",
    },
    aliases={"embeddings.old": "embeddings.word_embeddings"},
    segment_aliases={"gamma": "weight", "beta": "bias"},
    ignored=("embeddings.position_ids",),
)
GPT = WeightNames(
    {"wte": "embed_tokens", "h.*.mlp.c_fc": "layers.*.mlp.up_proj"},
    fused={
        "h.*.attn.c_attn": tuple(f"layers.*.self_attn.{part}_proj" for part in "qkv"),
    },
    transposed=("h.*.attn.c_attn", "h.*.mlp.c_fc"),
)


def test_the_longest_rule_counts_and_the_rest_is_kept() -> None:
    assert BERT.to_module("encoder.layer.11.attention.self.query.bias") == (
        "layers.11.self_attn.q_proj.bias",
    )
    assert BERT.to_hub("layers.11.self_attn.q_proj.bias").name == (
        "encoder.layer.11.attention.self.query.bias"
    )
    assert BERT.to_module("encoder.layer.0.extra.weight") == ("layers.0.extra.weight",)
    assert BERT.to_module("encoder.layer.x.extra") == ("encoder.layer.x.extra",)
    assert BERT.to_module("encoder.layers.0") == ("encoder.layers.0",)
    assert BERT.to_hub("pooler.dense.weight") == HubTensor("pooler.dense.weight")


def test_fused_and_transposed_tensors_have_parts() -> None:
    assert GPT.to_hub("layers.3.self_attn.k_proj.weight") == HubTensor(
        "h.3.attn.c_attn.weight", (1, 3), True
    )
    assert GPT.to_hub("layers.3.self_attn.k_proj.bias") == HubTensor(
        "h.3.attn.c_attn.bias", (1, 3), False
    )
    assert GPT.to_hub("layers.3.mlp.up_proj.weight").transposed
    assert not GPT.to_hub("embed_tokens.weight").transposed


def test_values_take_the_same_way_back() -> None:
    module = {
        "embed_tokens.weight": torch.randn(5, 4),
        **{f"layers.0.self_attn.{p}_proj.weight": torch.randn(4, 4) for p in "qkv"},
        **{f"layers.0.self_attn.{p}_proj.bias": torch.randn(4) for p in "qkv"},
        "layers.0.mlp.up_proj.weight": torch.randn(16, 4),
    }
    hub = GPT.hub_state_dict(module)
    assert {name: tuple(t.shape) for name, t in hub.items()} == {
        "wte.weight": (5, 4),
        "h.0.attn.c_attn.weight": (4, 12),
        "h.0.attn.c_attn.bias": (12,),
        "h.0.mlp.c_fc.weight": (4, 16),
    }
    x = torch.randn(2, 4)
    q, _, _ = (x @ hub["h.0.attn.c_attn.weight"]).split(4, dim=-1)
    torch.testing.assert_close(q, x @ module["layers.0.self_attn.q_proj.weight"].t())
    back = GPT.module_state_dict(hub)
    assert back.keys() == module.keys()
    assert all(torch.equal(back[name], module[name]) for name in module)
    assert hub["wte.weight"] is module["embed_tokens.weight"]


def test_nested_tables_move_both_sides() -> None:
    whole = BERT.nested("bert", "model")
    assert (
        whole.to_hub("model.embed_tokens.weight").name == "bert.embeddings.word_embeddings.weight"
    )
    assert whole.to_hub("model.pooler.weight").name == "bert.pooler.weight"
    assert whole.to_module("cls.bias") == ("cls.bias",)
    assert whole.spellings("bert.embeddings.old.weight") == [
        "bert.embeddings.word_embeddings.weight"
    ]
    assert whole.is_ignored("bert.embeddings.position_ids")
    beside = GPT.nested("", "model") | WeightNames({"lm_head": "head"})
    assert beside.to_hub("model.layers.0.self_attn.v_proj.weight").part == (2, 3)
    assert beside.to_hub("head.weight").name == "lm_head.weight"
    pair = BERT.nested("encoder", "encoder") | GPT.nested("decoder", "decoder")
    assert pair.to_module("decoder.wte.weight") == ("decoder.embed_tokens.weight",)
    assert pair.to_module("encoder.embeddings.word_embeddings.weight") == (
        "encoder.embed_tokens.weight",
    )


def test_older_spellings_are_read() -> None:
    assert BERT.spellings("encoder.layer.0.output.LayerNorm.gamma") == [
        "encoder.layer.0.output.LayerNorm.weight"
    ]
    assert BERT.spellings("layer_scale.gamma") == []
    assert BERT.spellings("embeddings.old.weight") == ["embeddings.word_embeddings.weight"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"rules": {"a": "x", "b": "x"}}, "two rules lead to module name 'x'"),
        ({"rules": {"a": "x"}, "fused": {"a": ("y", "z")}}, "two rules for hub name 'a'"),
        ({"fused": {"a": ("x", "x")}}, "two rules lead"),
        ({"fused": {"a": ("x",)}}, "at least two"),
        ({"rules": {"a.*": "x"}}, "equally many"),
        ({"rules": {"a..b": "x"}}, "whole segments"),
        ({"rules": {"a*": "x*"}}, "whole segments"),
        ({"rules": {"a": 3}}, "must be a string"),
        ({"aliases": {"a.*": "b"}}, "equally many"),
    ],
)
def test_tables_that_cannot_be_read_backwards_are_refused(
    arguments: dict[str, object], reason: str
) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        WeightNames(**arguments)  # type: ignore[arg-type]


def test_joining_contradicting_tables_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="two different rules for 'a'"):
        WeightNames({"a": "x"}) | WeightNames({"a": "y"})
    assert (WeightNames({"a": "x"}) | WeightNames({"a": "x"})).to_module("a") == ("x",)


def test_check_finds_names_that_do_not_come_back() -> None:
    BERT.check(["layers.0.self_attn.q_proj.weight", "pooler.weight"])
    with pytest.raises(ConfigurationError, match="is read as"):
        WeightNames({"a": "x"}).check(["a.weight"])
    with pytest.raises(ConfigurationError, match=r"both|is read as"):
        WeightNames({"a": "x"}).check(["x.weight", "a.weight"])
    with pytest.raises(ConfigurationError, match="two modules"):
        WeightNames({"a": "x"}).hub_state_dict({"x": torch.zeros(1), "a": torch.zeros(1)})


def test_parts_must_be_complete() -> None:
    with pytest.raises(InputError, match="needs 3 parts, and 1"):
        GPT.hub_state_dict({"layers.0.self_attn.q_proj.weight": torch.zeros(2, 2)})
    with pytest.raises(InputError, match="equal parts"):
        GPT.module_state_dict({"h.0.attn.c_attn.bias": torch.zeros(4)})


# Tables whose two sides share no segment, over names that begin with a rule's module side: there
# the way out and back must be the identity, whatever the rules are.
hub_segment = st.sampled_from(["h", "attn", "c", "ln", "LayerNorm", "0", "7"])
module_segment = st.sampled_from(["m", "proj", "norm", "up", "q", "k"])
ending = st.lists(st.sampled_from(["weight", "bias", "extra", "3"]), max_size=2)


@st.composite
def tables(draw: st.DrawFn) -> tuple[WeightNames, list[str]]:
    count = draw(st.integers(1, 6))
    sides: list[tuple[str, str]] = []
    hubs: set[str] = set()
    modules: set[str] = set()
    for index in range(count):
        stars = draw(st.integers(0, 2))
        hub = [*draw(st.lists(hub_segment, min_size=1, max_size=3)), *["*"] * stars, f"h{index}"]
        module = [*draw(st.lists(module_segment, max_size=3)), *["*"] * stars, f"m{index}"]
        hubs.add(".".join(hub))
        modules.add(".".join(module))
        sides.append((".".join(hub), ".".join(module)))
    names = []
    for _, module in sides:
        number = draw(st.integers(0, 99))
        filled = [str(number) if s == "*" else s for s in module.split(".")]
        names.append(".".join([*filled, *draw(ending)]))
    return WeightNames(dict(sides)), names


@settings(max_examples=200, deadline=None)
@given(tables())
def test_every_name_comes_back(case: tuple[WeightNames, list[str]]) -> None:
    table, names = case
    for name in names:
        assert table.to_module(table.to_hub(name).name) == (name,)
    nested = table.nested("outer", "inner")
    for name in names:
        hub = nested.to_hub(f"inner.{name}").name
        assert hub == f"outer.{table.to_hub(name).name}"
        assert nested.to_module(hub) == (f"inner.{name}",)


@settings(max_examples=50, deadline=None)
@given(
    layers=st.integers(1, 3),
    width=st.integers(1, 5),
    parts=st.integers(2, 4),
    transposed=st.booleans(),
)
def test_every_value_comes_back(layers: int, width: int, parts: int, transposed: bool) -> None:
    table = WeightNames(
        fused={"h.*.joined": tuple(f"l.*.p{i}" for i in range(parts))},
        transposed=("h.*.joined",) if transposed else (),
    )
    module = {
        f"l.{layer}.p{part}.{kind}": torch.randn(width, 3)
        if kind == "weight"
        else torch.randn(width)
        for layer in range(layers)
        for part in range(parts)
        for kind in ("weight", "bias")
    }
    back = table.module_state_dict(table.hub_state_dict(module))
    assert back.keys() == module.keys()
    assert all(torch.equal(back[name], module[name]) for name in module)
