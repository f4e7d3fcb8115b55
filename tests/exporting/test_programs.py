"""Programs written to a folder: with the model's numbers at other sizes, or not at all."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from torch import Tensor

from automodel_core.errors import InputError, MissingExtraError, SavingError
from automodel_core.exporting import dynamic_sizes, example_inputs, export_model, programs
from automodel_core.modeling import ImageTextOutput
from automodel_core.testing.small_models import SmallImageConfig, SmallImageModel
from support.tiny_lm import TinyForTokenClassification, drawn
from support.tiny_pair import drawn_pair


def test_a_torch_program_takes_any_size(tmp_path: Path) -> None:
    model = drawn()
    done = export_model(model, tmp_path / "out", to="torch")
    assert (done.inputs, done.outputs) == (("input_ids", "attention_mask"), ("logits",))
    assert done.difference < 1e-5
    assert {path.name for path in done.file.parent.iterdir()} == {"config.json", "model.pt2"}
    program = torch.export.load(done.file).module()
    inputs = example_inputs(model, 4, 11)
    with torch.no_grad():
        found, expected = program(**inputs).logits, model(**inputs).logits
    torch.testing.assert_close(found, expected)
    assert model.config.use_cache is True


def test_pairs_and_images_are_exported_too(tmp_path: Path) -> None:
    done = export_model(drawn_pair(), tmp_path / "pair", to="torch")
    assert done.inputs == ("input_ids", "attention_mask", "decoder_input_ids")
    images = SmallImageModel(SmallImageConfig()).eval()
    assert export_model(images, tmp_path / "image", to="torch").inputs == ("pixel_values",)


def test_outputs_of_parts_are_named_behind_them(tmp_path: Path) -> None:
    class Pair(SmallImageModel):
        def forward(self, pixel_values: Tensor) -> ImageTextOutput:
            seen = super().forward(pixel_values)
            return ImageTextOutput(
                image_embeds=2 * seen.last_hidden_state, vision_model_output=seen
            )

    for kind in programs.FORMATS if find_spec("onnxruntime") else ("torch",):
        done = export_model(Pair(SmallImageConfig()).eval(), tmp_path / kind, to=kind)
        assert done.outputs == ("image_embeds", "vision_model_output.last_hidden_state")


def test_nothing_is_left_of_a_program_with_other_numbers(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(programs, "_difference", lambda found, expected: 0.5)
    with pytest.raises(SavingError, match=r"differs from TinyForCausalLM by 0\.5"):
        export_model(drawn(), tmp_path / "out", to="torch")
    assert list(tmp_path.iterdir()) == []


def test_a_full_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    with pytest.raises(SavingError, match="exists; name a new folder"):
        export_model(drawn(), tmp_path, to="torch")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_onnx_names_its_extra(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r"onnxruntime: pip install automodel-core\[onnx\]"):
        export_model(drawn(TinyForTokenClassification), tmp_path / "out", to="onnx")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_exported_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="to='tflite': one of onnx, torch"):
        export_model(drawn(), tmp_path / "out", to="tflite")
    with pytest.raises(InputError, match=r"call model.eval\(\) first"):
        export_model(drawn().train(), tmp_path / "out", to="torch")
    model = drawn()
    model.main_input_name = "input_values"
    with pytest.raises(InputError, match=r"reads input_values.*give inputs="):
        export_model(model, tmp_path / "out", to="torch")


def test_open_sizes_are_rows_and_lengths() -> None:
    sizes = dynamic_sizes(example_inputs(drawn_pair(), 2, 8))
    names = {name: {place: dim.__name__ for place, dim in of.items()} for name, of in sizes.items()}
    text = {0: "batch", 1: "length"}
    assert names == {
        "input_ids": text,
        "attention_mask": text,
        "decoder_input_ids": {0: "batch", 1: "decoder_length"},
    }
