"""Tokenizers of transformers that are made from ours give the same ids and texts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

transformers = pytest.importorskip("transformers")
pytest.importorskip("sentencepiece")

import automodel_bart  # noqa: E402
import automodel_bert  # noqa: E402
import automodel_blenderbot  # noqa: E402
import automodel_distilbert  # noqa: E402
import automodel_gpt2  # noqa: E402
import automodel_m2m100  # noqa: E402
import automodel_marian  # noqa: E402
import automodel_mbart  # noqa: E402
import automodel_mpnet  # noqa: E402
import automodel_prophetnet  # noqa: E402
import automodel_roberta  # noqa: E402
import automodel_t5  # noqa: E402
from automodel_core import AutoTokenizer  # noqa: E402
from automodel_core.integrations import to_transformers  # noqa: E402
from automodel_core.text import SentencePieceModel  # noqa: E402
from support.nasty_text import NASTY  # noqa: E402
from support.sentencepieces import TEXTS, is_plain, train  # noqa: E402

DEMO = Path(__file__).parents[2] / "docs" / "demo" / "checkpoint"
LINES = [line for text in NASTY for line in text.splitlines() if line.strip()]
PIECES = "sentencepiece.bpe.model"


def vocabulary(folder: Path, model: str, first: list[str]) -> None:
    """Write the pieces of a model in a vocabulary of its own, behind these tokens."""
    pieces = [piece.text for piece in SentencePieceModel.read(folder / model).pieces[3:]]
    numbers = {token: index for index, token in enumerate(dict.fromkeys([*first, *pieces]))}
    (folder / "vocab.json").write_text(json.dumps(numbers), encoding="utf-8")


def m2m100(folder: Path) -> Any:
    train(folder / PIECES, model_type="bpe")
    vocabulary(folder, PIECES, ["<s>", "<pad>", "</s>", "<unk>"])
    return automodel_m2m100.M2M100Tokenizer.from_pretrained(folder)


def marian(folder: Path) -> Any:
    train(folder / "source.spm")
    train(folder / "target.spm")
    vocabulary(folder, "source.spm", ["</s>", "<unk>", "<pad>"])
    return automodel_marian.MarianTokenizer.from_pretrained(folder)


def blenderbot_small(folder: Path) -> Any:
    names = ["__null__", "__start__", "__end__", "__unk__", "t@@", "th@@", "the", "a", "dog", "fox"]
    numbers = {token: index for index, token in enumerate(names)}
    (folder / "vocab.json").write_text(json.dumps(numbers), encoding="utf-8")
    merges = ["#version: 0.2", "t h", "th e</w>", "d o", "do g</w>", "f o", "fo x</w>", ""]
    (folder / "merges.txt").write_text("\n".join(merges), encoding="utf-8")
    return automodel_blenderbot.BlenderbotSmallTokenizer.from_pretrained(folder)


def trained(kind: Any, **settings: Any) -> Callable[[Path], Any]:
    return lambda _: kind(**settings).train_new_from_iterator(LINES, 400)


def of_pieces(kind: Any, file: str = PIECES, **options: Any) -> Callable[[Path], Any]:
    def make(folder: Path) -> Any:
        train(folder / file, **options)
        return kind.from_pretrained(folder)

    return make


KINDS: dict[str, Callable[[Path], Any]] = {
    "bert": trained(automodel_bert.BertTokenizer),
    "cased bert": trained(automodel_bert.BertTokenizer, do_lower_case=False),
    "gpt2": trained(automodel_gpt2.GPT2Tokenizer),
    "gpt2 with a space": trained(automodel_gpt2.GPT2Tokenizer, add_prefix_space=True),
    "bart": trained(automodel_bart.BartTokenizer),
    "distilbert": trained(automodel_distilbert.DistilBertTokenizer),
    "mpnet": trained(automodel_mpnet.MPNetTokenizer),
    "roberta": trained(automodel_roberta.RobertaTokenizer),
    "prophetnet": trained(automodel_prophetnet.ProphetNetTokenizer),
    "blenderbot": trained(automodel_blenderbot.BlenderbotTokenizer),
    "t5": of_pieces(automodel_t5.T5Tokenizer, "spiece.model"),
    "t5 of bpe": of_pieces(automodel_t5.T5Tokenizer, "spiece.model", model_type="bpe"),
    "xlm-roberta": of_pieces(automodel_roberta.XLMRobertaTokenizer),
    "camembert": of_pieces(automodel_roberta.CamembertTokenizer),
    "mbart": of_pieces(automodel_mbart.MBartTokenizer),
    "mbart-50": of_pieces(automodel_mbart.MBart50Tokenizer),
    "nllb": of_pieces(automodel_m2m100.NllbTokenizer, model_type="bpe"),
    "m2m100": m2m100,
    "marian": marian,
    "blenderbot-small": blenderbot_small,
}
WITHOUT_RUST = ("m2m100", "marian", "blenderbot-small")
"""Kinds that transformers has in Python alone."""
SETTINGS = (
    "all_special_tokens", "bos_token_id", "cls_token_id", "eos_token_id", "mask_token_id",
    "model_max_length", "pad_token_id", "padding_side", "sep_token_id", "unk_token_id",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_tokenizer_of_theirs_encodes_and_decodes_as_ours(kind: str, tmp_path: Path) -> None:
    ours = KINDS[kind](tmp_path)
    theirs = ours.to_transformers()
    assert isinstance(theirs, transformers.PreTrainedTokenizerBase)
    if kind not in WITHOUT_RUST:
        assert isinstance(theirs, transformers.PreTrainedTokenizerFast)
    # Their classes for files treat spaces alone, and before special tokens, in another way.
    texts = TEXTS if ours.encodes_by_backend else [t for t in TEXTS if is_same(kind, ours, t)]
    assert len(texts) > 20
    for text in texts:
        ids = ours(text).input_ids
        assert theirs(text).input_ids == ids, text
        assert theirs(text, "a b").input_ids == ours(text, "a b").input_ids, text
        plain = {"skip_special_tokens": True}
        assert theirs.decode(ids, **plain) == ours.decode(ids, **plain), text
    for text in texts[:3] if kind == "marian" else ():
        assert theirs(text_target=text).input_ids == ours(text_target=text).input_ids, text
    assert set(theirs("a b")) == set(ours("a b"))
    assert len(theirs) == len(ours)
    for name in SETTINGS:
        if name != "all_special_tokens" or kind not in WITHOUT_RUST:
            assert getattr(theirs, name) == getattr(ours, name), name


def is_same(kind: str, ours: Any, text: str) -> bool:
    spaced = text.strip() and "</s>" not in text
    return kind == "blenderbot-small" or (bool(spaced) and is_plain(ours, text))


def test_more_than_files_is_copied() -> None:
    ours = AutoTokenizer.from_pretrained(DEMO)
    ours.add_tokens(["zillion"])
    ours.add_special_tokens({"additional_special_tokens": ["<extra>"]})
    ours.chat_template = "{% for m in messages %}{{ m.content }}{% endfor %}"
    ours.padding_side, ours.model_max_length = "left", 77
    theirs = to_transformers(ours)
    texts = ["a zillion<extra>", "forty-two", ""]
    assert theirs(texts, padding=True).data == ours(texts, padding=True).data
    assert theirs.all_special_tokens == ours.all_special_tokens
    assert (theirs.padding_side, theirs.model_max_length) == ("left", 77)
    talk = [{"role": "user", "content": "nine"}]
    assert theirs.apply_chat_template(talk, tokenize=False) == "nine"
    theirs.add_tokens(["jillion"])
    assert len(theirs) == len(ours) + 1
