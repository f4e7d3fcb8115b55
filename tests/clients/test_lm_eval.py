"""lm-evaluation-harness: likelihoods and texts of our model in its ``HFLM`` are transformers'."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from automodel_core import AutoModelForCausalLM, AutoTokenizer
from automodel_core.integrations import to_transformers

transformers = pytest.importorskip("transformers")
pytest.importorskip("lm_eval")

from lm_eval.api.instance import Instance  # noqa: E402
from lm_eval.models.huggingface import HFLM  # noqa: E402

from support.reference import randomise  # noqa: E402

DEMO = Path(__file__).parents[2] / "docs" / "demo" / "checkpoint"


def requests(kind: str, *arguments: tuple[Any, ...]) -> list[Any]:
    return [Instance(kind, {}, each, index) for index, each in enumerate(arguments)]


def test_likelihoods_and_texts_are_those_of_transformers(tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(DEMO)
    config = transformers.GPT2Config(
        vocab_size=len(tokenizer), n_embd=32, n_layer=2, n_head=2, n_positions=64,
        bos_token_id=tokenizer.eos_token_id, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    theirs = transformers.GPT2LMHeadModel(config)
    randomise(theirs)
    theirs.save_pretrained(tmp_path)
    ours = AutoModelForCausalLM.from_pretrained(tmp_path)
    likelihoods, rolling, texts = [], [], []
    for model in (ours, theirs.eval()):
        harness = HFLM(
            pretrained=model, tokenizer=to_transformers(tokenizer), batch_size=2, device="cpu"
        )
        asked = requests("loglikelihood", ("forty", "-two"), ("six hundred and", " twelve"))
        likelihoods.append(harness.loglikelihood(asked))
        rolling.append(harness.loglikelihood_rolling(requests("", ("six hundred and twelve",))))
        settings = {"until": ["Z"], "max_gen_toks": 9}
        asked = requests("generate_until", ("forty", settings), ("six hundred and", settings))
        texts.append(harness.generate_until(asked))
    assert all(texts[0])
    assert texts[0] == texts[1]
    for mine, other in zip(*likelihoods, strict=True):
        assert mine[0] == pytest.approx(other[0], rel=1e-5)
        assert mine[1] is other[1]
    assert rolling[0] == pytest.approx(rolling[1], rel=1e-5)
