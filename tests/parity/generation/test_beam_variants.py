"""Diverse and constrained beam search, against loops around the reference's scorers.

Transformers has moved the loops into code on the hub, and 5 has dropped the scorers; those of 4.57
are here driven by loops that run the whole model again at every step.
"""

from __future__ import annotations

import functools
import tempfile
import warnings
from typing import Any

import pytest

transformers = pytest.importorskip("transformers")
if transformers.__version__.startswith("5."):
    pytest.skip("transformers 5 has no beam scorers", allow_module_level=True)

import torch  # noqa: E402
from hypothesis import given, strategies as st  # noqa: E402
from torch import Tensor  # noqa: E402
from transformers.generation.beam_constraints import (  # noqa: E402
    DisjunctiveConstraint,
    PhrasalConstraint,
)
from transformers.generation.beam_search import (  # noqa: E402
    BeamSearchScorer,
    ConstrainedBeamSearchScorer,
)
from transformers.generation.logits_process import (  # noqa: E402
    HammingDiversityLogitsProcessor,
    LogitsProcessorList,
    MinNewTokensLengthLogitsProcessor,
    NoBadWordsLogitsProcessor,
    NoRepeatNGramLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
)

import automodel_bert  # noqa: E402
import automodel_t5  # noqa: E402
from support.examples import examples  # noqa: E402

PAD, VOCABULARY = 0, 31


@functools.cache
def pair(kind: str, seed: int) -> tuple[Any, Any]:
    """Return a random model of the reference, and ours with its weights."""
    torch.manual_seed(seed)
    if kind == "pair":
        reference = transformers.T5ForConditionalGeneration(
            transformers.T5Config(
                vocab_size=VOCABULARY, d_model=16, d_kv=8, d_ff=24, num_layers=2, num_heads=2,
                decoder_start_token_id=PAD, pad_token_id=PAD, eos_token_id=1,
            )
        )  # fmt: skip
        ours = automodel_t5.T5ForConditionalGeneration
    else:
        reference = transformers.BertLMHeadModel(
            transformers.BertConfig(
                vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
                intermediate_size=24, max_position_embeddings=40, is_decoder=True,
                pad_token_id=PAD, eos_token_id=1,
            )
        )  # fmt: skip
        ours = automodel_bert.BertLMHeadModel
    with torch.no_grad():
        for name, parameter in reference.named_parameters():
            if "LayerNorm" not in name:
                parameter.normal_(0.0, 0.35)
    with tempfile.TemporaryDirectory() as folder:
        reference.eval().save_pretrained(folder)
        return reference, ours.from_pretrained(folder)


class Run:
    """One search of the reference: the beams' texts, and the model's scores of what comes next."""

    def __init__(self, model: Any, ids: Tensor, mask: Tensor, beams: int) -> None:
        self.model, self.beams = model, beams
        self.encoded = None
        self.mask = mask.repeat_interleave(beams, 0)
        self.ids = ids.repeat_interleave(beams, 0)
        if model.config.is_encoder_decoder:
            states = model.get_encoder()(input_ids=ids, attention_mask=mask)[0]
            self.encoded = (states.repeat_interleave(beams, 0),)
            self.ids = torch.full((len(ids) * beams, 1), PAD)
        self.prompt_length = self.ids.shape[1]

    @torch.no_grad()
    def next_scores(self) -> Tensor:
        if self.encoded is not None:
            logits = self.model(
                encoder_outputs=self.encoded,
                attention_mask=self.mask,
                decoder_input_ids=self.ids,
                use_cache=False,
            ).logits
        else:
            new = self.ids.shape[1] - self.mask.shape[1]
            mask = torch.cat([self.mask, self.mask.new_ones(len(self.ids), new)], 1)
            positions = (mask.cumsum(-1) - 1).masked_fill(mask == 0, 0)
            logits = self.model(
                self.ids, attention_mask=mask, position_ids=positions, use_cache=False
            ).logits
        return logits[:, -1].log_softmax(-1)


def processors(options: dict[str, Any], prompt_length: int, first: list[Any]) -> Any:
    ends = torch.tensor(options["eos_token_id"])
    made = {
        "repetition_penalty": RepetitionPenaltyLogitsProcessor,
        "no_repeat_ngram_size": NoRepeatNGramLogitsProcessor,
        "bad_words_ids": lambda value: NoBadWordsLogitsProcessor(value, ends),
        "min_new_tokens": lambda value: MinNewTokensLengthLogitsProcessor(
            prompt_length, value, ends
        ),
    }
    return LogitsProcessorList(first + [made[k](options[k]) for k in made if k in options])


