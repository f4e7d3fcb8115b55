"""Tokenizers of many languages against transformers: ids, offsets, either side, files."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

transformers = pytest.importorskip("transformers")
pytest.importorskip("sentencepiece")

import automodel_m2m100  # noqa: E402
import automodel_mbart  # noqa: E402
from automodel_core import AutoTokenizer  # noqa: E402
from automodel_core.text.subwords.sentencepiece import SentencePieceModel  # noqa: E402
from automodel_m2m100.languages import LANGUAGES  # noqa: E402
from support.sentencepieces import TEXTS, is_plain, train  # noqa: E402

V5 = transformers.__version__.startswith("5.")
MODEL = "sentencepiece.bpe.model"


def pieces_alone(folder: Path) -> None:
    train(folder / MODEL)


def pieces_and_numbers(folder: Path) -> None:
    """Write pieces of which a vocabulary, in an order of its own, lacks some and knows others."""
    train(folder / MODEL, model_type="bpe")
    pieces = [piece.text for piece in SentencePieceModel.read(folder / MODEL).pieces[3:]]
    random.Random(1).shuffle(pieces)
    tokens = ["<s>", "<pad>", "</s>", "<unk>", *pieces[20:], "\u00df"]
    numbers = {token: index for index, token in enumerate(dict.fromkeys(tokens))}
    (folder / "vocab.json").write_text(json.dumps(numbers), encoding="utf-8")
    named = {"bos": "<s>", "eos": "</s>", "sep": "</s>", "unk": "<unk>", "pad": "<pad>"}
    special: dict[str, Any] = {f"{name}_token": token for name, token in named.items()}
    special["additional_special_tokens"] = [f"__{code}__" for code in LANGUAGES["m2m100"]]
    (folder / "special_tokens_map.json").write_text(json.dumps(special), encoding="utf-8")


def languages_added(folder: Path) -> None:
    """Write what the hub has: from the pieces alone, the references put the mask elsewhere."""
    train(folder / MODEL, model_type="bpe")
    automodel_m2m100.NllbTokenizer.from_pretrained(folder).save_pretrained(folder)


@dataclass(frozen=True)
class Kind:
    """A tokenizer: its class, its files, and five of its languages."""

    ours: Any
    write: Callable[[Path], None]
    languages: tuple[str, ...]
    slow_alone: bool = False


FIVE = ("de_DE", "ro_RO", "fr_XX", "cs_CZ", "hi_IN")
KINDS = {
    "MBartTokenizer": Kind(automodel_mbart.MBartTokenizer, pieces_alone, FIVE),
    "MBart50Tokenizer": Kind(automodel_mbart.MBart50Tokenizer, pieces_alone, FIVE),
    "M2M100Tokenizer": Kind(
        automodel_m2m100.M2M100Tokenizer,
        pieces_and_numbers,
        ("de", "ro", "fr", "cs", "hi"),
        slow_alone=True,
    ),
    "NllbTokenizer": Kind(
        automodel_m2m100.NllbTokenizer,
        languages_added,
        ("deu_Latn", "ron_Latn", "fra_Latn", "ces_Latn", "hin_Deva"),
    ),
}
# transformers 4 has one tokenizer over sentencepiece and one over tokenizers; 5 has one.
REFERENCES = [
    (name, name + ending)
    for name, kind in KINDS.items()
    for ending in ([""] if V5 or kind.slow_alone else ["", "Fast"])
]


@dataclass(frozen=True)
class Pair:
    """Our tokenizer, theirs, and what both can be asked."""

    ours: Any
    theirs: Any
    languages: tuple[str, ...]

    @property
    def both(self) -> tuple[Any, Any]:
        return self.ours, self.theirs

    @property
    def texts(self) -> list[str]:
        """Return what a reference can be asked.

        transformers 5 builds pipelines anew, whatever the files say: mBART's without a normaliser,
        others without cutting off spaces at the end. The models were trained with both.
        """
        special = f"</s> a{self.languages[0]} b<pad> c <pad>", "<s><pad>", "a </s>", " a  <unk> "
        texts = [*TEXTS, *special]
        if V5 and self.theirs.is_fast:
            texts = [t for t in texts if is_plain(self.ours, t) and " <" not in t]
        return texts


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    written = {}
    for name, kind in KINDS.items():
        written[name] = tmp_path_factory.mktemp(name)
        kind.write(written[name])
    return written


@pytest.fixture(params=REFERENCES, ids=lambda names: names[1])
def pair(request: pytest.FixtureRequest, folders: dict[str, Path]) -> Pair:
    name, reference = request.param
    theirs = getattr(transformers, reference)
    kind = KINDS[name]
    return Pair(
        kind.ours.from_pretrained(folders[name]),
        theirs.from_pretrained(folders[name]),
        kind.languages,
    )


def test_ids_are_equal(pair: Pair) -> None:
    ours, theirs = pair.both
    texts = pair.texts
    assert len(texts) > 25
    for text in texts:
        assert ours(text)["input_ids"] == theirs(text)["input_ids"], text
        for index, *tokens in zip(
            ours.encode(text, add_special_tokens=False),
            ours.tokenize(text),
            theirs.tokenize(text),
            strict=True,
        ):
            # The slow ones show what is unknown, the fast ones which space a mask swallowed.
            assert index == ours.unk_token_id or tokens[0].strip() == tokens[1].strip()
        words = text.split()
        if words:
            options = {"is_split_into_words": True}
            assert ours(words, **options)["input_ids"] == theirs(words, **options)["input_ids"]
    for options in (
        {"padding": True},
        {"padding": "max_length", "truncation": True, "max_length": 9},
        {"padding": True, "padding_side": "left", "pad_to_multiple_of": 8},
        {"add_special_tokens": False, "return_special_tokens_mask": True},
        {"truncation": True, "max_length": 7, "return_special_tokens_mask": True},
    ):
        assert dict(ours(texts, **options)) == dict(theirs(texts, **options)), options
        pairs = texts, texts[::-1]
        if options.get("truncation") is None:
            assert dict(ours(*pairs, **options)) == dict(theirs(*pairs, **options)), options


def test_offsets_are_equal(pair: Pair) -> None:
    ours, theirs = pair.both
    options = {"return_offsets_mapping": True, "return_special_tokens_mask": True}
    for text in pair.texts:
        if not is_plain(ours, text) or " <" in text or "> " in text:
            continue  # of several spaces another one is kept
        found = ours(text, **options)
        if theirs.is_fast and not (V5 and isinstance(ours, automodel_mbart.MBartTokenizer)):
            assert dict(found) == dict(theirs(text, **options)), text
            assert found.word_ids() == theirs(text).word_ids()
            continue
        # Others know no offsets, or none of spaces.
        for token, (start, end), special in zip(
            found.tokens(), found["offset_mapping"], found["special_tokens_mask"], strict=True
        ):
            cut = text[start:end].strip()
            assert special or token in ("\u2581", "<unk>") or cut == token.strip("\u2581"), text


def test_decoded_text_is_cleaned_up_alike(pair: Pair) -> None:
    ours, theirs = pair.both
    if not V5 and isinstance(ours, automodel_m2m100.NllbTokenizer):
        pytest.skip("version 4 cleans up what BPE has decoded, too")
    options = {"skip_special_tokens": True, "clean_up_tokenization_spaces": True}
    ids = theirs("is it ? yes , it is !")["input_ids"]
    assert ours.decode(ids, **options) == theirs.decode(ids, **options)


@pytest.mark.parametrize("skip", [True, False])
def test_decoded_text_is_equal(pair: Pair, skip: bool) -> None:
    ours, theirs = pair.both
    for text in pair.texts:
        ids = theirs(text)["input_ids"]
        found = ours.decode(ids, skip_special_tokens=skip)
        expected = theirs.decode(ids, skip_special_tokens=skip)
        if theirs.is_fast or (skip and isinstance(ours, automodel_m2m100.M2M100Tokenizer)):
            assert found == expected
        else:
            # The slow ones strip what is left, and each has its way with spaces beside <unk>.
            assert found.replace(" ", "") == expected.replace(" ", "")
        assert ours.convert_ids_to_tokens(ids) == theirs.convert_ids_to_tokens(ids)


def test_attributes_are_equal(pair: Pair) -> None:
    ours, theirs = pair.both
    names = [f"{n}_token" for n in ("pad", "unk", "cls", "sep", "mask", "bos", "eos")]
    names += [f"{name}_id" for name in names]
    names += ["vocab_size", "src_lang", "tgt_lang", "prefix_tokens", "suffix_tokens"]
    names += ["model_input_names", "padding_side", "model_max_length"]
    names += ["clean_up_tokenization_spaces"]
    names += [] if V5 else ["additional_special_tokens"]
    for name in names:
        assert getattr(ours, name) == getattr(theirs, name), name
    of_some = ["cur_lang_code_id", "cur_lang_code", "cur_lang_id", "lang_code_to_id"]
    of_some += ["lang_code_to_token", "lang_token_to_id", "id_to_lang_token", "id_to_lang_code"]
    for name in [*of_some, "legacy_behaviour", "num_madeup_words", "language_codes"]:
        if name in vars(theirs):
            assert getattr(ours, name) == getattr(theirs, name), name
    for name in ("all_special_tokens", "all_special_ids"):
        assert sorted(getattr(ours, name)) == sorted(getattr(theirs, name))
    assert len(ours) == len(theirs)
    assert ours.get_vocab() == theirs.get_vocab()
    assert ours.num_special_tokens_to_add() == theirs.num_special_tokens_to_add()
    if isinstance(ours, automodel_m2m100.M2M100Tokenizer):
        assert ours.get_lang_id("fr") == theirs.get_lang_id("fr")
        assert ours.get_lang_token("fr") == theirs.get_lang_token("fr")


def test_languages_of_either_side(pair: Pair) -> None:
    ours, theirs = pair.both
    for tokenizer in pair.both:
        tokenizer.src_lang, tokenizer.tgt_lang = pair.languages[:2]
    expected = dict(theirs("a b", text_target=["c", "d e"]))
    assert dict(ours("a b", text_target=["c", "d e"])) == expected
    assert dict(ours(text_target="c")) == dict(theirs(text_target="c"))
    settings = {"return_tensors": "pt", "src_lang": pair.languages[2], "tgt_lang": "xx"}
    with pytest.raises(ValueError, match="'xx' is not a language"):
        ours._build_translation_inputs("a", **settings)
    settings["tgt_lang"] = pair.languages[3]
    found, expected = (t._build_translation_inputs("a", **settings) for t in pair.both)
    assert found["forced_bos_token_id"] == expected["forced_bos_token_id"]
    assert found["input_ids"].tolist() == expected["input_ids"].tolist()
    ours.src_lang = settings["src_lang"]
    for name in ("set_src_lang_special_tokens", "set_tgt_lang_special_tokens"):
        for tokenizer in pair.both:
            getattr(tokenizer, name)(pair.languages[4])
        assert ours.prefix_tokens == theirs.prefix_tokens
        assert ours.suffix_tokens == theirs.suffix_tokens
        assert ours.encode("a") == theirs.encode("a")
    for name in ("_switch_to_target_mode", "_switch_to_input_mode"):
        for tokenizer in pair.both:
            getattr(tokenizer, name)()
        assert ours.encode("a") == theirs.encode("a")


@pytest.mark.skipif(V5, reason="gone in transformers 5")
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
def test_older_calls_are_equal(pair: Pair) -> None:
    ours, theirs = pair.both
    source, target = pair.languages[:2]
    for arguments in (
        {"src_texts": ["a b"], "tgt_texts": ["c"]},
        {"src_texts": ["a b c d"], "src_lang": source, "tgt_texts": ["c"], "tgt_lang": target},
        {"src_texts": ["a b", "c"], "max_length": 4, "padding": "max_length"},
    ):
        for tokenizer in pair.both:
            tokenizer.model_max_length = 64
            tokenizer.src_lang, tokenizer.tgt_lang = ours.default_languages[0], None
        found, expected = (dict(t.prepare_seq2seq_batch(**arguments)) for t in pair.both)
        assert found == expected
        assert (ours.src_lang, ours.tgt_lang) == (theirs.src_lang, theirs.tgt_lang)
    with ours.as_target_tokenizer(), theirs.as_target_tokenizer():
        assert dict(ours("a b")) == dict(theirs("a b"))
    ids = [40, 41]
    for extra in (None, [42]):
        name = "build_inputs_with_special_tokens"
        assert getattr(ours, name)(ids, extra) == getattr(theirs, name)(ids, extra)


def changed(tokenizer: Any, languages: tuple[str, ...]) -> Any:
    tokenizer.add_tokens(["addedword"])
    tokenizer.src_lang, tokenizer.tgt_lang = languages[:2]
    tokenizer.model_max_length = 77
    return tokenizer


# Before an added token, each reference treats a space in its own way.
MORE = "addedword<pad>addedword here"


@pytest.mark.parametrize("loader", ["class", "auto"])
def test_our_files_load_there(pair: Pair, loader: str, tmp_path: Path) -> None:
    ours, theirs = changed(pair.ours, pair.languages), pair.theirs
    ours.save_pretrained(tmp_path)
    cls = transformers.AutoTokenizer if loader == "auto" else type(theirs)
    again = cls.from_pretrained(tmp_path)
    for text in [*pair.texts, MORE]:
        assert dict(again(text, text_target=text)) == dict(ours(text, text_target=text)), text
    assert (again.src_lang, again.tgt_lang) == pair.languages[:2]
    assert again.model_max_length == 77
    assert again.get_vocab() == ours.get_vocab()
    assert sorted(again.all_special_ids) == sorted(ours.all_special_ids)


@pytest.mark.parametrize("loader", ["class", "auto"])
def test_their_files_load_here(pair: Pair, loader: str, tmp_path: Path) -> None:
    ours, theirs = pair.ours, changed(pair.theirs, pair.languages)
    theirs.save_pretrained(tmp_path)
    cls = AutoTokenizer if loader == "auto" else type(ours)
    again = cls.from_pretrained(tmp_path)
    assert type(again) is type(ours)
    for text in [*pair.texts, MORE]:
        assert dict(again(text, text_target=text)) == dict(theirs(text, text_target=text)), text
    assert (again.src_lang, again.tgt_lang) == pair.languages[:2]
    assert again.model_max_length == 77
    assert again.get_vocab() == theirs.get_vocab()
    assert sorted(again.all_special_ids) == sorted(theirs.all_special_ids)
