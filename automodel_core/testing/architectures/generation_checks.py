"""Checks of decoding, for models that generate text."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from automodel_core.errors import GenerationArgumentError
from automodel_core.generation.session.early_exit import decoder_depth
from automodel_core.generation.settings.compile import CompileConfig
from automodel_core.testing.architecture import Inputs
from automodel_core.testing.architectures.properties.writing import (
    compiles,
    continues_padded_text,
    encodes_masked_inputs,
    generates,
    keeps_keys,
    lacks_something,
    takes_back_tokens,
)
from automodel_core.testing.case import BATCH, Subject
from automodel_core.testing.check import CheckFailedError, Rule, require, require_close

__all__ = ["GENERATION_CHECKS"]

NEW_TOKENS = 5
HIDDEN = 2
"""Positions of a text that a mask hides."""


def prompt(subject: Subject) -> tuple[Any, Inputs]:
    """Return a model that generates text, and its input."""
    model = subject.model()
    return model, subject.prompt(model.config)


def next_scores(model: Any, inputs: Inputs, written: Tensor, **cache: Any) -> Any:
    """Return the output for what was written so far; its last scores are of the next token."""
    with torch.no_grad():
        if model.config.is_encoder_decoder:
            return model(**inputs, decoder_input_ids=written, **cache)
        return model(input_ids=written, **cache)


def cached_decoding_equals_uncached(subject: Subject) -> None:
    """Fed token by token with a cache, the model gives the scores that it gives for the whole."""
    model, inputs = prompt(subject)
    written = subject.tokens(model.config)
    whole = next_scores(model, inputs, written, use_cache=False).logits
    cache = None
    for position in range(written.shape[1]):
        token = written[:, position : position + 1]
        output = next_scores(model, inputs, token, past_key_values=cache, use_cache=True)
        cache = output.past_key_values
        require(cache is not None, "use_cache=True returns no past_key_values")
        require_close(output.logits[:, -1], whole[:, position], f"scores at position {position}")


def states_score_as_forward_does(subject: Subject) -> None:
    """``score`` makes of the decoder's last hidden states the scores that ``forward`` returns.

    DoLa asks it what the states of earlier layers would have said.
    """
    model, inputs = prompt(subject)
    written = subject.tokens(model.config)
    output = next_scores(model, inputs, written, output_hidden_states=True)
    name = "decoder_hidden_states" if model.config.is_encoder_decoder else "hidden_states"
    with torch.no_grad():
        require_close(model.score_states(output[name][-1], None), output.logits, "scores of states")


def greedy(model: Any, inputs: Inputs, **more: Any) -> Tensor:
    """Return what ``generate`` writes, always ``NEW_TOKENS`` tokens."""
    written: Tensor = model.generate(
        **inputs,
        max_new_tokens=NEW_TOKENS,
        min_new_tokens=NEW_TOKENS,
        do_sample=False,
        eos_token_id=None,
        pad_token_id=0,
        **more,
    )
    return written


def greedy_takes_the_best_token(subject: Subject) -> None:
    """``generate`` writes the best next token each time, with and without a cache."""
    model, inputs = prompt(subject)
    if model.config.is_encoder_decoder:
        start = model.generation_config.decoder_start_token_id
        first = (model.config.pad_token_id or 0) if start is None else start
        written = torch.full((BATCH, 1), first)
        inputs["decoder_input_ids"] = written
    else:
        written = inputs["input_ids"]
    beside = {name: value for name, value in inputs.items() if name != "decoder_input_ids"}
    for _ in range(NEW_TOKENS):
        scores = next_scores(model, beside, written, use_cache=False).logits[:, -1]
        written = torch.cat([written, scores.argmax(-1, keepdim=True)], dim=1)
    for use_cache in (True, False):
        found = greedy(model, inputs, use_cache=use_cache)
        # Some return no start token; what is written is the same.
        expected = written[:, -max(found.shape[1], NEW_TOKENS) :]
        require(
            torch.equal(found, expected),
            f"use_cache={use_cache}: {found.tolist()} instead of {expected.tolist()}",
        )


def one_beam_is_greedy(subject: Subject) -> None:
    """Beam search returns as many texts as asked for; with one beam it is greedy search."""
    model, inputs = prompt(subject)
    found = greedy(model, inputs, num_beams=3, num_return_sequences=2)
    require(len(found) == 2 * BATCH, f"{len(found)} texts were returned")
    require(
        torch.equal(greedy(model, inputs, num_beams=1), greedy(model, inputs)),
        "one beam differs from greedy search",
    )


def left_padded_rows_write_what_they_write_alone(subject: Subject) -> None:
    """Padding before a text changes nothing that is written after it, whatever the search."""
    model, inputs = prompt(subject)
    tokens, mask = inputs["input_ids"], inputs["attention_mask"].clone()
    padding = model.config.pad_token_id or 0
    mask[0, :HIDDEN] = 0
    padded = {"input_ids": tokens.masked_fill(mask == 0, padding), "attention_mask": mask}
    rows = [tokens[:1, HIDDEN:], tokens[1:]]
    ways: list[dict[str, Any]] = [{}, {"num_beams": 3}, {"use_cache": False}]
    if keeps_keys(subject):
        ways.append({"cache_implementation": "static"})
    for way in ways:
        found = greedy(model, padded, **way)[:, tokens.shape[1] :]
        for index, row in enumerate(rows):
            given = {"input_ids": row, "attention_mask": torch.ones_like(row)}
            alone = greedy(model, given, **way)[0, row.shape[1] :]
            same = torch.equal(found[index], alone)
            require(same, f"{way or 'greedy'}: {found[index].tolist()} instead of {alone.tolist()}")
    scores = [prefix_scores(model, given) for given in (padded, {"input_ids": rows[0]})]
    require_close(scores[0][:1], scores[1], "scores after a padded prompt")


def prefix_scores(model: Any, inputs: Inputs) -> Tensor:
    """Return the scores of every token that greedy search writes, ``(batch, tokens, scores)``."""
    output: Any = greedy(model, inputs, return_dict_in_generate=True, output_logits=True)
    return torch.stack(output.logits, dim=1)


def masked_inputs_are_not_read(subject: Subject) -> None:
    """What the mask hides of an encoder's text or sound changes nothing that is written."""
    model, inputs = prompt(subject)
    name, mask = model.main_input_name, inputs["attention_mask"].clone()
    mask[0, mask.shape[1] // 2 :] = 0
    hidden = (model.config.pad_token_id or 0) if name == "input_ids" else 9.0
    other = inputs[name].masked_fill(mask == 0, hidden)
    both = [{name: given, "attention_mask": mask} for given in (inputs[name], other)]
    scores = [prefix_scores(model, given) for given in both]
    require_close(scores[1], scores[0], "scores after what is hidden")
    for way in ({}, {"num_beams": 3}):
        written = [greedy(model, given, **way) for given in both]
        require(torch.equal(*written), f"{way or 'greedy'}: what is hidden changes the text")


def sampling_repeats_with_a_seed(subject: Subject) -> None:
    """The same seed draws the same text."""
    model, inputs = prompt(subject)
    drawn = []
    for _ in range(2):
        torch.manual_seed(7)
        drawn.append(
            model.generate(**inputs, do_sample=True, max_new_tokens=NEW_TOKENS, pad_token_id=0)
        )
    require(torch.equal(*drawn), "the same seed draws different texts")


def drafts_change_nothing(subject: Subject) -> None:
    """Tokens that something else drafts and the model verifies are those that it writes alone."""
    model, inputs = prompt(subject)
    drafts: list[dict[str, Any]] = [
        {"prompt_lookup_num_tokens": 3},
        {"assistant_model": copy.deepcopy(model), "assistant_confidence_threshold": 0.0},
    ]
    if (decoder_depth(model) or 1) > 1:
        drafts.append({"assistant_early_exit": 1})
    written = greedy(model, inputs)
    for draft in drafts:
        found = greedy(model, inputs, **draft)
        require(
            torch.equal(found, written),
            f"{', '.join(draft)}: {found.tolist()} instead of {written.tolist()}",
        )


def any_cache_holds_the_same(subject: Subject) -> None:
    """However keys and values are kept, the texts are the same, those of beams too."""
    model, inputs = prompt(subject)
    for beams in (1, 2):
        written = greedy(model, inputs, num_beams=beams)
        for cache in ("static", "offloaded", "quantized"):
            found = greedy(model, inputs, num_beams=beams, cache_implementation=cache)
            require(torch.equal(found, written), f"a {cache} cache changes texts of {beams} beams")


def a_compiled_step_writes_the_same(subject: Subject) -> None:
    """Compiled as one graph, once for all lengths, the step writes the same, with beams too."""
    model, inputs = prompt(subject)
    one_graph = CompileConfig(backend="eager", fullgraph=True)
    with torch._dynamo.config.patch(error_on_recompile=True):
        for beams in (1, 2):
            written = greedy(model, inputs, num_beams=beams)
            for call in ("first", "second"):
                found = greedy(model, inputs, num_beams=beams, compile_config=one_graph)
                require(
                    torch.equal(found, written),
                    f"{call} call, {beams} beams: {found.tolist()} instead of {written.tolist()}",
                )


def every_strategy_decodes(subject: Subject) -> None:
    """Groups of beams, forced words and DoLa write texts."""
    model, inputs = prompt(subject)
    word = subject.tokens(model.config)[0, :1].tolist()
    forced = greedy(model, inputs, num_beams=4, force_words_ids=[word])
    require(bool((forced == word[0]).any(dim=1).all()), f"a forced word is not in {forced}")
    groups = greedy(model, inputs, num_beams=2, num_beam_groups=2, diversity_penalty=1e6)
    require(len(groups) == BATCH, f"{len(groups)} texts were returned")
    require(len(greedy(model, inputs, dola_layers="high")) == BATCH, "DoLa returns no text")


def contrastive_search_decodes(subject: Subject) -> None:
    """Contrastive search chooses the same one by one and side by side."""
    model, inputs = prompt(subject)
    contrastive = {"penalty_alpha": 0.5, "top_k": 3}
    require(
        torch.equal(
            greedy(model, inputs, **contrastive),
            greedy(model, inputs, **contrastive, low_memory=True),
        ),
        "contrastive search chooses differently one by one and side by side",
    )


def what_states_cannot_do_is_refused(subject: Subject) -> None:
    """Where a layer keeps no keys and values, settings that need them end before the model runs."""
    model, inputs = prompt(subject)
    settings: list[dict[str, Any]] = []
    if not takes_back_tokens(subject):
        settings += [{"prompt_lookup_num_tokens": 3}, {"penalty_alpha": 0.5, "top_k": 3}]
    if not keeps_keys(subject):
        settings += [{"cache_implementation": "static"}, {"cache_implementation": "quantized"}]

    def ran(*_: Any) -> None:
        raise CheckFailedError("the model runs before the setting is refused")

    model.get_decoder().register_forward_pre_hook(ran)
    for each in settings:
        try:
            greedy(model, inputs, **each)
        except GenerationArgumentError:
            continue
        require(False, f"{each} is not refused")


GENERATION_CHECKS = (
    Rule(cached_decoding_equals_uncached, generates),
    Rule(states_score_as_forward_does, generates),
    Rule(greedy_takes_the_best_token, generates),
    Rule(one_beam_is_greedy, generates),
    Rule(left_padded_rows_write_what_they_write_alone, continues_padded_text),
    Rule(masked_inputs_are_not_read, encodes_masked_inputs),
    Rule(sampling_repeats_with_a_seed, generates),
    Rule(drafts_change_nothing, takes_back_tokens),
    Rule(any_cache_holds_the_same, keeps_keys),
    Rule(a_compiled_step_writes_the_same, compiles),
    Rule(every_strategy_decodes, generates),
    Rule(contrastive_search_decodes, takes_back_tokens),
    Rule(what_states_cannot_do_is_refused, lacks_something),
)