def scorer_settings(run: Run, options: dict[str, Any]) -> dict[str, Any]:
    return {
        "batch_size": len(run.ids) // run.beams,
        "num_beams": run.beams,
        "device": torch.device("cpu"),
        "length_penalty": options["length_penalty"],
        "do_early_stopping": options["early_stopping"],
        "num_beam_hyps_to_keep": options["num_return_sequences"],
        "max_length": run.prompt_length + options["max_new_tokens"],
    }


def candidates(scores: Tensor, items: int, kept: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return scores, tokens and beams of the best continuations of each item."""
    vocabulary = scores.shape[1]
    best, choices = scores.view(items, -1).topk(kept)
    return best, choices % vocabulary, choices // vocabulary


def diverse(run: Run, options: dict[str, Any]) -> Any:
    beams, groups = run.beams, options["num_beam_groups"]
    size, items, ends = beams // groups, len(run.ids) // beams, options["eos_token_id"]
    scorer = BeamSearchScorer(**scorer_settings(run, options), num_beam_groups=groups)
    limit = run.prompt_length + options["max_new_tokens"]
    hamming = HammingDiversityLogitsProcessor(options["diversity_penalty"], beams, groups)
    process = processors(options, run.prompt_length, [hamming])
    totals = torch.full((items, beams), -1e9)
    totals[:, ::size] = 0.0
    totals = totals.flatten()
    while not scorer.is_done and run.ids.shape[1] < limit:
        scores, tokens = run.next_scores(), torch.zeros(len(run.ids), dtype=torch.long)
        longer = run.ids.clone()
        for group in range(groups):
            rows = torch.arange(items)[:, None] * beams + torch.arange(size) + group * size
            rows = rows.flatten()
            ids = run.ids[rows]
            likely = process(ids, scores[rows], current_tokens=tokens, beam_group_idx=group)
            found = candidates(likely + totals[rows, None], items, max(2, 1 + len(ends)) * size)
            chosen = scorer.process(
                ids, *found, pad_token_id=PAD, eos_token_id=ends, group_index=group,
                decoder_prompt_len=run.prompt_length,
            )  # fmt: skip
            totals[rows] = chosen["next_beam_scores"]
            tokens[rows] = chosen["next_beam_tokens"]
            longer[rows] = ids[chosen["next_beam_indices"]]
        run.ids = torch.cat([longer, tokens[:, None]], 1)
    return scorer.finalize(
        run.ids, totals, None, None, limit, PAD, ends, decoder_prompt_len=run.prompt_length
    )


def constrained(run: Run, options: dict[str, Any]) -> Any:
    items, ends = len(run.ids) // run.beams, options["eos_token_id"]
    constraints = [
        DisjunctiveConstraint(word) if isinstance(word[0], list) else PhrasalConstraint(word)
        for word in options["force_words_ids"]
    ]
    scorer = ConstrainedBeamSearchScorer(**scorer_settings(run, options), constraints=constraints)
    limit = run.prompt_length + options["max_new_tokens"]
    process = processors(options, run.prompt_length, [])
    totals = torch.full((items, run.beams), -1e9)
    totals[:, 0] = 0.0
    totals = totals.flatten()
    while not scorer.is_done and run.ids.shape[1] < limit:
        scores = process(run.ids, run.next_scores()) + totals[:, None]
        found = candidates(scores, items, max(2, 1 + len(ends)) * run.beams)
        chosen = scorer.process(
            run.ids, *found, scores, pad_token_id=PAD, eos_token_id=ends,
            decoder_prompt_len=run.prompt_length,
        )  # fmt: skip
        totals, rows = chosen["next_beam_scores"], chosen["next_beam_indices"]
        run.ids = torch.cat([run.ids[rows], chosen["next_beam_tokens"][:, None]], 1)
    return scorer.finalize(
        run.ids, totals, None, None, limit, PAD, ends, decoder_prompt_len=run.prompt_length
    )


@st.composite
def inputs(draw: Any, kind: str) -> tuple[Tensor, Tensor]:
    rows, length = draw(st.integers(1, 3)), draw(st.integers(1, 6))
    token = st.integers(2, VOCABULARY - 1)
    ids = torch.tensor(draw(st.lists(st.lists(token, min_size=length, max_size=length),
                                     min_size=rows, max_size=rows)))  # fmt: skip
    mask = torch.ones_like(ids)
    for row in range(rows):
        hidden = draw(st.integers(0, length - 1))
        columns = slice(length - hidden, None) if kind == "pair" else slice(0, hidden)
        ids[row, columns], mask[row, columns] = PAD, 0
    return ids, mask


def shown(ids: Tensor, mask: Tensor, options: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """Return inputs without padding, where 4.57 penalizes it as if it were text."""
    if "repetition_penalty" not in options:
        return ids, mask
    return ids.masked_fill(mask == 0, 3), torch.ones_like(mask)


@st.composite
def common_options(draw: Any, beams: int) -> dict[str, Any]:
    token = st.integers(2, VOCABULARY - 1)
    options: dict[str, Any] = {
        "max_new_tokens": draw(st.integers(1, 10)),
        "length_penalty": draw(st.sampled_from([1.0, 0.0, 0.7, 2.0, -1.0])),
        "early_stopping": draw(st.sampled_from([False, True, "never"])),
        "num_return_sequences": draw(st.integers(1, beams)),
        "eos_token_id": draw(st.sampled_from([[1], [1, 4], [2, 3, 5, 7, 11, 13]])),
    }
    rare = {
        "repetition_penalty": st.sampled_from([0.7, 1.4]),
        "no_repeat_ngram_size": st.integers(1, 3),
        "bad_words_ids": st.lists(st.lists(token, min_size=1, max_size=2), min_size=1, max_size=4),
        "min_new_tokens": st.integers(1, 5),
    }
    for name in draw(st.sets(st.sampled_from(sorted(rare)), max_size=2)):
        options[name] = draw(rare[name])
    return options


def ours(model: Any, ids: Tensor, mask: Tensor, options: dict[str, Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.generate(
            ids, attention_mask=mask, pad_token_id=PAD, return_dict_in_generate=True,
            output_scores=True, **options,
        )  # fmt: skip


def assert_same(found: Any, expected: Any, note: object) -> None:
    assert found.sequences.tolist() == expected["sequences"].tolist(), note
    torch.testing.assert_close(
        found.sequences_scores, expected["sequence_scores"], atol=1e-4, rtol=1e-4
    )


@pytest.mark.parametrize("kind", ["decoder", "pair"])
def test_diverse_beam_search(kind: str) -> None:
    @examples(15)
    @given(st.data())
    def compare(data: Any) -> None:
        ids, mask = data.draw(inputs(kind))
        groups, size = data.draw(st.integers(2, 3)), data.draw(st.integers(1, 3))
        options = data.draw(common_options(groups * size)) | {
            "num_beams": groups * size,
            "num_beam_groups": groups,
            "diversity_penalty": data.draw(st.sampled_from([0.2, 1.0, 5.0])),
        }
        ids, mask = shown(ids, mask, options)
        reference, model = pair(kind, data.draw(st.integers(0, 3)))
        expected = diverse(Run(reference, ids, mask, groups * size), options)
        assert_same(ours(model, ids, mask, options), expected, (ids, options))

    compare()


@pytest.mark.parametrize("kind", ["decoder", "pair"])
def test_constrained_beam_search(kind: str) -> None:
    word = st.lists(st.integers(2, VOCABULARY - 1), min_size=1, max_size=3)
    different = st.lists(word, min_size=2, max_size=3, unique_by=lambda tokens: tokens[0])

    @examples(15)
    @given(st.data())
    def compare(data: Any) -> None:
        ids, mask = data.draw(inputs(kind))
        beams = data.draw(st.integers(2, 5))
        options = data.draw(common_options(beams)) | {
            "num_beams": beams,
            "force_words_ids": data.draw(st.lists(word | different, min_size=1, max_size=3)),
        }
        ids, mask = shown(ids, mask, options)
        reference, model = pair(kind, data.draw(st.integers(0, 3)))
        expected = constrained(Run(reference, ids, mask, beams), options)
        assert_same(ours(model, ids, mask, options), expected, (ids, options))

    compare()
