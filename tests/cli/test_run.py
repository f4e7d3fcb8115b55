"""``automodel-core run`` answers texts and pictures, in words, as JSON, and painted."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from automodel_core.cli import main
from automodel_core.cli.answers.run import lines, plain
from automodel_core.errors import InputError
from automodel_core.tasks import pipeline

Capture = pytest.CaptureFixture[str]
DEMO = Path(__file__).parents[2] / "docs" / "demo"
WORDS = str(DEMO / "checkpoint")
CAPTIONS = str(DEMO / "pictures" / "checkpoint")
PICTURES = [str(DEMO / "pictures" / f"{number}.png") for number in (1, 2)]


def test_texts_are_answered(capsys: Capture) -> None:
    assert main(["run", "text2text-generation", WORDS, "forty-two", "--device", "cpu"]) == 0
    said = capsys.readouterr()
    assert said.out == "42\n"
    assert said.err == "Text2TextGenerationPipeline: T5ForConditionalGeneration on cpu\n"


def test_lines_of_stdin_are_answered(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("nine\n\nten\n"))
    assert main(["run", "text2text-generation", WORDS, "--quiet", "--batch-size", "2"]) == 0
    assert capsys.readouterr().out == "nine:\n9\nten:\n10\n"
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert main(["run", "text2text-generation", WORDS]) == 1
    assert "there is nothing to answer" in capsys.readouterr().err


def test_options_are_json_texts_or_files(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "beams").write_text("2", encoding="utf-8")
    options = ["--option", f"num_beams=@{tmp_path / 'beams'}", "--option", "max_new_tokens=1"]
    call = ["run", "text2text-generation", WORDS, "forty-two", "--json", *options]
    assert main([*call, "--option", "num_return_sequences=2"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["task"] == "text2text-generation"
    (found,) = told["answers"]
    assert found["input"] == "forty-two"
    assert len(found["result"]) == 2
    with pytest.raises(SystemExit):
        main([*call, "--option", "nothing"])
    assert "is not NAME=VALUE" in capsys.readouterr().err


def test_pictures_are_painted_with_what_they_show(capsys: Capture, tmp_path: Path) -> None:
    image: Any = pytest.importorskip("PIL.Image")
    out = tmp_path / "one.png"
    assert main(["run", "image-to-text", CAPTIONS, PICTURES[0], "--out", str(out)]) == 0
    assert "square" in capsys.readouterr().out
    with image.open(PICTURES[0]) as before, image.open(out) as after:
        assert after.width == before.width
        assert after.height > before.height
        assert after.crop((0, 0, *before.size)).tobytes() == before.convert("RGB").tobytes()
    assert main(["run", "image-to-text", CAPTIONS, *PICTURES, "--out", str(tmp_path)]) == 0
    assert (tmp_path / "1-0.png").is_file()
    assert (tmp_path / "2-1.png").is_file()


def test_a_bad_input_is_told_and_the_others_are_answered(capsys: Capture) -> None:
    call = ["run", "image-to-text", CAPTIONS, PICTURES[0], "nothing.png"]
    assert main([*call, "--json"]) == 1
    said = capsys.readouterr()
    assert "error: nothing.png:" in said.err
    good, bad = json.loads(said.out)["answers"]
    assert good["result"][0]["generated_text"]
    assert "nothing.png" in bad["error"]
    assert main(["run", "image-to-text", CAPTIONS, "nothing.png"]) == 1
    assert main(["run", "image-to-tex", CAPTIONS, PICTURES[0]]) == 1
    assert "did you mean 'image-to-text'" in capsys.readouterr().err


def test_answers_of_texts_are_not_painted(tmp_path: Path) -> None:
    answer = pipeline(model=WORDS)
    with pytest.raises(InputError, match="nothing to paint"):
        answer.painted("forty-two", answer("forty-two"))


def test_results_are_lines() -> None:
    image: Any = pytest.importorskip("PIL.Image")
    picture = image.new("L", (4, 2))
    found = [
        {"label": "cat", "score": 0.5, "mask": picture},
        {"labels": ["a", "b"], "scores": [[1.0] * 4] * 8},
        {"predicted_depth": torch.zeros(2, 3)},
    ]
    assert list(lines(found)) == [
        "0.5000  cat  mask=(4 x 2 picture)",
        "labels=['a', 'b']  scores=(8 x 4 numbers)",
        "(2 x 3 numbers)",
    ]
    assert plain(found[2]) == {"predicted_depth": [[0.0] * 3] * 2}
    assert plain(picture).startswith("data:image/png;base64,")
