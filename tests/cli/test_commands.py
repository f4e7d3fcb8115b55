"""What the commands print, and their exit codes."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from automodel_core import AutoModelForCausalLM, AutoTokenizer
from automodel_core.cli import main
from automodel_core.registry.hints import catalogue
from support.tiny_plugin import SIZES, Site

Capture = pytest.CaptureFixture[str]


def answer(capsys: Capture, *arguments: str) -> Any:
    """Run a command with --json, and return what it printed."""
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_list(tiny_gpt: Any, capsys: Capture) -> None:
    assert main(["list"]) == 0
    said = capsys.readouterr().out
    assert "tiny-gpt  automodel-tiny-gpt  1.0" in said
    missing = next(iter(catalogue().values())).distribution
    assert f"(pip install {missing})" in said
    listed = answer(capsys, "list")
    assert listed["plugins"][0]["names"] == ["tiny-gpt"]
    assert missing in listed["not_installed"]


def test_list_without_plugins(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    Site(tmp_path).use(monkeypatch)
    assert main(["list"]) == 0
    assert "no plugins are installed" in capsys.readouterr().out


def test_info(tiny_gpt: Any, capsys: Capture) -> None:
    assert main(["info", "tiny-gpt"]) == 0
    said = capsys.readouterr().out
    assert "automodel-tiny-gpt 1.0" in said
    assert "AutoModelForCausalLM" in said
    told = answer(capsys, "info", "tiny-gpt")
    assert told["models"]["base"]["class"] == "automodel_tiny_gpt.modeling:TinyGptModel"
    assert main(["info", "tiny-gtp"]) == 1
    assert "did you mean 'tiny-gpt'" in capsys.readouterr().err


def test_doctor(tiny_gpt: Any, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOMODEL_PREFER", "x=y")
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "tiny-gpt: discovered" in said
    assert "AUTOMODEL_PREFER  x=y" in said
    assert main(["doctor", "--imports"]) == 0
    assert "tiny-gpt: loaded" in capsys.readouterr().out
    assert answer(capsys, "doctor")["versions"]["torch"] == torch.__version__


def test_doctor_finds_what_is_broken(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(tmp_path)
    site.metadata("sick", "automodel.architectures", {"sick": "sick_plugin"})
    (tmp_path / "sick_plugin.py").write_text("raise SystemExit('no licence')", "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    site.use(monkeypatch)
    assert main(["doctor"]) == 0
    assert main(["doctor", "--imports"]) == 1
    said = capsys.readouterr().out
    assert "sick: broken" in said
    assert "no licence" in said
    assert "1 of 1 plugins cannot be used" in said
    assert main(["doctor", "--imports", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["problems"] == 1


def test_plan(tiny_gpt: Any, checkpoint: Path, capsys: Capture) -> None:
    assert main(["plan", str(checkpoint)]) == 0
    said = capsys.readouterr().out
    assert "AutoModelForCausalLM.from_pretrained(" in said
    assert "missing      none" in said
    for task in ("base", "AutoModel"):
        planned = answer(capsys, "plan", str(checkpoint), "--task", task, "--dtype", "bfloat16")
        assert planned["auto_class"] == "AutoModel"
        assert planned["dtype"] == "bfloat16"
    assert main(["plan", str(checkpoint), "--task", "masked-lm"]) == 1
    assert main(["plan", str(checkpoint), "--task", "juggling"]) == 1
    assert "task 'juggling' is not known" in capsys.readouterr().err


@pytest.fixture
def speaker(checkpoint: Path) -> str:
    """Return a checkpoint with a tokenizer."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = {f"w{index}": index for index in range(SIZES["vocab_size"] - 1)} | {"[UNK]": 98}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(checkpoint / "tokenizer.json"))
    return str(checkpoint)


