"""Byte-level BPE from its two files, from values and from tokenizer.json."""

from __future__ import annotations

import json
from typing import ClassVar

import pytest
from tokenizers import AddedToken, ByteLevelBPETokenizer, pre_tokenizers

from automodel_core.errors import CheckpointNotFoundError, MissingExtraError, TokenizationError
from automodel_core.text.subwords.byte_level import ByteLevelTokenizer


class Small(ByteLevelTokenizer):
    default_tokens: ClassVar = {
        "bos_token": "<s>",
        "eos_token": "</s>",
        "mask_token": AddedToken("<mask>", lstrip=True, normalized=False, special=True),
    }

    @property
    def saved_class_name(self) -> str:
        return "Small"


@pytest.fixture(scope="session")
def files(nasty, tmp_path_factory):
    """Return a folder with ``vocab.json`` and ``merges.txt``, made by the library's own trainer."""
    folder = tmp_path_factory.mktemp("byte_level")
    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(nasty, 400, special_tokens=["<s>", "</s>"], show_progress=False)
    trained.save_model(str(folder))
    return folder


def test_files_and_values_cut_as_the_library_does(files, nasty):
    library = ByteLevelBPETokenizer(str(files / "vocab.json"), str(files / "merges.txt"))
    library.add_special_tokens(["<s>", "</s>", "<mask>"])
    vocab = json.loads((files / "vocab.json").read_text(encoding="utf-8"))
    lines = (files / "merges.txt").read_text(encoding="utf-8").splitlines()[1:]
    pairs = [tuple(line.split(" ")) for line in lines]
    for tokenizer in (
        Small.from_pretrained(files),
        Small(files / "vocab.json", files / "merges.txt"),
        Small(vocab, lines),
        Small(vocab, pairs),
    ):
        for text in nasty:
            ours = tokenizer(text, return_offsets_mapping=True)
            expected = library.encode(text)
            assert ours["input_ids"] == expected.ids
            assert ours["offset_mapping"] == expected.offsets
            if not {"<s>", "</s>", "<mask>"} & set(expected.tokens):
                assert tokenizer.decode(ours["input_ids"]) == text
        assert tokenizer.vocab_size == len(vocab)
        assert len(tokenizer) == len(vocab) + 1


def test_a_prefix_space_is_put_before_texts_and_words(files, caplog):
    plain = Small.from_pretrained(files)
    spaced = Small.from_pretrained(files, add_prefix_space=True)
    assert spaced("Hello").input_ids == plain(" Hello").input_ids != plain("Hello").input_ids
    words = spaced(["Hello", "world"], is_split_into_words=True)
    assert words.input_ids == plain(" Hello world").input_ids
    assert not caplog.records
    plain(["Hello", "world"], is_split_into_words=True)
    assert "add_prefix_space=True" in caplog.text
    plain.add_prefix_space = True
    assert plain.add_prefix_space
    assert plain("Hello") == spaced("Hello")


def test_the_settings_decide_about_the_space_in_tokenizer_json(files, tmp_path):
    spaced = Small.from_pretrained(files, add_prefix_space=True)
    spaced.save_pretrained(tmp_path)
    assert Small.from_pretrained(tmp_path)("Hello") == spaced("Hello")
    plain = Small.from_pretrained(tmp_path, add_prefix_space=False)
    assert plain("Hello") == Small.from_pretrained(files)("Hello")
    alone = Small(tokenizer_file=tmp_path / "tokenizer.json")
    assert not alone.add_prefix_space
    assert alone("Hello") == plain("Hello")


def test_another_pre_tokenizer_in_tokenizer_json_is_kept(files):
    tokenizer = Small.from_pretrained(files)
    own = pre_tokenizers.Sequence([pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel(False)])
    rust = tokenizer.backend_tokenizer
    rust.pre_tokenizer = own
    kept = Small(tokenizer_object=rust, add_prefix_space=True)
    assert isinstance(kept.backend_tokenizer.pre_tokenizer, pre_tokenizers.Sequence)


def test_both_files_are_saved_and_read_back(files, tmp_path, nasty):
    tokenizer = Small.from_pretrained(files)
    tokenizer.add_tokens(["addedword"])
    written = {path.rpartition("/")[2] for path in tokenizer.save_pretrained(tmp_path)}
    assert written == {
        *("merges.txt", "special_tokens_map.json", "tokenizer.json"),
        *("tokenizer_config.json", "vocab.json"),
    }
    vocab = json.loads((tmp_path / "vocab.json").read_text(encoding="utf-8"))
    assert vocab == json.loads((files / "vocab.json").read_text(encoding="utf-8"))
    texts = [*nasty, "an addedword <mask>"]
    expected = tokenizer(texts)
    assert Small.from_pretrained(tmp_path)(texts) == expected
    assert Small.from_pretrained(tmp_path, from_slow=True)(texts) == expected
    (tmp_path / "tokenizer.json").unlink()
    assert Small.from_pretrained(tmp_path)(texts) == expected


def test_a_plain_special_token_takes_the_rules_of_the_usual_one(files):
    tokenizer = Small.from_pretrained(files, mask_token="<hidden>")
    assert tokenizer.mask_token == "<hidden>"
    assert tokenizer("a <hidden>").tokens() == ["a", " <hidden>"]
    strict = Small.from_pretrained(files, mask_token=AddedToken("<hidden>", special=True))
    assert strict("a <hidden>").tokens() == ["a", "Ġ", "<hidden>"]


def test_without_files_there_are_special_tokens_only():
    tokenizer = Small()
    assert tokenizer.get_vocab() == {"<s>": 0, "</s>": 1, "<mask>": 2}
    assert tokenizer("<s>x</s>")["input_ids"] == [0, 1]


def test_missing_and_damaged_files_are_named(files, tmp_path):
    with pytest.raises(CheckpointNotFoundError, match=r"merges\.txt is needed too"):
        Small(files / "vocab.json")
    with pytest.raises(CheckpointNotFoundError, match=r"no vocabulary file .*gone"):
        Small(files / "vocab.json", tmp_path / "gone")
    with pytest.raises(TokenizationError, match="two files, or two values"):
        Small({"a": 0}, files / "merges.txt")
    with pytest.raises(TokenizationError, match="A merge is two pieces"):
        Small({"a": 0}, ["a a a"])
    (tmp_path / "merges.txt").write_text("#version: 0.2\nx y\n", encoding="utf-8")
    with pytest.raises(TokenizationError, match=r"reading .*merges\.txt.* failed"):
        Small(files / "vocab.json", tmp_path / "merges.txt")


def test_a_vocabulary_is_trained_anew(files):
    trained = Small.from_pretrained(files).train_new_from_iterator(["abab abab"] * 3, 270)
    assert trained("abab").tokens() == ["abab"]
    assert trained.bos_token == "<s>"


def test_words_say_that_they_need_numpy(files, monkeypatch):
    tokenizer = Small.from_pretrained(files, add_prefix_space=True)
    monkeypatch.setattr("automodel_core.text.encoding.request.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="pip install numpy"):
        tokenizer(["Hello", "world"], is_split_into_words=True)
