"""Image processors, post-processing and processors equal the reference's, call by call."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

import automodel_owlvit
from automodel_core import AutoImageProcessor, AutoProcessor, AutoTokenizer
from automodel_core.errors import InputError
from support.parity import IS_5
from support.reference import assert_close

if IS_5:
    from transformers.models.owlv2.image_processing_pil_owlv2 import Owlv2ImageProcessorPil
    from transformers.models.owlvit.image_processing_pil_owlvit import OwlViTImageProcessorPil

    REFERENCES: dict[str, Any] = {
        "OwlViT": OwlViTImageProcessorPil, "Owlv2": Owlv2ImageProcessorPil,
    }  # fmt: skip
else:
    REFERENCES = {
        name: getattr(transformers, f"{name}ImageProcessor") for name in ("OwlViT", "Owlv2")
    }

PADDED = {} if IS_5 else {"pad_value": 0.5}
"""Version 4 pads the pictures of OWLv2 with grey."""
SETTINGS: dict[str, list[dict[str, Any]]] = {
    "OwlViT": [
        {"size": {"height": 24, "width": 24}},
        {"size": {"height": 20, "width": 32}, "do_center_crop": True,
         "crop_size": {"height": 16, "width": 36}},
        {"size": {"height": 24, "width": 24}, "do_normalize": False, "resample": 2},
        {"rescale": False, "size": {"height": 8, "width": 8}},
    ],
    "Owlv2": [
        {"size": {"height": 24, "width": 24}},
        {"size": {"height": 64, "width": 64}},
        {"size": {"height": 5, "width": 5}, "do_normalize": False},
        {"size": {"height": 20, "width": 90}, "do_pad": False},
    ],
}  # fmt: skip
SHAPES = ((33, 47), (61, 38), (24, 24), (5, 9))
NAMES = pytest.mark.parametrize("name", ["OwlViT", "Owlv2"])


def drawn(height: int, width: int) -> Any:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)


def ours_of(name: str, **settings: Any) -> Any:
    padded = PADDED if name == "Owlv2" else {}
    return getattr(automodel_owlvit, f"{name}ImageProcessor")(**settings, **padded)


@pytest.mark.parametrize(("name", "number"), [(n, i) for n in SETTINGS for i in range(4)])
def test_pictures(name: str, number: int) -> None:
    settings = SETTINGS[name][number]
    if "rescale" in settings and not IS_5:
        pytest.skip("version 4 reads the old key and rescales all the same")
    ours, theirs = ours_of(name, **settings), REFERENCES[name](**settings)
    pictures = [drawn(*shape) for shape in SHAPES]
    found = ours(pictures, return_tensors="pt").pixel_values
    assert_close(found, theirs(pictures, return_tensors="pt").pixel_values, str(settings))
    grey = Image.fromarray(pictures[0][..., 0])
    if IS_5:  # which makes three colours of it
        expected = theirs(grey, return_tensors="pt").pixel_values
        assert_close(ours(grey, return_tensors="pt").pixel_values, expected, "grey")
    one = theirs(pictures[1], do_rescale=False, do_normalize=False, do_resize=False)
    assert_close(
        ours(pictures[1], do_rescale=False, do_normalize=False, do_resize=False)
        .pixel_values[0]
        .float(),
        torch.as_tensor(np.asarray(one.pixel_values[0])).float(),
    )


@NAMES
def test_files_both_ways(name: str, tmp_path: Path) -> None:
    settings = {"size": {"height": 24, "width": 24}, "image_mean": [0.5, 0.4, 0.3]}
    theirs = REFERENCES[name](**settings)
    theirs.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": name.lower()}))
    ours = AutoImageProcessor.from_pretrained(tmp_path, **(PADDED if name == "Owlv2" else {}))
    assert type(ours) is type(ours_of(name))
    picture = drawn(33, 47)
    expected = theirs(picture, return_tensors="pt").pixel_values
    assert_close(ours(picture, return_tensors="pt").pixel_values, expected)
    ours.save_pretrained(tmp_path)
    again = REFERENCES[name].from_pretrained(tmp_path)
    assert_close(again(picture, return_tensors="pt").pixel_values, expected)


def outputs(scores: str, boxes: str = "pred_boxes", rows: int = 3, queries: int = 4) -> Any:
    chance = torch.Generator().manual_seed(3)
    found = {
        "logits": torch.randn(rows, 60, queries, generator=chance) * 2,
        boxes: torch.rand(rows, 60, 4, generator=chance),
    }
    if scores == "absent":
        found["logits"][1, :, 2:] = torch.finfo(torch.float32).min
    if scores == "low":
        found["logits"] -= 30
    return SimpleNamespace(**found)


SIZES: list[Any] = [
    None, [(40, 60), (7, 5), (100, 100)], torch.tensor([[40, 60], [7, 5], [100, 100]]),
    torch.tensor([[40.5, 60], [7, 5], [100, 100]]),
]  # fmt: skip


@NAMES
@pytest.mark.parametrize("scores", ["usual", "absent", "low"])
def test_objects(name: str, scores: str) -> None:
    ours, theirs = ours_of(name), REFERENCES[name]()
    given = outputs(scores)
    for threshold in (0.1, 0.7, 1.0):
        for sizes in SIZES:
            expected = theirs.post_process_object_detection(given, threshold, sizes)
            found = ours.post_process_object_detection(given, threshold, sizes)
            for one, other in zip(found, expected, strict=True):
                assert one.keys() == other.keys()
                assert torch.equal(one["labels"], other["labels"])
                assert_close(one["scores"], other["scores"])
                assert_close(one["boxes"], other["boxes"])
    with pytest.raises(InputError, match="2 target_sizes were given for 3 images"):
        ours.post_process_object_detection(given, target_sizes=SIZES[1][:2])


@NAMES
def test_what_query_images_show(name: str) -> None:
    ours, theirs = ours_of(name), REFERENCES[name]()
    for seed, threshold in ((0, 0.0), (1, 0.5), (2, 0.9999)):
        for overlap in (0.3, 0.05, 1.0):
            for sizes in (None, SIZES[2]):
                given = outputs("usual", "target_pred_boxes", queries=1 + seed)
                more = {"threshold": threshold, "nms_threshold": overlap, "target_sizes": sizes}
                expected = theirs.post_process_image_guided_detection(given, **more)
                found = ours.post_process_image_guided_detection(given, **more)
                for one, other in zip(found, expected, strict=True):
                    assert one["labels"] is None
                    assert_close(one["scores"], other["scores"])
                    assert_close(one["boxes"], other["boxes"])


def test_all_patches_as_version_4_returned_them() -> None:
    given = outputs("low")
    ours = ours_of("OwlViT")
    with pytest.warns(FutureWarning, match="post_process_object_detection"):
        found = ours.post_process(given, SIZES[2])
    assert [len(one["scores"]) for one in found] == [60, 60, 60]
    if not IS_5:
        with pytest.warns(FutureWarning):
            expected = REFERENCES["OwlViT"]().post_process(given, SIZES[2])
        for one, other in zip(found, expected, strict=True):
            assert_close([*one.values()], [*other.values()])


# ---- processors ----

LABELS = [["a photo of a cat", "a dog"], ["remote"]]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a small vocabulary, whose first piece pads, as in the files of the hub."""
    path = tmp_path_factory.mktemp("owlvit")
    texts = [text for labels in LABELS for text in labels] * 3
    alphabet = [chr(code) for code in range(33, 127)]
    trained = automodel_owlvit.CLIPTokenizer().train_new_from_iterator(
        texts, 300, initial_alphabet=alphabet
    )
    state = json.loads(trained.backend_tokenizer.to_str())["model"]
    vocab = sorted(state["vocab"], key=state["vocab"].__getitem__)
    ends = [token for token in vocab if token.startswith("<|")]
    vocab = [token for token in vocab if token not in ends] + ends
    vocab.remove("!")
    numbers = {token: number for number, token in enumerate(["!", *vocab])}
    (path / "vocab.json").write_text(json.dumps(numbers), "utf-8")
    merges = "\n".join(["#version: 0.2", *(" ".join(pair) for pair in state["merges"])])
    (path / "merges.txt").write_text(f"{merges}\n", "utf-8")
    settings = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 16, "pad_token": "!"}
    (path / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8")
    (path / "config.json").write_text(json.dumps({"model_type": "owlvit"}), "utf-8")
    return path


def pair(name: str, folder: Path) -> tuple[Any, Any]:
    size = {"size": {"height": 16, "width": 16}}
    tokenizer = "CLIPTokenizer" if IS_5 else "CLIPTokenizerFast"
    theirs = getattr(transformers, tokenizer).from_pretrained(folder)
    return (
        getattr(automodel_owlvit, f"{name}Processor")(
            ours_of(name, **size), AutoTokenizer.from_pretrained(folder)
        ),
        getattr(transformers, f"{name}Processor")(REFERENCES[name](**size), theirs),
    )


def assert_same(found: Any, expected: Any) -> None:
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert_close(torch.as_tensor(found[key]).float(), torch.as_tensor(value).float(), key)


@NAMES
def test_calls(name: str, folder: Path) -> None:
    ours, theirs = pair(name, folder)
    pictures = [Image.fromarray(drawn(30, 40)), Image.fromarray(drawn(20, 10))]
    calls: list[dict[str, Any]] = [
        {"text": LABELS[0]},
        {"text": "a cat"},
        {"text": [LABELS[0], LABELS[0][::-1]], "images": pictures},
        {"text": LABELS[:1], "images": pictures[0], "return_tensors": "np"},
        {"images": pictures},
        {"text": LABELS[0], "text_kwargs": {"padding": True}},
        {"text": LABELS[0], "padding": "longest", "truncation": True, "max_length": 4},
    ]
    for call in calls:
        tensors = {"return_tensors": "pt", **call}
        assert_same(ours(**tensors), theirs(**tensors))
    shown = {"query_images": pictures[1], "images": pictures[0], "return_tensors": "pt"}
    assert_same(ours(**shown), theirs(**shown))
    alone = {"query_images": pictures, "text": LABELS[0], "return_tensors": "pt"}
    assert_same(ours(**alone), theirs(**alone))
    older = {"images": pictures[0], "images_kwargs": {"query_images": pictures[1]}}
    assert_same(ours(**older, return_tensors="pt"), theirs(**shown))
    with pytest.raises(InputError, match="nothing to process"):
        ours()


@NAMES
def test_texts_that_only_fill_up_are_absent(name: str, folder: Path) -> None:
    """The reference encodes a space, which the model then looks for."""
    ours, theirs = pair(name, folder)
    found, expected = (each(text=LABELS, return_tensors="pt") for each in (ours, theirs))
    assert torch.equal(found["attention_mask"], expected["attention_mask"])
    assert torch.equal(found["input_ids"][:3], expected["input_ids"][:3])
    assert not found["input_ids"][3].any()
    assert expected["input_ids"][3, 0] > 0


@NAMES
def test_texts_of_objects(name: str, folder: Path) -> None:
    ours, theirs = pair(name, folder)
    given = outputs("usual", rows=2, queries=2)
    labels = [LABELS[0], ["remote", "sofa"]]
    for texts in (labels, None):
        more = {"threshold": 0.4, "target_sizes": [(30, 40), (20, 10)], "text_labels": texts}
        found, expected = (
            each.post_process_grounded_object_detection(given, **more) for each in (ours, theirs)
        )
        for one, other in zip(found, expected, strict=True):
            assert one["text_labels"] == other["text_labels"]
            assert_close(one["boxes"], other["boxes"])
    guided = SimpleNamespace(logits=given.logits, target_pred_boxes=given.pred_boxes)
    found, expected = (
        each.post_process_image_guided_detection(guided, 0.2, 0.4) for each in (ours, theirs)
    )
    for one, other in zip(found, expected, strict=True):
        assert_close(one["scores"], other["scores"])
    with pytest.warns(FutureWarning, match="grounded"):
        older = ours.post_process_object_detection(given, 0.4)
    assert len(older) == 2
    with pytest.raises(InputError, match="1 lists of text_labels were given for 2 images"):
        ours.post_process_grounded_object_detection(given, text_labels=labels[:1])


@NAMES
def test_files_of_processors_both_ways(name: str, folder: Path, tmp_path: Path) -> None:
    ours, theirs = pair(name, folder)
    given = {"text": LABELS[:1], "images": drawn(30, 40), "return_tensors": "pt"}
    expected = theirs(**given)
    for side, processor in (("ours", ours), ("theirs", theirs)):
        processor.save_pretrained(tmp_path / side)
        config = json.dumps({"model_type": name.lower()})
        (tmp_path / side / "config.json").write_text(config, "utf-8")
    read = AutoProcessor.from_pretrained(tmp_path / "theirs", **(PADDED if name == "Owlv2" else {}))
    assert type(read) is type(ours)
    assert_same(read(**given), expected)
    more = {"backend": "pil"} if IS_5 else {"use_fast": False}
    back = type(theirs).from_pretrained(tmp_path / "ours", **more)
    assert_same(back(**given), expected)
