"""Names that transformers has and we have not: what errors say of them."""

from __future__ import annotations

import pytest
import torch

from automodel_core.configuration import PreTrainedConfig
from automodel_core.other_names import MODELS, missing_attribute
from automodel_core.testing import SmallTextConfig, SmallTextModel
from automodel_core.vision import BaseImageProcessor

IDS = torch.tensor([[5, 7, 2, 9]])


def test_the_advice_is_in_the_error() -> None:
    error = missing_attribute(IDS, "prune_heads", MODELS)
    assert str(error) == "Tensor has no attribute 'prune_heads': attention keeps all its heads"
    assert str(missing_attribute(IDS, "colour", MODELS)) == "Tensor has no attribute 'colour'"


def test_models_say_it() -> None:
    model = SmallTextModel(SmallTextConfig())
    with pytest.raises(AttributeError, match="prune_heads': attention keeps all its heads"):
        model.prune_heads({0: [1]})
    with pytest.raises(TypeError, match=r"takes no head_mask \(attention keeps all its heads\)"):
        model(IDS, head_mask=torch.ones(2))
    assert not hasattr(model, "parallelize")


def test_configurations_say_it() -> None:
    config = PreTrainedConfig()
    assert config.task_specific_params is config.prefix is None
    assert "prefix" not in config.to_dict()
    with pytest.raises(AttributeError, match="num_beams': settings of generation are those of"):
        config.num_beams  # noqa: B018
    assert PreTrainedConfig.attribute_map is PreTrainedConfig.aliases


def test_image_processors_say_it() -> None:
    processor = BaseImageProcessor()
    assert processor.is_fast is False
    with pytest.raises(AttributeError, match=r"resize': automodel_core\.vision\.resize does it"):
        processor.resize(IDS)
