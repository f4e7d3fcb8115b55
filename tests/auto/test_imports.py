"""What importing and using the Auto classes imports, measured in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.tiny_plugin import Site

CHECK = "\nimport sys\nassert 'torch' not in sys.modules, 'torch was imported'"


def run(code: str, site: Site, *arguments: str) -> str:
    path = os.pathsep.join([str(site.folder), *sys.path])
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "use",
    [
        "from automodel_core import AutoModelForSeq2SeqLM; AutoModelForSeq2SeqLM.register",
        "from automodel_core import *",
        "from automodel_core import AutoConfig; AutoConfig.from_pretrained(sys.argv[1])",
        "from automodel_core import AutoTokenizer; AutoTokenizer.from_pretrained(sys.argv[1])('a')",
        "from automodel_core import AutoProcessor; AutoProcessor.from_pretrained(sys.argv[1])",
        "from automodel_core import AutoModelForCausalLM as A; A.plan(sys.argv[1]).files",
    ],
)
def test_torch_is_imported_by_models_only(
    tiny_site: Site, checkpoint: Path, tokenizer_json: bytes, use: str
) -> None:
    (checkpoint / "tokenizer.json").write_bytes(tokenizer_json)
    run(f"import sys\n{use}{CHECK}", tiny_site, str(checkpoint))


def test_the_hub_client_is_imported_by_the_hub_only(tiny_site: Site, checkpoint: Path) -> None:
    code = (
        "import sys\nfrom automodel_core import AutoConfig, AutoTokenizer, AutoModelForCausalLM\n"
    )
    code += "AutoConfig.from_pretrained(sys.argv[1])\nassert 'huggingface_hub' not in sys.modules"
    run(code, tiny_site, str(checkpoint))


def test_what_writes_text_is_imported_by_generate_only(tiny_site: Site, checkpoint: Path) -> None:
    code = (
        "import sys\nfrom automodel_core import AutoModelForCausalLM\n"
        "model = AutoModelForCausalLM.from_pretrained(sys.argv[1])\n"
        "late = 'automodel_core.generation.session.session'\n"
        "assert late not in sys.modules\n"
        "import torch\nmodel.generate(torch.tensor([[3, 4]]), max_new_tokens=1, do_sample=False)\n"
        "assert late in sys.modules"
    )
    run(code, tiny_site, str(checkpoint))


def test_the_import_takes_a_moment(tiny_site: Site) -> None:
    def seconds(code: str) -> float:
        start = time.perf_counter()
        run(code, tiny_site)
        return time.perf_counter() - start

    imports = "from automodel_core import AutoModelForSeq2SeqLM, AutoConfig, AutoTokenizer"
    taken = min(seconds(imports) for _ in range(3)) - min(seconds("pass") for _ in range(3))
    assert taken < 0.5


def test_loading_in_threads_gives_each_its_own(tiny_site: Site, checkpoint: Path) -> None:
    code = """
import sys
from concurrent.futures import ThreadPoolExecutor
from automodel_core import AutoModelForCausalLM

with ThreadPoolExecutor(6) as pool:
    models = list(pool.map(AutoModelForCausalLM.from_pretrained, [sys.argv[1]] * 12))
import torch
assert len({id(model) for model in models}) == 12
tokens = torch.tensor([[3, 4, 5]])
logits = [model(tokens).logits for model in models]
assert all(torch.equal(logits[0], other) for other in logits)
assert torch.get_default_dtype() is torch.float32
"""
    run(code, tiny_site, str(checkpoint))
