"""Our reading of SentencePiece models against the sentencepiece library itself."""

from __future__ import annotations

import random

import pytest

sentencepiece = pytest.importorskip("sentencepiece")

from automodel_core.text.subwords.sentencepiece import (  # noqa: E402
    PieceType,
    SentencePieceModel,
    sentencepiece_pipeline,
)
from support.nasty_text import NASTY  # noqa: E402

# tokenizers normalises by grapheme: it loses a mark that follows one it has composed, or a space.
LOST = ("\u0323", "\u0363", "\u034f", "\u1112")
TEXTS = [text.replace("\0", "") for text in NASTY if not any(mark in text for mark in LOST)]


def _random_texts(count: int) -> list[str]:
    chance = random.Random(7)
    parts = [part for text in TEXTS for part in text.split(" ") if part and len(part) < 40]
    glue = [" ", "  ", "", "\t", "\u00a0", "\u3000", "\u2581", "\n", "\u200b", ".", "</s>", "<unk>"]
    return [
        "".join(chance.choice(parts) + chance.choice(glue) for _ in range(chance.randint(1, 12)))
        for _ in range(count)
    ]


@pytest.fixture(
    scope="module",
    params=[
        ("unigram", "nmt_nfkc", False),
        ("unigram", "identity", False),
        ("unigram", "nmt_nfkc_cf", True),
        ("bpe", "nmt_nfkc", False),
        ("bpe", "identity", True),
    ],
    ids=str,
)
def model(request, tmp_path_factory):
    kind, rule, byte_fallback = request.param
    folder = tmp_path_factory.mktemp("spm")
    corpus = [
        line for text in NASTY for line in text.splitlines() if line.strip() and "<" not in line
    ]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([line.replace("\0", "") for line in corpus] * 3),
        model_prefix=str(folder / "m"),
        vocab_size=700,
        hard_vocab_limit=False,
        model_type=kind,
        normalization_rule_name=rule,
        byte_fallback=byte_fallback,
        character_coverage=0.98,
        num_threads=1,
        minloglevel=2,
    )
    return folder / "m.model"


def test_the_file_is_read_as_the_library_reads_it(model):
    library = sentencepiece.SentencePieceProcessor(model_file=str(model))
    ours = SentencePieceModel.read(model)
    size = library.get_piece_size()
    assert [piece.text for piece in ours.pieces] == [library.id_to_piece(i) for i in range(size)]
    assert [piece.score for piece in ours.pieces] == [library.get_score(i) for i in range(size)]
    assert ours.unk_id == library.unk_id()
    assert [p.type is PieceType.CONTROL for p in ours.pieces] == [
        library.is_control(i) for i in range(size)
    ]
    assert [p.type is PieceType.BYTE for p in ours.pieces] == [
        library.is_byte(i) for i in range(size)
    ]


def test_texts_are_cut_as_the_library_cuts_them(model):
    library = sentencepiece.SentencePieceProcessor(model_file=str(model))
    rust = sentencepiece_pipeline(SentencePieceModel.read(model).with_hidden_control_pieces())
    texts = TEXTS + _random_texts(400)
    # Metaspace adds no space before text that begins with its own sign for one.
    texts = [text for text in texts if not text.lstrip().startswith("\u2581")]

    def score(ids):
        return sum(library.get_score(index) for index in ids)

    for text, encoding in zip(texts, rust.encode_batch(texts), strict=True):
        ids = library.encode(text)
        if encoding.ids == ids:
            continue
        # Of two ways with the same score either is right.
        assert score(encoding.ids) == pytest.approx(score(ids)), text
        assert library.decode(encoding.ids) == library.decode(ids), text
