"""Text that comes out while ``generate`` runs, and its progress line (`session.progress`)."""

from __future__ import annotations

import asyncio
import io
import threading
from queue import Empty

import pytest
import torch

from automodel_core import generation as g
from automodel_core.errors import GenerationArgumentError
from automodel_core.generation.session.progress import ProgressLine


class Words:
    words = ("zero", " one", " two", "ish", "\n", " 中", "文")

    def decode(self, ids, **kwargs):
        return "".join(self.words[i] for i in ids) + kwargs.get("mark", "")


class Recorder(g.TextStreamer):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.pieces = []

    def on_finalized_text(self, text, stream_end=False):
        self.pieces.append((text, stream_end))


def feed(streamer, prompt, *tokens):
    streamer.put(torch.tensor([prompt]))
    for token in tokens:
        streamer.put(torch.tensor([token]))
    streamer.end()
    return streamer


def test_words_come_out_when_nothing_can_change_them():
    pieces = feed(Recorder(Words()), [0], 1, 2, 3, 4, 1).pieces
    assert [text for text, _ in pieces] == ["", "zero ", "one ", "", "twoish\n", " ", "one"]
    assert [end for _, end in pieces] == [False] * 6 + [True]


def test_ideographs_come_out_at_once():
    assert [text for text, _ in feed(Recorder(Words()), [0], 5, 6).pieces] == [
        "",
        "zero 中",
        "文",
        "",
    ]


def test_the_prompt_may_be_skipped_and_the_streamer_used_again():
    streamer = Recorder(Words(), skip_prompt=True)
    for _ in range(2):
        feed(streamer, [0], 1, 2)
    assert "".join(text for text, _ in streamer.pieces) == " one two one two"


def test_decode_arguments_are_passed():
    assert feed(Recorder(Words(), mark="!"), [0]).pieces[-1] == ("zero!", True)


def test_printing(capsys):
    feed(g.TextStreamer(Words()), [0], 1, 2)
    assert capsys.readouterr().out == "zero one two\n"


def test_one_sequence_at_a_time():
    with pytest.raises(GenerationArgumentError, match="batch of 2"):
        g.TextStreamer(Words()).put(torch.tensor([[1], [2]]))


def test_iterating_from_another_thread():
    streamer = g.TextIteratorStreamer(Words(), timeout=5)
    worker = threading.Thread(target=feed, args=(streamer, [0], 1, 2))
    worker.start()
    assert "".join(streamer) == "zero one two"
    worker.join()
    with pytest.raises(Empty):
        next(g.TextIteratorStreamer(Words(), timeout=0.01))


def test_iterating_asynchronously():
    async def collect():
        streamer = g.AsyncTextIteratorStreamer(Words(), timeout=5)
        worker = threading.Thread(target=feed, args=(streamer, [0], 1, 2))
        worker.start()
        text = "".join([piece async for piece in streamer])
        worker.join()
        with pytest.raises(asyncio.TimeoutError):
            await anext(g.AsyncTextIteratorStreamer(Words(), timeout=0.01))
        return text

    assert asyncio.run(collect()) == "zero one two"


def test_generate_streams_the_prompt_and_every_token(decoder):
    class Tokens(g.BaseStreamer):
        def __init__(self):
            self.values, self.ended = [], 0

        def put(self, value):
            self.values.append(value)

        def end(self):
            self.ended += 1

    streamer = Tokens()
    ids = decoder.generate(torch.tensor([[3, 4]]), max_new_tokens=4, streamer=streamer)
    assert torch.equal(streamer.values[0], torch.tensor([[3, 4]]))
    assert torch.cat(streamer.values[1:]).tolist() == ids[0, 2:].tolist()
    assert streamer.ended == 1
    with pytest.raises(GenerationArgumentError, match="beams"):
        decoder.generate(torch.tensor([[3]]), max_new_tokens=2, num_beams=2, streamer=streamer)


def test_bases_say_what_is_missing():
    with pytest.raises(TypeError, match="put"):
        g.BaseStreamer().put(None)
    with pytest.raises(TypeError, match="end"):
        g.BaseStreamer().end()


def test_a_progress_line(decoder, capsys, monkeypatch):
    decoder.generation_config.eos_token_id = None
    decoder.generate(torch.tensor([[3]]), max_new_tokens=5, progress=True)
    line = capsys.readouterr().err
    assert "5/5" in line
    assert "tokens" in line
    assert line.endswith("\n")
    stream = io.StringIO()
    progress = ProgressLine(4, stream=stream)
    progress.advance()
    progress.close()
    assert "1/4" in stream.getvalue()
