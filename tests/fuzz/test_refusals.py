"""Every refusal names file and key, what was found, and what was expected or what to do."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from automodel_core import (
    AutoConfig,
    AutoImageProcessor,
    AutoModel,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
)
from automodel_core.checkpoint.save import save_weights
from automodel_core.errors import AutomodelError
from fuzz.subjects import build

Change = Callable[[Path], object]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("good") / "files"
    build(root)
    return root


def holds(name: str, **values: Any) -> Change:
    """Return a change that sets keys of a JSON file, which need not be there."""

    def change(folder: Path) -> None:
        path = folder / name
        before = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps({**before, **values}))

    return change


def weights(**tensors: torch.Tensor) -> Change:
    named = {name.replace("__", "."): tensor for name, tensor in tensors.items()}
    return lambda folder: save_weights(named, folder)


def integers(folder: Path) -> None:
    name = "encoder.layer.0.attention.self.query.weight"
    state = AutoModel.from_pretrained(folder).hub_state_dict()
    save_weights({**state, name: torch.ones(8, 8, dtype=torch.int32)}, folder)


def only_gguf(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    (folder / "x.Q4.gguf").write_bytes(b"GGUF")


def unknown_in_template(folder: Path) -> None:
    path = folder / "tokenizer.json"
    path.write_text(path.read_text().replace('"id":"[CLS]","type_id"', '"id":"[NO]","type_id"', 1))


FOREIGN = {"model__layers__0__mlp__weight": torch.ones(2), "model__norm__weight": torch.ones(2)}
CASES: dict[str, tuple[str, Change, Any, str]] = {
    "another architecture": (
        "bert", weights(**FOREIGN), AutoModel.from_pretrained,
        r"embeddings\.LayerNorm\.bias.*It has model\.layers\.0\.mlp\.weight, model\.norm.*instead",
    ),
    "no weights": ("bert", weights(), AutoModel.from_pretrained, "It holds no weights at all"),
    "integers": (
        "bert", integers, AutoModel.from_pretrained,
        r"model\.safetensors', tensor 'encoder\.layer\.0\.attention\.self\.query\.weight': it is "
        r"stored as torch\.int32 and the model needs torch\.float32",
    ),
    "shape": (
        "bert", holds("config.json", intermediate_size=9), AutoModel.from_pretrained,
        r"the weights of '.*bert': 6 weights have another shape.*\[8, 8\].*\[9, 8\]",
    ),
    "dtype": (
        "bert", holds("config.json", dtype=5), AutoModel.from_pretrained,
        r"config\.json of '.*bert': dtype=5: expected a torch dtype",
    ),
    "type": (
        "bert", holds("config.json", hidden_size="x"), AutoConfig.from_pretrained,
        r"BertConfig \(read from '.*bert'\): hidden_size='x' cannot be used: expected int",
    ),
    "contradiction": (
        "bert", holds("config.json", num_attention_heads=3), AutoConfig.from_pretrained,
        r"config\.json of '.*bert': BertConfig: hidden_size=8 is not a multiple",
    ),
    "code": (
        "bert", holds("config.json", model_type="x", auto_map={"AutoModel": "a.B"}),
        AutoModel.from_pretrained, r"brings code of its own \(auto_map in config\.json\)",
    ),
    "code of an image processor": (
        "bert", holds("preprocessor_config.json", auto_map={"AutoImageProcessor": "a.B"}),
        AutoImageProcessor.from_pretrained, r"is code in the checkpoint \(auto_map\)",
    ),
    "flag": (
        "bert", holds("tokenizer_config.json", do_lower_case="no"), AutoTokenizer.from_pretrained,
        r"tokenizer_config\.json': do_lower_case='no' cannot be used: expected bool",
    ),
    "class": (
        "bert", holds("tokenizer_config.json", tokenizer_class="New"),
        AutoTokenizer.from_pretrained, "Tokenizer class 'New' of '.*bert' is provided by no",
    ),
    "no class": (
        "bert", holds("tokenizer_config.json", tokenizer_class=5), AutoTokenizer.from_pretrained,
        r"tokenizer_config\.json of folder '.*bert': tokenizer_class=5: expected the name",
    ),
    "empty vocabulary": (
        "bert", lambda folder: (folder / "vocab.txt").write_text("\n\n"),
        AutoTokenizer.from_pretrained, r"vocab\.txt' holds no tokens",
    ),
    "id twice": (
        "bert", holds("added_tokens.json", other=18), AutoTokenizer.from_pretrained,
        r"added_tokens\.json': 'other' and '<new>' have the same id, 18",
    ),
    "template": (
        "fast", unknown_in_template, AutoTokenizer.from_pretrained,
        r"tokenizer\.json': the template for single texts has the token '\[NO\]'",
    ),
    "pickled": (
        "t5", lambda folder: (folder / "pytorch_model.bin").write_bytes(b"PK\3\4 no archive"),
        AutoModelForSeq2SeqLM.from_pretrained, r"pytorch_model\.bin' is damaged or cut",
    ),
    "size of an image": (
        "vit", holds("preprocessor_config.json", size=100_000), AutoImageProcessor.from_pretrained,
        r"preprocessor_config\.json of .*vit.: size=.*100000.* cannot be used: pictures of more",
    ),
    "GGUF as a model": ("bert", only_gguf, AutoModel.from_pretrained, "GGUF files are not read"),
    "GGUF as a config": ("bert", only_gguf, AutoConfig.from_pretrained, "GGUF files are not read"),
    "GGUF as a tokenizer": (
        "bert", only_gguf, AutoTokenizer.from_pretrained, "GGUF files are not read",
    ),
    "a GGUF file": (
        "bert", only_gguf, lambda folder: AutoModel.from_pretrained(folder / "x.Q4.gguf"),
        r"x\.Q4\.gguf' is a file, and no checkpoint\. GGUF files are not read",
    ),
    "gguf_file": (
        "bert", only_gguf, lambda folder: AutoModel.from_pretrained(folder, gguf_file="x.Q4.gguf"),
        "gguf_file= is not supported: GGUF files are not read",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_refusals(case: str, good: Path, tmp_path: Path) -> None:
    name, change, read, message = CASES[case]
    folder = Path(shutil.copytree(good / name, tmp_path / name))
    change(folder)
    with pytest.raises(AutomodelError) as caught:
        read(folder)
    text = str(caught.value).replace("\n", " ")
    assert re.search(message, text), text
