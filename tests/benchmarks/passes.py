"""Bodies at real sizes that are run once, without a cache, and who runs them.

``python -m benchmarks.passes FOLDER SHAPE ROWS WHO`` prints the peak memory of a process that loads
a checkpoint and runs it, in MiB.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor

import automodel_core
from automodel_core.exporting import export_model
from benchmarks.products import floor

__all__ = ["CONTENDERS", "PASSES", "Pass", "peak"]

TOKENS = 128
PICTURE = (480, 640)
SQUARE = (512, 512)
OUTPUTS = (
    "predicted_depth",
    "logits_per_image",
    "masks_queries_logits",
    "reconstruction",
    "logits",
    "last_hidden_state",
)
Run = Callable[[], "Tensor | None"]


def text(config: Any, rows: int, tokens: int = TOKENS) -> dict[str, Tensor]:
    """Return random tokens, none of them special, which all are shown."""
    ids = torch.randint(3, config.vocab_size - 1, (rows, tokens))
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def sound(config: Any, rows: int) -> dict[str, Tensor]:
    """Return two seconds of sound."""
    return {"input_values": torch.randn(rows, 32_000)}


def image(config: Any, rows: int) -> dict[str, Tensor]:
    """Return random pixels."""
    return {"pixel_values": torch.randn(rows, 3, config.image_size, config.image_size)}


def picture(config: Any, rows: int) -> dict[str, Tensor]:
    """Return random pixels of pictures that a model takes at any size."""
    return {"pixel_values": torch.randn(rows, 3, *PICTURE)}


def square(config: Any, rows: int) -> dict[str, Tensor]:
    """Return random pixels of square pictures that a model takes at any size."""
    return {"pixel_values": torch.randn(rows, 3, *SQUARE)}


def queries(config: Any, rows: int) -> dict[str, Tensor]:
    """Return images, and two texts to find in each."""
    words = text(config.text_config, 2 * rows, config.text_config.max_position_embeddings)
    return {**words, **image(config.vision_config, rows)}


def both(config: Any, rows: int) -> dict[str, Tensor]:
    """Return as many texts as images, of the longest that the model reads."""
    words = text(config.text_config, rows, config.text_config.max_position_embeddings)
    return {"input_ids": words["input_ids"], **image(config.vision_config, rows)}


@dataclass(frozen=True)
class Pass:
    """A configuration, what models of it read, and the Auto class that makes them."""

    config: Any
    inputs: Callable[[Any, int], dict[str, Tensor]] = text
    auto: str = "AutoModel"
    fixed: bool = False
    """Whether a program of it takes one number of rows, as rows of its inputs differ."""

    def checkpoint(self, folder: Path) -> Path:
        """Return the folder of a checkpoint, written into ``folder`` unless it is there."""
        target = folder / next(name for name, each in PASSES.items() if each is self)
        if not (target / "model.safetensors").exists():
            torch.manual_seed(0)
            getattr(transformers, self.auto).from_config(self.config).save_pretrained(target)
        return target

    def drawn(self, rows: int) -> dict[str, Tensor]:
        """Return the same inputs at each call."""
        torch.manual_seed(1)
        return self.inputs(self.config, rows)


PASSES: dict[str, Pass] = {
    "bert-base": Pass(transformers.BertConfig()),
    "roberta-base": Pass(
        transformers.RobertaConfig(
            max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5
        )
    ),
    "deberta-v3-base": Pass(
        transformers.DebertaV2Config(
            hidden_size=768,
            num_hidden_layers=12,
            num_attention_heads=12,
            intermediate_size=3072,
            type_vocab_size=0,
            relative_attention=True,
            position_buckets=256,
            norm_rel_ebd="layer_norm",
            share_att_key=True,
            pos_att_type=["p2c", "c2p"],
            position_biased_input=False,
        )
    ),
    "vit-base": Pass(transformers.ViTConfig(), image),
    "swin-tiny": Pass(transformers.SwinConfig(), image),
    "clip-base": Pass(transformers.CLIPConfig(), both),
    "siglip-base": Pass(transformers.SiglipConfig(), both),
    "dpt-large": Pass(transformers.DPTConfig(), image, "AutoModelForDepthEstimation"),
    "detr-resnet-50": Pass(
        transformers.DetrConfig(backbone_config=transformers.ResNetConfig()),
        picture,
        "AutoModelForObjectDetection",
    ),
    "owlvit-base": Pass(
        transformers.OwlViTConfig(), queries, "AutoModelForZeroShotObjectDetection", fixed=True
    ),
    "maskformer-swin-tiny": Pass(
        transformers.MaskFormerConfig(
            backbone_config=transformers.SwinConfig(
                out_features=["stage1", "stage2", "stage3", "stage4"]
            ),
            num_labels=150,
        ),
        square,
        "AutoModelForInstanceSegmentation",
    ),
    "sam-encoder": Pass(transformers.SamVisionConfig(), image),
    "swin2sr": Pass(transformers.Swin2SRConfig(), image, "AutoModelForImageToImage"),
    "gpt2": Pass(transformers.GPT2Config(use_cache=False)),
    "wav2vec2-base": Pass(transformers.Wav2Vec2Config(), sound),
}


def wanted_of(names: Iterable[str]) -> str:
    """Return the output that is compared."""
    found = set(names)
    return next(name for name in OUTPUTS if name in found)


class First(torch.nn.Module):
    """A model that returns the one output that is compared."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, **inputs: Tensor) -> Tensor:
        output = self.model(**inputs)
        found: Tensor = output[wanted_of(output)]
        return found


