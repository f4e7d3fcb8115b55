"""The checkpoints that the documentation names write what was published about them.

``pytest -m hub`` runs these; they download some gigabytes once.
"""

from __future__ import annotations

import os
import urllib.request
from pathlib import Path

import pytest
import torch

from automodel_core import (
    AutoImageProcessor,
    AutoModelForSeq2SeqLM,
    AutoModelForVision2Seq,
    AutoTokenizer,
)
from automodel_encoder_decoder import EncoderDecoderModel

pytestmark = [pytest.mark.hub, pytest.mark.filterwarnings("default")]

ENDPOINT = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
ARTICLE = (
    "PG&E stated it scheduled the blackouts in response to forecasts for high winds amid dry "
    "conditions. The aim is to reduce the risk of wildfires. Nearly 800 thousand customers were "
    "scheduled to be affected by the shutoffs which were expected to last through at least midday "
    "tomorrow."
)
CATS = "http://images.cocodataset.org/val2017/000000039769.jpg"


def fetched(url: str, what: str) -> bytes:
    """Return what is at an address; skip the test where nothing can be reached."""
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            content: bytes = answer.read()
    except OSError as error:
        pytest.skip(f"{what} ({url}) cannot be reached: {error}")
    return content


@pytest.fixture(autouse=True)
def reachable() -> None:
    fetched(f"{ENDPOINT}/google-bert/bert-base-uncased/resolve/main/config.json", "the hub")


def test_a_summary_of_news() -> None:
    name = "patrickvonplaten/bert2bert_cnn_daily_mail"
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForSeq2SeqLM.from_pretrained(name)
    assert type(model) is EncoderDecoderModel
    written = model.generate(tokenizer(ARTICLE, return_tensors="pt").input_ids)
    (text,) = tokenizer.batch_decode(written, skip_special_tokens=True)
    assert text.startswith("nearly 800 thousand customers were affected by the shutoffs")
    assert "the aim is to reduce the risk of wildfires" in text


def test_two_berts_become_one() -> None:
    name = "google-bert/bert-base-uncased"
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = EncoderDecoderModel.from_encoder_decoder_pretrained(name, name)
    assert model.load_report is not None
    assert len(model.load_report.initialised) == 12 * 10
    assert all("crossattention" in weight for weight in model.load_report.initialised)
    model.config.decoder_start_token_id = tokenizer.cls_token_id
    model.config.pad_token_id = tokenizer.pad_token_id
    inputs = tokenizer(ARTICLE, return_tensors="pt")
    labels = tokenizer("nearly 800 thousand customers were affected", return_tensors="pt").input_ids
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    loss = model(**inputs, labels=labels).loss
    loss.backward()
    optimizer.step()
    assert model(**inputs, labels=labels).loss < loss


def test_a_caption_of_two_cats(tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "cats.jpg").write_bytes(fetched(CATS, "the picture"))
    name = "nlpconnect/vit-gpt2-image-captioning"
    model = AutoModelForVision2Seq.from_pretrained(name)
    pixels = AutoImageProcessor.from_pretrained(name)(
        Image.open(tmp_path / "cats.jpg"), return_tensors="pt"
    )
    written = model.generate(**pixels)
    (text,) = AutoTokenizer.from_pretrained(name).batch_decode(written, skip_special_tokens=True)
    assert text.strip() == "a cat laying on a blanket next to a cat laying on a bed"
