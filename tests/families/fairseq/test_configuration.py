"""Keys that the family shares: checked together, with the names that others use."""

from __future__ import annotations

import subprocess
import sys

import pytest

from automodel_core.errors import ConfigurationError
from automodel_core.families.fairseq.configuration import FairseqConfig, FairseqDecoderConfig


@pytest.mark.parametrize("side", ["encoder", "decoder"])
def test_heads_must_share_the_size(side: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{side}_attention_heads=5"):
        FairseqConfig(d_model=16, **{f"{side}_attention_heads": 5})


@pytest.mark.parametrize(
    ("key", "value"),
    [("encoder_layerdrop", 1.5), ("decoder_ffn_dim", 0), ("d_model", 8.0), ("init_std", -1.0)],
)
def test_a_value_out_of_range_is_refused(key: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=key):
        FairseqConfig(**{key: value})


def test_common_names_lead_to_the_side_that_is_there() -> None:
    config = FairseqConfig(encoder_layers=5, decoder_layers=6, encoder_attention_heads=8)
    assert (config.num_hidden_layers, config.num_attention_heads) == (5, 8)
    alone = FairseqDecoderConfig(decoder_layers=6, decoder_attention_heads=4, hidden_size=64)
    assert (alone.num_hidden_layers, alone.num_attention_heads, alone.d_model) == (6, 4, 64)
    assert "encoder_layers" not in alone.to_dict()


@pytest.mark.parametrize("stale_first", [True, False])
def test_a_stale_number_of_layers_beside_the_real_one(stale_first: bool) -> None:
    keys = {"num_hidden_layers": 12, "encoder_layers": 6}
    if not stale_first:
        keys = dict(reversed(keys.items()))
    assert FairseqConfig(**keys).encoder_layers == 6


def test_configurations_need_no_torch() -> None:
    module = "automodel_core.families.fairseq.configuration"
    code = f"import sys, {module}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
