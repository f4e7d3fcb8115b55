"""Translations between languages that a call names begin with the token of the target's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

pytest.importorskip("sentencepiece")

import automodel_core
import automodel_m2m100
from automodel_core.errors import InputError
from parity.tasks.comparing import SUPPORTED, assert_same
from support.sentencepieces import TEXTS, train

FRENCH, GERMAN = "fra_Latn", "deu_Latn"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nllb")
    train(folder / "sentencepiece.bpe.model", model_type="bpe")
    tokenizer = automodel_m2m100.NllbTokenizer.from_pretrained(folder)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.M2M100Config(
        vocab_size=len(tokenizer),
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
    )
    model = transformers.M2M100ForConditionalGeneration(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(6)
    model.save_pretrained(folder)
    return folder


def translated(side: Any, task: str, folder: Path, **options: Any) -> Any:
    answer = side.pipeline(task, model=str(folder), device=-1)
    return answer(TEXTS[:3], max_new_tokens=5, return_tensors=True, **options)


@pytest.mark.skipif("translation" not in SUPPORTED, reason="this reference has no translation")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("task", "options"),
    [
        ("translation", {"src_lang": GERMAN, "tgt_lang": FRENCH}),
        ("translation", {"src_lang": FRENCH, "tgt_lang": GERMAN, "num_beams": 1}),
    ],
)
def test_results_are_the_reference_s(checkpoint: Path, task: str, options: Any) -> None:
    found = translated(automodel_core, task, checkpoint, **options)
    assert_same(found, translated(transformers, task, checkpoint, **options))


def test_languages_are_named_by_task_or_call(checkpoint: Path) -> None:
    answer = automodel_core.pipeline("translation", model=checkpoint, device=-1)
    french = answer.tokenizer.lang_code_to_id[FRENCH]
    options = {"max_new_tokens": 2, "return_tensors": True}
    (found,) = answer("a", src_lang=GERMAN, tgt_lang=FRENCH, **options)
    assert found["translation_token_ids"][1] == french
    with pytest.raises(InputError, match=r"no language of the tokenizer \(did you mean 'fra_Latn'"):
        answer("a", src_lang=GERMAN, tgt_lang="fra_Latin")
    with pytest.raises(InputError, match="give tgt_lang="):
        answer("a", src_lang=GERMAN)
