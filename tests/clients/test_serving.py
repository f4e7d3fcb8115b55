"""Servers: FastAPI with threads, LitServe, and gradio, whose answers are those of a call alone."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from automodel_core import AutoModelForSeq2SeqLM, AutoTokenizer, TextIteratorStreamer

DEMO = Path(__file__).parents[2] / "docs" / "demo" / "checkpoint"
TEXTS = [
    "forty-two", "six hundred and twelve", "nine", "seven thousand", "eleven", "ninety-nine",
    "three hundred", "eight hundred and eighty-eight",
] * 2  # fmt: skip


@pytest.fixture(scope="module")
def model() -> Any:
    return AutoModelForSeq2SeqLM.from_pretrained(DEMO)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(DEMO)


def answer(model: Any, tokenizer: Any, text: str, **settings: Any) -> str:
    ids = model.generate(**tokenizer(text, return_tensors="pt"), **settings)
    found: str = tokenizer.decode(ids[0], skip_special_tokens=True)
    return found


def streamed(model: Any, tokenizer: Any, text: str) -> Iterator[str]:
    """Yield the text of an answer while it is written."""
    streamer = TextIteratorStreamer(tokenizer, skip_special_tokens=True, timeout=60)
    inputs = tokenizer(text, return_tensors="pt")
    thread = Thread(target=model.generate, kwargs={**inputs, "streamer": streamer})
    thread.start()
    yield from streamer
    thread.join()


@pytest.mark.parametrize("path", ["/answer", "/beams", "/stream"])
def test_sixteen_requests_at_once_are_answered_as_alone(
    model: Any, tokenizer: Any, path: str
) -> None:
    fastapi = pytest.importorskip("fastapi")
    testing = pytest.importorskip("fastapi.testclient")
    responses = pytest.importorskip("fastapi.responses")
    app = fastapi.FastAPI()

    # Functions that are not async run in threads, side by side.
    @app.get("/answer")
    def answer_one(text: str) -> str:
        return answer(model, tokenizer, text)

    @app.get("/beams")
    def answer_by_beams(text: str) -> str:
        return answer(model, tokenizer, text, num_beams=3)

    def stream(text: str) -> Any:
        return responses.StreamingResponse(
            streamed(model, tokenizer, text), media_type="text/plain"
        )

    app.get("/stream", response_model=None)(stream)
    settings = {"num_beams": 3} if path == "/beams" else {}
    expected = [answer(model, tokenizer, text, **settings) for text in TEXTS]
    with testing.TestClient(app) as client, ThreadPoolExecutor(len(TEXTS)) as pool:
        replies = list(pool.map(lambda text: client.get(path, params={"text": text}), TEXTS))
    assert {reply.status_code for reply in replies} == {200}
    found = [reply.text if path == "/stream" else reply.json() for reply in replies]
    assert [text.strip() for text in found] == expected


def test_litserve_gathers_batches(model: Any, tokenizer: Any) -> None:
    litserve = pytest.importorskip("litserve")
    testing = pytest.importorskip("fastapi.testclient")
    from litserve.utils import wrap_litserve_start

    from support.numbers_api import NumbersAPI

    api = NumbersAPI(max_batch_size=4, batch_timeout=0.05)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1, timeout=120)
    with (
        wrap_litserve_start(server) as running,
        testing.TestClient(running.app) as client,
        ThreadPoolExecutor(8) as pool,
    ):
        asked = ({"text": text} for text in TEXTS[:8])
        replies = list(pool.map(lambda question: client.post("/predict", json=question), asked))
    found = [reply.json()["answer"] for reply in replies]
    assert found == [answer(model, tokenizer, text) for text in TEXTS[:8]]


def test_gradio_shows_a_text_while_it_grows(model: Any, tokenizer: Any) -> None:
    """Gradio asks for another Pillow, and so for an environment of its own.

    It leaves sockets open: run this with ``-p no:unraisableexception``.
    """
    gradio = pytest.importorskip("gradio", minversion="5")
    fastapi = pytest.importorskip("fastapi")
    testing = pytest.importorskip("fastapi.testclient")

    def write(text: str) -> Iterator[str]:
        so_far = ""
        for part in streamed(model, tokenizer, text):
            so_far += part
            yield so_far

    demo = gradio.Interface(write, "text", "text", api_name="write")
    app = gradio.mount_gradio_app(fastapi.FastAPI(), demo, "/demo")
    question = "six hundred and twelve"
    with testing.TestClient(app) as client:
        call = "/demo/gradio_api/call/write"
        event = client.post(call, json={"data": [question]}).json()["event_id"]
        lines = client.get(f"{call}/{event}").text.splitlines()
    shown = [json.loads(line.removeprefix("data: "))[0] for line in lines if "data: [" in line]
    assert len(shown) > 2
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(shown))
    assert shown[-1].strip() == answer(model, tokenizer, question)
