"""ProphetNet's tokenizer against transformers, which has it in Python only."""

from __future__ import annotations

import unicodedata

import pytest

transformers = pytest.importorskip("transformers")

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers  # noqa: E402

from automodel_prophetnet.tokenization import ProphetNetTokenizer  # noqa: E402
from support.nasty_text import NASTY  # noqa: E402

V5 = transformers.__version__.startswith("5.")
# Python drops what Unicode has not assigned; the library's tables of Unicode are another version.
NASTY = [text for text in NASTY if "\uffff" not in text]
TEXTS = [text for text in NASTY if len(text) < 200]
SPECIAL = ["[PAD]", "[X_SEP]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
SETTINGS = [
    {},
    {"do_lower_case": False},
    {"do_lower_case": False, "strip_accents": True},
    {"strip_accents": False},
    {"tokenize_chinese_chars": False},
    {"do_basic_tokenize": False},
    {"do_basic_tokenize": False, "do_lower_case": False},
]


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Learn a vocabulary from the nasty texts themselves."""
    words = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    words.normalizer = normalizers.BertNormalizer(lowercase=False)
    words.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=500, special_tokens=SPECIAL, show_progress=False)
    words.train_from_iterator([text.replace("\0", "") for text in NASTY] * 3, trainer)
    path = tmp_path_factory.mktemp("prophetnet")
    ids = words.get_vocab()
    lines = "".join(f"{token}\n" for token in sorted(ids, key=ids.get))
    (path / "prophetnet.tokenizer").write_text(lines, encoding="utf-8")
    return path


@pytest.fixture(scope="session", params=SETTINGS, ids=str)
def pair(request, folder):
    """Return our tokenizer and theirs for the same file."""
    ours = ProphetNetTokenizer.from_pretrained(folder, **request.param)
    return ours, transformers.ProphetNetTokenizer.from_pretrained(folder, **request.param)


def everything(tokenizer, *texts, **options):
    # Version 4 knows types of special tokens only.
    types = options.get("add_special_tokens", True)
    shown = {"return_special_tokens_mask": True, "return_token_type_ids": types}
    return {k: list(v) for k, v in tokenizer(*texts, **shown, **options).items()}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"padding": True},
        {"padding": "max_length", "max_length": 20, "truncation": True},
        {"padding": True, "pad_to_multiple_of": 8, "padding_side": "left"},
        {"padding": "longest", "add_special_tokens": False},
        {"truncation": "longest_first", "max_length": 3},
    ],
    ids=str,
)
def test_batches_are_equal(pair, options):
    ours, theirs = pair
    assert everything(ours, TEXTS, **options) == everything(theirs, TEXTS, **options)


def test_single_texts_and_tokens_are_equal(pair):
    ours, theirs = pair
    for text in NASTY:
        assert ours.tokenize(text) == theirs.tokenize(text)
        assert everything(ours, text) == everything(theirs, text)
        assert everything(ours, text, "a second. [SEP] text") == everything(
            theirs, text, "a second. [SEP] text"
        )
        words = [word for word in text.split() if theirs.tokenize(word)]
        if words:
            split = {"is_split_into_words": True}
            assert everything(ours, words, **split) == everything(theirs, words, **split)


@pytest.mark.parametrize("strategy", ["longest_first", "only_first", "only_second"])
@pytest.mark.parametrize("side", ["right", "left"])
def test_pairs_are_equal(pair, strategy, side):
    ours, theirs = pair
    options = {"truncation": strategy, "max_length": 150, "padding": True}
    ours.truncation_side = theirs.truncation_side = side
    try:
        found = everything(ours, TEXTS, TEXTS[::-1], **options)
        assert found == everything(theirs, TEXTS, TEXTS[::-1], **options)
    finally:
        ours.truncation_side = theirs.truncation_side = "right"


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("clean", [None, False, True])
def test_decoded_text_is_equal(pair, skip, clean):
    ours, theirs = pair
    options = {"skip_special_tokens": skip}
    if clean is not None:
        options["clean_up_tokenization_spaces"] = clean
    rows = theirs(NASTY)["input_ids"]
    assert ours.batch_decode(rows, **options) == theirs.batch_decode(rows, **options)
    for row in rows:
        tokens = theirs.convert_ids_to_tokens(row, skip_special_tokens=skip)
        assert ours.convert_ids_to_tokens(row, skip_special_tokens=skip) == tokens
        assert ours.convert_tokens_to_ids(tokens) == theirs.convert_tokens_to_ids(tokens)
        assert ours.convert_tokens_to_string(tokens) == theirs.convert_tokens_to_string(tokens)


def test_the_separator_of_sentences(folder):
    """Version 4 has forgotten that it is one token; both write it when asked to decode it."""
    ours = ProphetNetTokenizer.from_pretrained(folder)
    theirs = transformers.ProphetNetTokenizer.from_pretrained(folder)
    text = "one. [X_SEP] two. [X_SEP]"
    ids = ours(text)["input_ids"]
    assert ids.count(ours.x_sep_token_id) == 2
    assert ours.decode(ids) == theirs.decode(ids)
    if V5:
        assert ids == theirs(text)["input_ids"]
        assert ours.x_sep_token == theirs.x_sep_token
        assert sorted(ours.all_special_tokens) == sorted(theirs.all_special_tokens)
        skipped = {"skip_special_tokens": True}
        assert ours.decode(ids, **skipped) == theirs.decode(ids, **skipped)


def test_places_in_the_text_are_those_of_the_fast_tokenizer_of_the_same_words(folder, tmp_path):
    lines = (folder / "prophetnet.tokenizer").read_text(encoding="utf-8")
    (tmp_path / "vocab.txt").write_text(lines, encoding="utf-8")
    kind = transformers.BertTokenizer if V5 else transformers.BertTokenizerFast
    fast = kind.from_pretrained(tmp_path)
    ours = ProphetNetTokenizer.from_pretrained(folder)
    options = {"return_offsets_mapping": True, "add_special_tokens": False}
    compared = 0
    # A character and its marks, joined into one, stand where the first of them did.
    for text in (text for text in NASTY if unicodedata.is_normalized("NFC", text)):
        found, expected = ours(text, **options), fast(text, **options)
        if found["input_ids"] == expected["input_ids"]:
            assert found["offset_mapping"] == expected["offset_mapping"]
            assert found.word_ids() == expected.word_ids()
            compared += 1
    assert compared > 50


@pytest.mark.parametrize("loader", ["class", "auto"])
def test_our_files_load_there(folder, tmp_path, loader):
    ours = ProphetNetTokenizer.from_pretrained(folder, do_lower_case=False)
    ours.add_tokens(["addedword"])
    ours.add_special_tokens({"additional_special_tokens": ["<S>"]})
    ours.model_max_length = 77
    ours.padding_side = "left"
    ours.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "prophetnet"}', encoding="utf-8")
    names = {"class": transformers.ProphetNetTokenizer, "auto": transformers.AutoTokenizer}
    again = names[loader].from_pretrained(tmp_path)
    texts = [*TEXTS, "an addedword <S> here", "one [X_SEP] two"]
    assert everything(again, texts, padding=True) == everything(ours, texts, padding=True)
    assert (again.model_max_length, again.padding_side) == (77, "left")


def test_their_files_load_here(folder, tmp_path):
    theirs = transformers.ProphetNetTokenizer.from_pretrained(folder, strip_accents=False)
    theirs.add_tokens(["addedword"])
    theirs.add_special_tokens({"additional_special_tokens": ["<S>"]})
    theirs.save_pretrained(tmp_path)
    again = ProphetNetTokenizer.from_pretrained(tmp_path)
    texts = [*TEXTS, "an addedword <S> here"]
    options = {"padding": True, "padding_side": "left"}
    assert everything(again, texts, **options) == everything(theirs, texts, **options)
    assert set(theirs.all_special_ids) <= set(again.all_special_ids)
