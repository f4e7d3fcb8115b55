"""Decoding by a step of fixed sizes writes what ``generate`` does, as a module and as a program."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from automodel_core.errors import InputError
from automodel_core.exporting import DecodingStart, DecodingStep, decode_greedily
from support.tiny_lm import TinyForTokenClassification, drawn
from support.tiny_pair import drawn_pair

ROOM, NEW = 16, 5
OPEN = torch.export.Dim.DYNAMIC


def tokens(rows: int, length: int) -> torch.Tensor:
    drawn = torch.Generator().manual_seed(rows * length)
    return torch.randint(3, 20, (rows, length), generator=drawn)


def written(model: Any, **inputs: Any) -> torch.Tensor:
    found: torch.Tensor = model.generate(
        **inputs, max_new_tokens=NEW, do_sample=False, eos_token_id=None, pad_token_id=0
    )
    return found


def program(module: torch.nn.Module, example: tuple[Any, ...], sizes: tuple[Any, ...]) -> Any:
    with torch.no_grad():
        return torch.export.export(module, example, dynamic_shapes=sizes).module()


@pytest.mark.parametrize("exported", [False, True])
def test_a_decoder_writes_what_it_generates(exported: bool) -> None:
    model = drawn()
    step: Any = DecodingStep(model, ROOM)
    cache = step.empty_cache(2)
    if exported:
        example = tokens(2, 1), torch.tensor(3), cache
        step = program(step, example, ({0: OPEN}, {}, tuple({0: OPEN} for _ in cache)))
    prompt = tokens(3, 4)
    cache = tuple(torch.cat([part, part[:1]]) for part in cache)
    found = decode_greedily(step, prompt, cache, NEW)
    assert torch.equal(found, written(model, input_ids=prompt))


def test_padding_before_a_prompt_is_not_read() -> None:
    model, prompt = drawn(), tokens(2, 4)
    mask = torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1]])
    step = DecodingStep(model, ROOM)
    room = torch.nn.functional.pad(mask, (0, ROOM - 4), value=1)
    found = decode_greedily(step, prompt, step.empty_cache(2), NEW, attention_mask=room)
    assert torch.equal(found, written(model, input_ids=prompt, attention_mask=mask))


@pytest.mark.parametrize("exported", [False, True])
def test_an_encoder_decoder_writes_what_it_generates(exported: bool) -> None:
    model = drawn_pair()
    ids, mask = tokens(2, 6), torch.ones(2, 6, dtype=torch.long)
    start: Any = DecodingStart(model)
    step: Any = DecodingStep(model, ROOM, input_ids=ids)
    cache = step.empty_cache(3)
    if exported:
        with torch.no_grad():
            context = start(ids, mask)
        text, rows = {0: OPEN, 1: OPEN}, {0: OPEN}
        given = tokens(2, 1), torch.tensor(1), step.empty_cache(2), context, mask
        contexts = tuple({0: OPEN, 2: OPEN} for _ in context)
        sizes = rows, {}, tuple(rows for _ in cache), contexts, text
        start, step = program(start, (ids, mask), (text, text)), program(step, given, sizes)
    ids, mask = tokens(3, 4), torch.ones(3, 4, dtype=torch.long)
    mask[1, 2:] = 0
    with torch.no_grad():
        context = start(ids, mask)
    first = torch.full((3, 1), model.config.decoder_start_token_id)
    found = decode_greedily(step, first, cache, NEW, context, mask)
    assert torch.equal(found, written(model, input_ids=ids, attention_mask=mask))


def test_it_ends_where_every_row_has_ended() -> None:
    model, prompt = drawn(), tokens(1, 4)
    step = DecodingStep(model, ROOM)
    first = int(written(model, input_ids=prompt)[0, 4])
    found = decode_greedily(step, prompt, step.empty_cache(), NEW, eos_token_id=first)
    assert found.tolist() == [[*prompt[0].tolist(), first]]


def test_what_cannot_be_decoded_is_refused() -> None:
    with pytest.raises(InputError, match="has no encoder to start with"):
        DecodingStart(drawn())
    with pytest.raises(InputError, match="give an example of what it reads"):
        DecodingStep(drawn_pair(), ROOM)
    with pytest.raises(InputError, match="TinyForTokenClassification does not generate"):
        DecodingStep(drawn(TinyForTokenClassification), ROOM)
