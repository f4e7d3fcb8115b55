"""What ``generate`` refuses or warns of, always before the model runs.

The rules are in `session.checks`, `session.inputs` and `settings.checks`.
"""

from __future__ import annotations

import pytest
import torch

from automodel_core.errors import GenerationArgumentError
from automodel_core.layers.caches.base import Cache

PROMPT = torch.tensor([[3, 4, 5], [6, 7, 8]])

ONES = torch.ones_like(PROMPT)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_ids": PROMPT[:, :0]}, "is empty"),
        ({"input_ids": PROMPT[:0]}, "is empty"),
        ({"input_ids": PROMPT[0]}, "shape \\(batch, length\\)"),
        ({"input_ids": PROMPT.float()}, "must be token ids"),
        ({"input_ids": [[1, 2]]}, "must be token ids"),
        ({"input_ids": PROMPT + 20}, "token id 28; the model's are 0 to 22"),
        ({"input_ids": PROMPT - 4}, "token id -1"),
        ({"attention_mask": ONES[:, :2]}, "attention_mask must have shape \\(2, 3\\)"),
        ({"attention_mask": ONES[:1]}, "attention_mask must have shape"),
        ({"attention_mask": [1]}, "attention_mask must have shape"),
        ({"max_new_tokens": 0}, "max_new_tokens must be"),
        ({"max_length": -3}, "max_length must be"),
        ({"num_beams": 0}, "num_beams must be"),
        ({"num_return_sequences": 2}, "num_return_sequences=2 needs"),
        ({"num_beams": 2, "num_return_sequences": 3}, "more than num_beams=2"),
        ({"do_sample": True, "temperature": 0.0}, "temperature must be"),
        ({"do_sample": True, "temperature": float("nan")}, "temperature must be"),
        ({"max_new_token": 3}, "did you mean 'max_new_tokens'"),
        ({"atention_mask": ONES}, "did you mean 'attention_mask'"),
        ({"zzz": 3}, r"take no argument 'zzz'$"),
        ({"forced_bos_token_id": 99}, "forced_bos_token_id is 99"),
        ({"synced_gpus": True}, "initialised torch.distributed process group"),
        ({"custom_generate": 3}, "custom_generate must be a function, not 3"),
        ({"custom_generate": "transformers-community/dola", "num_beams": 2}, "needs num_beams=1"),
        ({"strategy": "dola"}, "needs dola_layers"),
        ({"strategy": "prompt_lookup"}, "needs prompt_lookup_num_tokens"),
        ({"strategy": "constrained_beam", "num_beams": 2}, "force_words_ids must be"),
        ({"strategy": "contrastive", "do_sample": True}, "num_beams=1 and do_sample=False"),
        ({"stop_strings": "x"}, "needs the tokenizer"),
        ({"token_healing": True}, "token_healing needs the tokenizer"),
        ({"cache_implementation": "endless"}, "'endless' is not available; dynamic, offloaded"),
        ({"cache_config": 3}, "cache_config must be a dict"),
        ({"cache_config": {"nbits": 4}}, "a dynamic cache has no 'nbits'; it has no settings"),
        (
            {"cache_implementation": "quantized", "cache_config": {"nbit": 4}},
            "a quantized cache has no 'nbit'; it has axis_key, .*nbits",
        ),
        (
            {"cache_implementation": "quantized", "cache_config": {"nbits": 3}},
            "nbits=3 is not available; 2, 4, 8 are",
        ),
        ({"cache_implementation": "sliding_window"}, "needs a sliding_window of at least 1"),
        ({"cache_implementation": "static", "max_cache_len": 4}, "max_cache_len=4 is less than"),
        (
            {"cache_implementation": "static", "past_key_values": Cache()},
            "past_key_values or cache_implementation, not both",
        ),
        (
            {"exponential_decay_length_penalty": (1, 1.1), "eos_token_id": None},
            "needs an eos_token_id",
        ),
        ({"negative_prompt_ids": PROMPT}, "needs a guidance_scale"),
        ({"bad_words_ids": [[3, 23]]}, "holds token 23; there are 23"),
        ({"sequence_bias": {(40,): 1.0}}, "holds token 40"),
        ({"sequence_bias": [[[40], 1.0]]}, "holds token 40"),
        ({"sequence_bias": {(): 1.0}}, "expected a sequence of token ids"),
        ({"sequence_bias": {(1,): "a"}}, "expected a number as bias"),
        ({"guidance_scale": 2.0, "num_beams": 2}, "num_beams=1"),
    ],
)
def test_refused(model, arguments, message):
    arguments = {"max_new_tokens": 4, "input_ids": PROMPT, **arguments}
    with pytest.raises(GenerationArgumentError, match=message):
        model.generate(**arguments)
    assert model.counting.decoder_lengths == []
    assert model.counting.encoder_calls == 0


