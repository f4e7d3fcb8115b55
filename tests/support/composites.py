"""Composites to compare with the reference: two architectures for each case."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor

from automodel_core.layers.images.patches import edges
from support.audio import AudioCase, heard
from support.family import ROWS, Case, Family, settled
from support.images import ImageCase
from support.parity import IS_5, SEEN, ArchitectureParity
from support.reference import assert_close, assert_same_outputs

__all__ = ["CompositeFamily", "CompositeParity", "part"]

SMALL: dict[str, dict[str, Any]] = {
    "bert": {
        "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 24, "max_position_embeddings": 32, "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    },
    "gpt2": {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 32},
    "bart": {
        "d_model": 16, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2,
        "decoder_attention_heads": 2, "encoder_ffn_dim": 24, "decoder_ffn_dim": 24,
        "max_position_embeddings": 32,
    },
    "vit": {
        "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 24, "image_size": 8, "patch_size": 4,
    },
    "trocr": {
        "d_model": 16, "decoder_layers": 2, "decoder_attention_heads": 2, "decoder_ffn_dim": 24,
        "max_position_embeddings": 32,
    },
    "marian": {
        "d_model": 16, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2,
        "decoder_attention_heads": 2, "encoder_ffn_dim": 24, "decoder_ffn_dim": 24,
        "max_position_embeddings": 32, "decoder_start_token_id": 1, "forced_eos_token_id": None,
    },
    "prophetnet": {
        "hidden_size": 16, "num_encoder_layers": 2, "num_decoder_layers": 2, "encoder_ffn_dim": 24,
        "num_encoder_attention_heads": 2, "num_decoder_attention_heads": 2, "decoder_ffn_dim": 24,
        "max_position_embeddings": 32, "ngram": 2, "num_buckets": 8,
        "relative_max_distance": 16,
    },
    "t5": {"d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 2, "num_heads": 2},
    "wav2vec2": {
        "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 20, "conv_dim": [8, 10, 8], "conv_stride": [4, 2, 2],
        "conv_kernel": [7, 3, 2], "num_conv_pos_embeddings": 6,
        "num_conv_pos_embedding_groups": 2, "vocab_size": 12,
    },
}  # fmt: skip
SMALL["deit"] = SMALL["vit"]
SMALL["mbart"] = SMALL["bart"]
SMALL["hubert"] = SMALL["wavlm"] = SMALL["wav2vec2"]
SENSES = {"image_size", "conv_dim"}
"""Keys of sides that read no tokens."""
SPECIAL = {"vocab_size": 40, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
ENCODER_ALONE = {"t5": "T5EncoderModel"}
"""Architectures whose body is an encoder-decoder, and what the reference calls the encoder."""


def part(model_type: str, **more: Any) -> dict[str, Any]:
    """Return the small configuration of one side."""
    special = {} if SENSES & SMALL[model_type].keys() else SPECIAL
    return {"model_type": model_type, **SMALL[model_type], **special, **more}


def unshifted_loss(logits: Tensor, labels: Tensor, **_: Any) -> Tensor:
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())


@dataclass(frozen=True)
class CompositeFamily(Family):
    """Cases name the configurations of both sides; encoders of images or sounds get some."""

    def reference(self, case: Case, head: str, seed: int = 0, **more: Any) -> Any:
        kind = getattr(transformers, head)
        values = copy.deepcopy({**self.small, **case.settings, **more})
        for side in ("encoder", "decoder"):
            values[side] |= {"attn_implementation": "eager"}
        values["decoder"] |= {"is_decoder": True, "add_cross_attention": True}
        alone = ENCODER_ALONE.get(case.settings["encoder"]["model_type"])
        config = kind.config_class(**values)
        config._attn_implementation = "eager"
        parts = {} if alone is None else {"encoder": getattr(transformers, alone)(config.encoder)}
        model = settled(kind(config=config, **parts), seed, untied=case.untied)
        if config.decoder.model_type == "bert":
            # Two names of one bias, of which an untied head uses the second alone.
            with torch.no_grad():
                predictions = model.decoder.cls.predictions
                predictions.bias.copy_(predictions.decoder.bias)
        if head == "VisionEncoderDecoderModel" and not IS_5:
            # 4.x shifts labels once more than their texts are, a slip that 5.x mended.
            model.loss_function = unshifted_loss
        return model

    def batch(self, case: Case, head: str, rows: int = ROWS, seed: int = 0) -> dict[str, Any]:
        given: dict[str, Any] = super().batch(case, head, rows, seed)
        if isinstance(case, AudioCase):
            given = {key: value for key, value in given.items() if key.startswith("decoder")}
            return given | heard(case, rows, seed)
        seen = case.settings.get("encoder", {})
        if "image_size" not in seen:
            return given
        usual = edges(seen["image_size"])
        pixels = case.pixels if isinstance(case, ImageCase) and case.pixels else usual
        given = {key: value for key, value in given.items() if key.startswith("decoder")}
        chance = torch.Generator().manual_seed(seed + 1)
        shape = (rows, seen.get("num_channels", 3), *pixels)
        given["pixel_values"] = torch.randn(shape, generator=chance)
        if pixels != usual:
            given["interpolate_pos_encoding"] = True
        return given


class CompositeParity(ArchitectureParity):
    """The story, without the chapters on bodies, which composites do not have."""

    test_a_body_loads_into_a_head_and_back = None  # type: ignore[assignment]
    test_defaults_are_those_of_the_reference = None  # type: ignore[assignment]
    test_embeddings_may_be_given = None  # type: ignore[assignment]
    test_first_values_have_the_same_spread = None  # type: ignore[assignment]

    def test_tuples_have_the_same_order(self, head: str) -> None:
        case = self.first_case()
        reference, model = self.family.pair(case, head)
        given = self.arguments(case, head) | SEEN | {"return_dict": False, "use_cache": False}
        with torch.no_grad():
            expected, found = reference(**given), model(**given)
        # Some versions hand on the encoder's pooled state, which only tuples have.
        pooled = [p for p in expected if isinstance(p, Tensor) and p.dim() == 2]
        kept = [p for p in expected if not any(p is each for each in pooled)]
        assert_close(found, [p for p in kept if not isinstance(p, tuple) or p])

    def test_files_go_both_ways(self, name: str, head: str, tmp_path: Path) -> None:
        case = self.family.cases[name]
        if case.settings["encoder"]["model_type"] not in ENCODER_ALONE:
            super().test_files_go_both_ways(name, head, tmp_path)
            return
        # The reference saves an encoder of its own kind, and looks for another when it loads.
        reference = self.family.reference(case, head)
        reference.save_pretrained(tmp_path / "theirs")
        kind = getattr(self.family.package, head)
        model, info = kind.from_pretrained(tmp_path / "theirs", output_loading_info=True)
        assert not any(info.values()), info
        again = self.family.reference(case, head, seed=1)
        again.load_state_dict(model.hub_state_dict())
        with torch.no_grad():
            given = self.arguments(case, head)
            assert_same_outputs(model(**given), reference(**given))
            assert_same_outputs(model(**given), again(**given))

    @pytest.mark.parametrize("side", ["encoder", "decoder"])
    def test_a_frozen_side_gets_no_gradient(self, head: str, side: str) -> None:
        case = self.first_case()
        reference, model = self.family.pair(case, head)
        given = self.arguments(case, head, reference.config)
        for each in (reference, model):
            getattr(each, side).requires_grad_(False)
            each(**given).loss.backward()
            grads = {n: p.grad for n, p in each.named_parameters()}
            assert not any(g is not None for n, g in grads.items() if n.startswith(side))
            assert any(g is not None for n, g in grads.items() if not n.startswith(side))
