"""The settings of watermarks: read, merged, checked and saved."""

from __future__ import annotations

import json

import pytest

from automodel_core import generation as g
from automodel_core.errors import GenerationArgumentError
from automodel_core.generation.settings.watermark import watermarking_of

SYNTHID = {"ngram_len": 3, "keys": [654, 400, 836, 123, 340, 443]}


@pytest.mark.parametrize("settings", [{"bias": 1.5}, SYNTHID])
def test_settings_go_into_files_and_back(settings, tmp_path):
    config = g.GenerationConfig(watermarking_config=settings)
    kind = g.WatermarkingConfig if "bias" in settings else g.SynthIDTextWatermarkingConfig
    assert config.watermarking_config == kind(**settings)
    config.save_pretrained(tmp_path)
    again = g.GenerationConfig.from_pretrained(tmp_path)
    assert again.watermarking_config == config.watermarking_config
    assert again == config
    assert json.loads(config.to_json_string())["watermarking_config"] == kind(**settings).to_dict()
    assert json.loads(kind(**settings).to_json_string()) == kind(**settings).to_dict()
    mark = kind.from_dict(settings)
    assert mark.update(debug_mode=True, bias=9.0, other=1).keys() >= {"other"}
    assert mark != kind(**settings)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"bais": 1.0}, "bais"),
        ({"greenlist_ratio": 1.0}, "greenlist_ratio must be between 0 and 1"),
        ({"seeding_scheme": "right"}, "lefthash or selfhash"),
        ({"context_width": 0}, "context_width must be at least 1"),
        ({"ngram_len": 1, "keys": [1]}, "ngram_len must be at least 2"),
        ({"ngram_len": 3, "keys": []}, "keys must be"),
        ({"ngram_len": 3, "keys": [1], "sampling_table_size": 2**25}, "sampling_table_size"),
        (3, "must be a WatermarkingConfig"),
    ],
)
def test_wrong_settings_are_refused(setting, message, decoder, prompt):
    with pytest.raises(GenerationArgumentError, match=message):
        watermarking_of(setting)
    with pytest.raises(GenerationArgumentError, match=message):
        g.GenerationConfig(watermarking_config=setting)
    with pytest.raises(GenerationArgumentError, match=message):
        decoder.generate(prompt, watermarking_config=setting, max_new_tokens=2)
    assert decoder.counting.decoder_lengths == []
