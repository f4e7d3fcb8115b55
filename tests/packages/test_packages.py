"""What the packages under docs/examples do in generation: one attends, one has a recurrence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from automodel_core.errors import GenerationArgumentError
from automodel_core.generation import CompileConfig
from automodel_core.layers import Attention, StaticCache
from automodel_llama.configuration import LlamaConfig
from automodel_llama.modeling import LlamaForCausalLM
from automodel_mamba.configuration import MambaConfig
from automodel_mamba.modeling import MambaForCausalLM, MambaMixer

HERE = Path(__file__).parent
FOLDERS = {
    "llama": HERE.parents[1] / "docs" / "examples" / "automodel-llama",
    "mamba": HERE.parents[1] / "docs" / "examples" / "automodel-mamba",
}
LAYERS, NEW_TOKENS = 2, 6
TINY: dict[str, dict[str, Any]] = {
    "llama": {
        "vocab_size": 99,
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "pad_token_id": 0,
    },
    "mamba": {"vocab_size": 99, "hidden_size": 16, "num_hidden_layers": LAYERS, "state_size": 4},
}
PROMPT = torch.tensor([[7, 8, 9, 10], [11, 12, 13, 14]])


@pytest.mark.parametrize("name", TINY)
def test_a_package_is_small(name: str) -> None:
    package = FOLDERS[name] / f"automodel_{name}"
    lines = [line for path in package.glob("*.py") for line in path.read_text().splitlines()]
    assert len([line for line in lines if line.strip()]) <= 150


def llama() -> Any:
    return drawn(LlamaForCausalLM(LlamaConfig(**TINY["llama"])))


def mamba() -> Any:
    return drawn(MambaForCausalLM(MambaConfig(**TINY["mamba"])))


@torch.no_grad()
def drawn(model: Any) -> Any:
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        parameter.normal_(0.0, 0.4, generator=generator)
    return model.eval()


@pytest.mark.parametrize(("make", "part"), [(llama, Attention), (mamba, MambaMixer)])
@pytest.mark.parametrize("beams", [1, 3])
def test_tokens_after_the_prompt_come_from_the_decode_step(
    make: Any, part: Any, beams: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, rows = make(), []
    options = {"max_new_tokens": NEW_TOKENS, "eos_token_id": None, "num_beams": beams}
    expected = model.generate(PROMPT, **options, use_cache=False)
    original = part.decode_step

    def decode_step(self: Any, count: int) -> Any:
        step = original(self, count)

        def counted(states: Any, *more: Any) -> Any:
            rows.append(len(states))
            return step(states, *more)

        return counted

    monkeypatch.setattr(part, "decode_step", decode_step)
    assert torch.equal(model.generate(PROMPT, **options), expected)
    assert rows == [beams * len(PROMPT)] * LAYERS * (NEW_TOKENS - 1)


@pytest.mark.parametrize("make", [llama, mamba])
@pytest.mark.parametrize("beams", [1, 3])
def test_a_row_padded_on_the_left_writes_what_it_writes_alone(make: Any, beams: int) -> None:
    model = make()
    options = {"max_new_tokens": NEW_TOKENS, "eos_token_id": None, "num_beams": beams}
    ids, mask = PROMPT.clone(), torch.ones_like(PROMPT)
    ids[0, :2] = mask[0, :2] = 0
    together = model.generate(ids, attention_mask=mask, **options)
    alone = model.generate(ids[:1, 2:], **options)
    assert together[0, 2:].tolist() == alone[0].tolist()
    assert together[1].tolist() == model.generate(ids[1:], **options)[0].tolist()


@pytest.mark.parametrize("make", [llama, mamba])
@pytest.mark.parametrize("compiled", [False, True])
def test_a_call_goes_on_with_the_cache_of_another(make: Any, compiled: bool) -> None:
    model = make()
    options: dict[str, Any] = {"eos_token_id": None, "pad_token_id": 0}
    expected = model.generate(PROMPT, max_new_tokens=2 * NEW_TOKENS, **options)
    if compiled:
        options["compile_config"] = CompileConfig(backend="eager", fullgraph=True)
    first = model.generate(
        PROMPT, max_new_tokens=NEW_TOKENS, return_dict_in_generate=True, **options
    )
    cache = first.past_key_values
    assert cache.get_seq_length() == PROMPT.shape[1] + NEW_TOKENS - 1
    given = {"inputs": first.sequences, "attention_mask": torch.ones_like(first.sequences)}
    found = model.generate(**given, past_key_values=cache, max_new_tokens=NEW_TOKENS, **options)
    assert torch.equal(found, expected)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"prompt_lookup_num_tokens": 3}, "recurrent states of MambaForCausalLM cannot"),
        ({"penalty_alpha": 0.5, "top_k": 3}, "use another strategy"),
        ({"cache_implementation": "quantized"}, "no keys and values, which is all that a Quant"),
        ({"past_key_values": StaticCache(max_cache_len=50)}, "or give a DynamicCache"),
    ],
)
def test_what_a_recurrent_state_cannot_do_is_said(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(GenerationArgumentError, match=message):
        mamba().generate(PROMPT, max_new_tokens=NEW_TOKENS, pad_token_id=0, **settings)
