"""Blenderbot and Blenderbot-small against the reference."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import transformers

import automodel_blenderbot
from parity.blenderbot.cases import BLENDERBOT, BLENDERBOT_SMALL, SMALL
from support.fairseq import FairseqParity
from support.family import Case, Family
from support.parity import assert_same_generation, generated

# What config.json of the released checkpoints holds besides sizes.
RELEASED = {
    "add_bias_logits": False, "add_final_layer_norm": True, "bos_token_id": 1,
    "decoder_start_token_id": 1, "do_blenderbot_90_layernorm": False, "eos_token_id": 2,
    "extra_layer_norm": False, "extra_pos_embeddings": 0, "force_bos_token_to_be_generated": False,
    "forced_eos_token_id": 2, "encoder_no_repeat_ngram_size": 3,
    "layernorm_variant": "prelayernorm", "length_penalty": 0.65, "max_length": 9,
    "min_length": 5, "no_repeat_ngram_size": 3, "normalize_before": True, "num_beams": 4,
    "num_hidden_layers": 2, "pad_token_id": 0,
    "scale_embedding": True, "static_position_embeddings": False, "unk_token_id": 3,
}  # fmt: skip


class TestBlenderbot(FairseqParity):
    family = BLENDERBOT


class TestBlenderbotSmall(FairseqParity):
    family = BLENDERBOT_SMALL


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("family", [BLENDERBOT, BLENDERBOT_SMALL], ids=["blenderbot", "small"])
def test_old_files(family: Family, tmp_path: Path) -> None:
    name = family.heads[1]
    reference = family.reference(Case(), name)
    values = {**RELEASED, **SMALL, "model_type": reference.config.model_type}
    (tmp_path / "config.json").write_text(json.dumps(values))
    state = {key: tensor.clone() for key, tensor in reference.state_dict().items()}
    torch.save(state, tmp_path / "pytorch_model.bin")
    theirs = getattr(transformers, name).from_pretrained(tmp_path).eval()
    kind = getattr(automodel_blenderbot, name)
    ours, info = kind.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values()), info
    given = family.batch(Case(), name)
    given = {key: value for key, value in given.items() if "decoder" not in key}
    assert_same_generation(generated(ours, given, {}), generated(theirs, given, {}))
    assert ours.generation_config.num_beams == 4