def expected(name: str, text: str, **settings: Any) -> str:
    tokenizer = AutoTokenizer.from_pretrained(name)
    inputs = tokenizer(text, return_tensors="pt")
    ids = AutoModelForCausalLM.from_pretrained(name).generate(**inputs, **settings)[0]
    decoded: str = tokenizer.decode(ids[inputs["input_ids"].shape[1] :])
    return decoded


def test_generate_streams_to_stdout(tiny_gpt: Any, speaker: str, capsys: Capture) -> None:
    wanted = expected(speaker, "w3 w4", max_new_tokens=5)
    assert main(["generate", speaker, "w3 w4", "--max-new-tokens", "5"]) == 0
    captured = capsys.readouterr()
    assert captured.out.strip() == wanted
    assert f"loading {speaker} ... TinyGptForCausalLM" in captured.err
    assert main(["generate", speaker, "w3 w4", "--max-new-tokens", "5", "--quiet"]) == 0
    captured = capsys.readouterr()
    assert (captured.out.strip(), captured.err) == (wanted, "")


def test_generate_with_weights_of_fewer_bits(tiny_gpt: Any, speaker: str, capsys: Capture) -> None:
    arguments = ("generate", speaker, "w3 w4", "--max-new-tokens", "1", "--weights")
    assert main([*arguments, "int8"]) == 0
    assert capsys.readouterr().out.strip().startswith("w")
    assert main([*arguments, "int3"]) == 1
    assert "installed are int8" in capsys.readouterr().err


def test_generate_with_beams_and_json(tiny_gpt: Any, speaker: str, capsys: Capture) -> None:
    wanted = [expected(speaker, text, max_new_tokens=4, num_beams=2) for text in ("w3", "w4 w5")]
    options = ("--max-new-tokens", "4", "--num-beams", "2")
    told = answer(capsys, "generate", speaker, "w3", "w4 w5", *options)
    assert [entry["output"] for entry in told["answers"]] == wanted
    assert told["class"] == "automodel_tiny_gpt.modeling:TinyGptForCausalLM"
    assert main(["generate", speaker, "w3", "w4 w5", *options]) == 0
    assert capsys.readouterr().out.splitlines() == wanted


@pytest.mark.parametrize("more", [(), ("--num-beams", "2"), ("--json",)])
def test_generate_shows_how_far_it_is(
    tiny_gpt: Any, speaker: str, capsys: Capture, more: tuple[str, ...]
) -> None:
    arguments = ["generate", speaker, "w3", "--max-new-tokens", "4", "--progress", *more]
    assert main(arguments) == 0
    captured = capsys.readouterr()
    assert "4/4 [" in captured.err
    assert "tokens/s]" in captured.err
    beams = 2 if "--num-beams" in more else 1
    assert expected(speaker, "w3", max_new_tokens=4, num_beams=beams) in captured.out
    with pytest.raises(SystemExit):
        main([*arguments, "--quiet"])


def test_generate_reads_lines_of_stdin(
    tiny_gpt: Any, speaker: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("w3 w4\n\nw5\r\n"))
    told = answer(capsys, "generate", speaker, "--max-new-tokens", "2")
    assert [entry["text"] for entry in told["answers"]] == ["w3 w4", "w5"]
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert main(["generate", speaker]) == 1
    assert "there is nothing to answer" in capsys.readouterr().err


def test_generate_samples_repeatably(tiny_gpt: Any, speaker: str, capsys: Capture) -> None:
    options = ("--do-sample", "--top-k", "20", "--temperature", "2", "--max-new-tokens", "8")
    first, again, other = (
        answer(capsys, "generate", speaker, "w3", *options, "--seed", seed)["answers"][0]["output"]
        for seed in ("1", "1", "2")
    )
    assert first == again != other


def test_generate_needs_a_model_that_generates(
    tiny_gpt: Any, tmp_path: Path, capsys: Capture
) -> None:
    assert main(["generate", str(tmp_path), "text"]) == 1
    assert "has no config.json" in capsys.readouterr().err
