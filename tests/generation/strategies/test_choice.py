"""The loop of a call: a strategy by name, one that settings ask for, or the caller's own."""

from __future__ import annotations

import pytest
import torch

from automodel_core.errors import GenerationArgumentError, RemoteCodeRefusedError
from automodel_core.generation import GenerationConfig
from support.tiny_plugin import Site


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


PROMPT = torch.tensor([[3, 4, 5], [6, 7, 8]])


def test_a_strategy_that_is_not_installed_is_named(decoder):
    with pytest.raises(GenerationArgumentError, match=r"(?s)'other'.*beam.*greedy.*sample"):
        decoder.generate(PROMPT, max_new_tokens=4, strategy="other")


EXTENSION = """
from automodel_core import DecodingStrategy, hookimpl

@hookimpl
def automodel_decoding_strategies():
    function = "automodel_cautious:decode"
    return [
        DecodingStrategy(name="cautious", function=function, settings=("margin",), needs="greedy")
    ]

def decode(session, request):
    return request.config.margin
"""


@pytest.fixture
def cautious(tmp_path, monkeypatch):
    site = Site(tmp_path)
    site.metadata("automodel-cautious", "automodel.extensions", {"cautious": "automodel_cautious"})
    (tmp_path / "automodel_cautious.py").write_text(EXTENSION, "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    site.use(monkeypatch)


def test_a_strategy_has_settings_of_its_own(decoder, cautious):
    details = {"max_new_tokens": 4, "return_dict_in_generate": True}
    assert decoder.generate(PROMPT, strategy="cautious", margin=0.5, **details) == 0.5
    assert decoder.generate(PROMPT, strategy="cautious", **details) is None
    config = GenerationConfig(margin=0.25, max_new_tokens=4, return_dict_in_generate=True)
    assert decoder.generate(PROMPT, config, strategy="cautious") == 0.25
    with pytest.raises(GenerationArgumentError, match=r"'margin' .which strategy='cautious' takes"):
        decoder.generate(PROMPT, margin=0.5, **details)


def test_a_strategy_says_what_it_needs(decoder, cautious):
    told = "'cautious', which needs num_beams=1 and do_sample=False; num_beams=3 asks for 'beam'"
    with pytest.raises(GenerationArgumentError, match=told):
        decoder.generate(PROMPT, strategy="cautious", num_beams=3, max_new_tokens=4)