def test_the_prompt_and_the_lengths_must_fit(decoder, encoder_decoder):
    with pytest.raises(GenerationArgumentError, match="max_length=3 counts it too"):
        decoder.generate(PROMPT, max_length=3)
    long = torch.full((1, 49), 3)
    for model in (decoder, encoder_decoder):
        with pytest.raises(GenerationArgumentError, match=r"49 tokens, and .* positions for 48"):
            model.generate(long, max_new_tokens=2)
    with pytest.warns(UserWarning, match="up to 53 tokens") as caught:
        decoder.generate(PROMPT, max_new_tokens=50, max_time=1e-9)
    assert caught[0].filename == __file__  # not torch's, whose decorator wraps generate
    with pytest.warns(UserWarning, match="minimum length of 9"):
        decoder.generate(PROMPT, max_new_tokens=2, min_new_tokens=6)
    with pytest.warns(UserWarning, match="at most 20"):
        assert decoder.generate(torch.full((1, 40), 3), eos_token_id=None).shape == (1, 48)


def test_the_prompt_is_given_once(model):
    with pytest.raises(GenerationArgumentError, match="not as both"):
        model.generate(PROMPT, input_ids=PROMPT, max_new_tokens=2)


def test_encoder_and_decoder_must_fit(encoder_decoder):
    generate = encoder_decoder.generate
    embeds = torch.zeros(2, 3, 8)
    wrong = [
        ({"input_ids": PROMPT, "inputs_embeds": embeds}, "not both"),
        ({"input_ids": PROMPT, "decoder_input_ids": PROMPT[:1]}, "has 1 rows"),
        ({"input_ids": PROMPT, "decoder_input_ids": PROMPT + 30}, "decoder_input_ids holds"),
        ({"input_ids": PROMPT, "decoder_start_token_id": [1, 2, 3]}, "names 3 tokens"),
        ({"input_ids": PROMPT, "decoder_start_token_id": 23}, "decoder_start_token_id is 23"),
        ({"encoder_outputs": (3,)}, "encoder_outputs must hold"),
        (
            {
                "input_ids": PROMPT,
                "decoder_input_ids": PROMPT,
                "decoder_attention_mask": ONES[:, :1],
            },
            "decoder_attention_mask must have shape",
        ),
    ]
    for arguments, message in wrong:
        with pytest.raises(GenerationArgumentError, match=message):
            generate(**arguments, max_new_tokens=2)
    encoder_decoder.generation_config.decoder_start_token_id = None
    with pytest.raises(GenerationArgumentError, match="decoder_start_token_id or bos_token_id"):
        generate(PROMPT, max_new_tokens=2)
    assert encoder_decoder.counting.encoder_calls == 0


def test_what_is_only_suspicious_is_warned_of(decoder):
    padded = torch.tensor([[3, 4, 0], [3, 4, 5]])
    with pytest.warns(UserWarning, match="padded on the right"):
        decoder.generate(padded, max_new_tokens=1)
    decoder.generation_config.pad_token_id = None
    with pytest.warns(UserWarning, match="padding cannot be told from text"):
        decoder.generate(padded, max_new_tokens=1)
    decoder.generation_config.cache_implementation = "endless"
    with pytest.warns(UserWarning, match="'endless' is not available; .*'dynamic' is used"):
        decoder.generate(PROMPT[:1], max_new_tokens=1)


def test_ids_of_the_encoder_that_are_not_there(encoder_decoder):
    embeds = torch.zeros(2, 3, 8)
    for setting in ({"encoder_repetition_penalty": 1.5}, {"encoder_no_repeat_ngram_size": 2}):
        with pytest.warns(UserWarning, match="is ignored: there are no input_ids"):
            encoder_decoder.generate(inputs_embeds=embeds, max_new_tokens=1, **setting)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"negative_prompt_ids": PROMPT + 20}, "negative_prompt_ids holds token id 28"),
        ({"negative_prompt_ids": PROMPT[0]}, "negative_prompt_ids must be token ids of shape"),
        ({"negative_prompt_ids": PROMPT[[0, 0, 0]]}, "has 3 rows for a batch of 2"),
        (
            {"negative_prompt_ids": PROMPT, "negative_prompt_attention_mask": ONES[:, :2]},
            "negative_prompt_attention_mask must have shape",
        ),
        ({"num_beams": 2}, "num_beams=1"),
    ],
)
def test_negative_prompts_must_fit(decoder, arguments, message):
    with pytest.raises(GenerationArgumentError, match=message):
        decoder.generate(PROMPT, guidance_scale=2.0, max_new_tokens=3, **arguments)
    assert decoder.counting.decoder_lengths == []
