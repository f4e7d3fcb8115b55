"""What callers bring along: loops, defaults, tokenizers to heal by, processes that go along."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from automodel_core import generation as g
from automodel_core.errors import GenerationArgumentError, RemoteCodeRefusedError
from support.tiny_lm import drawn

# ---- a loop of the caller's ----


def test_a_loop_is_given_all_it_needs(model, prompt):
    model.generation_config.eos_token_id = None
    is_pair = model.config.is_encoder_decoder

    def loop(model, ids, logits_processor, stopping_criteria, generation_config, **arguments):
        greeting = arguments.pop("greeting")
        name = "decoder_input_ids" if is_pair else "input_ids"
        for key in ("use_cache", "past_key_values", "attention_mask"):
            arguments.pop(key, None)
        while not stopping_criteria(ids, None).all():
            logits = model(**{name: ids}, **arguments).logits[:, -1]
            new = logits_processor(ids, logits).argmax(-1, keepdim=True)
            ids = torch.cat([ids, new], dim=1)
        return greeting, ids

    def named(model, ids, *, greeting, **rest):
        return loop(
            model, ids, greeting=greeting, **{k: v for k, v in rest.items() if k != "streamer"}
        )

    greeting, ids = model.generate(
        prompt, custom_generate=named, greeting="hello", max_new_tokens=5, suppress_tokens=[22]
    )
    assert greeting == "hello"
    assert ids.tolist() == model.generate(prompt, max_new_tokens=5, suppress_tokens=[22]).tolist()


def test_a_loop_takes_what_it_names(decoder, prompt):
    def loop(model, input_ids, attention_mask, past_key_values):
        return attention_mask, past_key_values

    mask, cache = decoder.generate(prompt, custom_generate=loop, max_new_tokens=2)
    assert mask.tolist() == torch.ones_like(prompt).tolist()
    assert cache.get_seq_length() == 0
    with pytest.raises(GenerationArgumentError, match="'greeting'"):
        decoder.generate(prompt, custom_generate=loop, greeting=1, max_new_tokens=2)


def test_repositories_with_code_are_refused_unless_it_is_not_needed(decoder, prompt):
    name = "transformers-community/group-beam-search"
    options = {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 1.0, "max_new_tokens": 4}
    found = decoder.generate(prompt, custom_generate=name, trust_remote_code=True, **options)
    assert found.tolist() == decoder.generate(prompt, **options).tolist()
    with pytest.raises(RemoteCodeRefusedError, match="'somebody/loop' names a repository"):
        decoder.generate(prompt, custom_generate="somebody/loop", max_new_tokens=2)


# ---- defaults ----


def test_the_models_settings_may_be_left_out(decoder, prompt):
    decoder.generation_config.update(num_beams=3, eos_token_id=1)
    config = g.GenerationConfig(max_new_tokens=4)
    plain = decoder.generate(prompt, config, num_beams=1)
    assert decoder.generate(prompt, config, use_model_defaults=False).tolist() == plain.tolist()
    beams = decoder.generate(prompt, config, num_beams=3)
    for flag in (None, True):
        assert decoder.generate(prompt, config, use_model_defaults=flag).tolist() == beams.tolist()


# ---- numbers that are none ----


@pytest.mark.parametrize("settings", [{}, {"num_beams": 3}, {"do_sample": True}])
def test_logits_that_are_no_numbers_are_named(model, prompt, settings):
    with torch.no_grad():
        model.head.bias[4] = float("nan")
    with pytest.raises(GenerationArgumentError, match=r"logits of Tiny.* are NaN"):
        model.generate(prompt, max_new_tokens=5, **settings)
    found = model.generate(prompt, max_new_tokens=5, remove_invalid_values=True, **settings)
    assert found.shape[0] == 2


def test_no_token_left_to_draw(decoder, prompt):
    with pytest.raises(GenerationArgumentError, match="no token is allowed"):
        decoder.generate(prompt, do_sample=True, suppress_tokens=list(range(23)), max_new_tokens=2)


# ---- token healing ----


class Pieces:
    """A tokenizer of pieces; those that begin with the same letters stand for each other."""

    bos_token_id = 2

    def __init__(self) -> None:
        self.pieces = ["<pad>", "</s>", "<s>", "a", "ab", "abc", "b", "bc", "x"]
        self.pieces += [f"#{i}" for i in range(14)]

    def get_vocab(self):
        return {piece: index for index, piece in enumerate(self.pieces)}

    def convert_ids_to_tokens(self, ids):
        return [self.pieces[i] for i in ids]


def test_the_last_token_is_chosen_among_those_it_begins():
    model, tokenizer = drawn(seed=3, eos_token_id=None, pad_token_id=0), Pieces()
    ids = torch.tensor([[9, 10, 3], [0, 11, 6], [0, 0, 3], [12, 13, 8]])
    mask = (ids != 0).long()
    found = model.generate(
        ids, attention_mask=mask, token_healing=True, tokenizer=tokenizer, max_new_tokens=1
    )
    tails = []
    for before in ([9, 10], [11], [2]):
        logits = model(input_ids=torch.tensor([before])).logits[0, -1]
        tails.append(logits + 0)
    expected = []
    for logits, own, others in zip(tails, (3, 6, 3), ((4, 5), (7,), (4, 5)), strict=True):
        bias = torch.zeros(23)
        bias[list(others)], bias[own] = 10.0, 11.0
        expected.append(int((logits + bias).argmax()))
    assert found[:, 2].tolist() == [*expected, 8]
    assert found[:, :2].tolist() == ids[:, :2].tolist()
    healed = torch.cat([ids[:, :2], found[:, 2:3]], dim=1)
    assert found.tolist() == model.generate(healed, attention_mask=mask, max_new_tokens=1).tolist()


def test_a_prompt_of_one_token():
    model, tokenizer = drawn(seed=3, eos_token_id=None, pad_token_id=0), Pieces()
    options = {"token_healing": True, "tokenizer": tokenizer, "max_new_tokens": 1}
    assert int(model.generate(torch.tensor([[3]]), **options)[0, 0]) in (3, 4, 5)
    assert model.generate(torch.tensor([[8]]), **options)[0, 0] == 8
    tokenizer.bos_token_id = None
    assert model.generate(torch.tensor([[3]]), **options)[0, 0] == 3


def test_healing_is_for_decoders(encoder_decoder, prompt):
    with pytest.raises(GenerationArgumentError, match="token_healing works for the input_ids"):
        encoder_decoder.generate(prompt, token_healing=True, tokenizer=Pieces(), max_new_tokens=1)


# ---- processes that share a model ----

TOGETHER = """
import sys
import torch
import torch.distributed as dist

from support.tiny_lm import drawn
from support.tiny_pair import drawn_pair

rank, store = int(sys.argv[1]), sys.argv[2]
dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
for make in (drawn, drawn_pair):
    model, calls = make(seed=0, eos_token_id=None), []
    model.register_forward_pre_hook(lambda *_: calls.append(1))
    ids = torch.tensor([[3, 4, 5]])
    for synced in (True, False, None):
        for beams in (1, 2):
            calls.clear()
            model.generate(ids, max_new_tokens=3 + 4 * rank, num_beams=beams, synced_gpus=synced)
            print(len(calls), end=" ")
dist.destroy_process_group()
"""


def test_processes_run_as_many_forwards(tmp_path):
    tests = Path(__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": str(tests), "OMP_NUM_THREADS": "1"}
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", TOGETHER, str(rank), str(tmp_path / "store")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for rank in range(2)
    ]
    results = [run.communicate(timeout=120) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], results
    alone = ["3 3 3 3", "7 7 7 7"]
    assert [out.split() for out, _ in results] == [
        [*["7", "7"], *alone[rank].split()] * 2 for rank in range(2)
    ]
