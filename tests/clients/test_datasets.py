"""datasets: ``map`` by several processes, fingerprints that find what is cached, loaders."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import pytest
import torch

datasets = pytest.importorskip("datasets")

from datasets.fingerprint import Hasher  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402

from automodel_bert import BertTokenizer  # noqa: E402
from automodel_core import AutoImageProcessor, AutoTokenizer, pipeline  # noqa: E402
from automodel_core.tasks import KeyDataset  # noqa: E402
from automodel_vit import ViTImageProcessor  # noqa: E402
from support.collating import Collate  # noqa: E402

DEMO = Path(__file__).parents[2] / "docs" / "demo"
TEXTS = ["forty-two", "six hundred and twelve", "nine", "seventeen"]


@pytest.fixture(params=["t5", "bert"])
def tokenizer(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "t5":
        return AutoTokenizer.from_pretrained(DEMO / "checkpoint")
    learnt = BertTokenizer().train_new_from_iterator(TEXTS * 3, 60)
    learnt.save_pretrained(tmp_path / "bert")
    return AutoTokenizer.from_pretrained(tmp_path / "bert")


class Encode:
    """A function of batches that holds a tokenizer, as a closure does."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer

    def __call__(self, batch: Any) -> Any:
        return self.tokenizer(batch["text"], padding="max_length", max_length=24, truncation=True)


def test_fingerprints_stay(tokenizer: Any) -> None:
    """Whatever a tokenizer has done, and whoever has loaded it: else nothing cached is found."""
    before = Hasher.hash(tokenizer)
    tokenizer.model_max_length = 3
    changed = Hasher.hash(tokenizer)
    assert changed != before
    tokenizer(TEXTS, padding=True, return_tensors="pt")  # warns of the length, once
    tokenizer(TEXTS, truncation=True, max_length=4, padding="max_length")
    tokenizer.decode(tokenizer(TEXTS[0], TEXTS[1], split_special_tokens=True).input_ids)
    tokenizer.get_vocab()
    assert Hasher.hash(tokenizer) == changed
    others = (AutoTokenizer.from_pretrained(tokenizer.name_or_path) for _ in range(2))
    assert len({Hasher.hash(Encode(other)) for other in others}) == 1


def test_fingerprints_of_image_processors_stay() -> None:
    processor = AutoImageProcessor.from_pretrained(DEMO / "pictures" / "checkpoint")
    before = Hasher.hash(processor)
    processor(torch.zeros(3, 40, 40, dtype=torch.uint8), return_tensors="pt")
    assert Hasher.hash(processor) == before
    assert Hasher.hash(ViTImageProcessor()) == Hasher.hash(ViTImageProcessor())


def test_what_was_mapped_is_found_again(tokenizer: Any, tmp_path: Path) -> None:
    rows = [{"text": text} for text in TEXTS]
    datasets.Dataset.from_list(rows).save_to_disk(tmp_path / "data")
    runs: list[int] = []
    ran = tmp_path / "ran"

    def encode(batch: Any) -> Any:
        with ran.open("a") as file:
            file.write("x")
        return tokenizer(batch["text"], truncation=True, max_length=6)

    for _ in range(2):
        data = datasets.load_from_disk(str(tmp_path / "data"))
        mapped = data.map(encode, batched=True, remove_columns="text")
        runs.append(len(ran.read_text()))
        assert mapped["input_ids"][:] == tokenizer(TEXTS, truncation=True, max_length=6).input_ids
        tokenizer(TEXTS, padding=True)
    assert runs[0] == runs[1]


def test_processes_share_the_work(tokenizer: Any) -> None:
    data = datasets.Dataset.from_list([{"text": text} for text in TEXTS * 4])
    tokenizer(TEXTS, padding=True)  # a tokenizer that has worked is sent to the processes
    mapped = data.map(Encode(tokenizer), batched=True, batch_size=2, num_proc=2)
    expected = Encode(tokenizer)({"text": TEXTS * 4})
    assert mapped["input_ids"][:] == expected.input_ids
    mapped.set_format("torch", columns=["input_ids", "attention_mask"])
    batch = next(iter(DataLoader(mapped, batch_size=4)))
    assert batch["input_ids"].shape == (4, 24)
    assert torch.equal(batch["input_ids"], torch.tensor(expected.input_ids[:4]))
    on_the_fly = data.with_transform(Encode(tokenizer))
    assert on_the_fly[0]["input_ids"] == expected.input_ids[0]


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_workers_of_a_loader_encode(tokenizer: Any, start: str) -> None:
    if start not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system does not {start}")
    tokenizer(TEXTS, padding=True)
    loader = DataLoader(
        TEXTS,  # type: ignore[arg-type]
        batch_size=2,
        num_workers=2,
        collate_fn=Collate(tokenizer),
        multiprocessing_context=start,
    )
    batches = list(loader)
    assert len(batches) == 2
    for batch, texts in zip(batches, (TEXTS[:2], TEXTS[2:]), strict=True):
        expected = tokenizer(texts, padding=True, return_tensors="pt")
        assert torch.equal(batch["input_ids"], expected.input_ids)
        assert batch.input_ids.dtype == torch.int64


@pytest.mark.parametrize("given", ["column", "key", "stream"])
def test_a_pipeline_answers_a_dataset(given: str) -> None:
    answer = pipeline("text2text-generation", model=DEMO / "checkpoint", device="cpu")
    dataset = datasets.Dataset.from_dict({"text": TEXTS})
    texts: Any = {
        "column": lambda: dataset["text"],
        "key": lambda: KeyDataset(dataset, "text"),
        "stream": lambda: (item["text"] for item in dataset.to_iterable_dataset()),
    }[given]()
    found = list(answer(texts, batch_size=3))
    assert [text[0] if isinstance(text, list) else text for text in found] == answer(TEXTS)