def of_model(model: Any, inputs: Mapping[str, Tensor]) -> Run:
    @torch.inference_mode()
    def once() -> Tensor:
        output = model(**inputs)
        found: Tensor = output[wanted_of(output)]
        return found

    return once


def ours(folder: Path, shape: Pass, rows: int) -> Run:
    auto: Any = getattr(automodel_core, shape.auto)
    return of_model(auto.from_pretrained(shape.checkpoint(folder)), shape.drawn(rows))


def theirs(folder: Path, shape: Pass, rows: int) -> Run:
    auto = getattr(transformers, shape.auto)
    return of_model(auto.from_pretrained(shape.checkpoint(folder)).eval(), shape.drawn(rows))


def in_onnxruntime(folder: Path, shape: Pass, rows: int) -> Run:
    """Run the program of our model: the same weights, on as many threads."""
    import onnxruntime

    target = shape.checkpoint(folder)
    taken = f"-{rows}" if shape.fixed else ""
    program = target.with_name(f"{target.name}{taken}-onnx")
    if not program.exists():
        model = getattr(automodel_core, shape.auto).from_pretrained(target)
        if shape.fixed:
            program.mkdir()
            given = shape.drawn(rows)
            names = [wanted_of(model(**given))]
            made: Any = torch.onnx.export(
                First(model), (), kwargs=given, output_names=names, dynamo=True
            )
            made.save(str(program / "model.onnx"))
        else:
            given, others = shape.drawn(2), shape.drawn(3)
            export_model(model, program, to="onnx", inputs=given, other_inputs=others)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(
        str(program / "model.onnx"), settings, providers=["CPUExecutionProvider"]
    )
    inputs = shape.drawn(rows)
    arrays = {part.name: inputs[part.name].numpy() for part in session.get_inputs()}
    wanted = wanted_of(part.name for part in session.get_outputs())
    return lambda: torch.from_numpy(session.run([wanted], arrays)[0])


def products(folder: Path, shape: Pass, rows: int) -> Run:
    """Run the products alone, which give no output."""
    auto = getattr(transformers, shape.auto)
    model = auto.from_pretrained(shape.checkpoint(folder), attn_implementation="eager")
    run = floor(model.eval(), shape.drawn(rows))

    def once() -> None:
        run()

    return once


CONTENDERS: dict[str, Callable[[Path, Pass, int], Run]] = {
    "automodel": ours,
    "transformers": theirs,
    "onnxruntime": in_onnxruntime,
    "products": products,
}


def peak(folder: Path, name: str, rows: int, who: str) -> int:
    """Return the most memory, in MiB, that a process of its own takes to load and run a model."""
    command = [sys.executable, "-m", "benchmarks.passes", str(folder), name, str(rows), who]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(ran.stdout.split()[-1])


def main() -> None:
    folder, name, rows, who = sys.argv[1:]
    run = CONTENDERS[who](Path(folder), PASSES[name], int(rows))
    for _ in range(2):
        run()
    status = Path("/proc/self/status").read_text()
    print(int(status.partition("VmHWM:")[2].split()[0]) // 1024)


if __name__ == "__main__":
    main()
