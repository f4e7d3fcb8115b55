"""Speech models alone: hidden frames, negatives, lengths, names of weights, and refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from automodel_core import AutoModelForAudioXVector
from automodel_core.errors import ConfigurationError, InputError
from automodel_wav2vec2 import (
    HubertConfig,
    HubertModel,
    Wav2Vec2Config,
    Wav2Vec2ForCTC,
    Wav2Vec2ForSequenceClassification,
    Wav2Vec2Model,
    WavLMConfig,
    WavLMModel,
    sample_negative_indices,
)

SMALL: dict[str, Any] = {
    "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 8,
    "conv_dim": [4, 4], "conv_stride": [10, 4], "conv_kernel": [12, 4], "vocab_size": 6,
    "num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2, "layerdrop": 0.0,
}  # fmt: skip


def test_training_hides_spans_that_a_seed_repeats() -> None:
    config = Wav2Vec2Config(**SMALL, mask_time_prob=0.5, mask_time_length=3)
    model = Wav2Vec2Model(config).train()
    sound = torch.randn(2, 1000)
    runs = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        runs.append(model(sound).last_hidden_state)
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])
    calm = model.eval()(sound).last_hidden_state
    assert torch.equal(calm, model(sound).last_hidden_state)


def test_hidden_frames_that_are_given() -> None:
    model = Wav2Vec2Model(Wav2Vec2Config(**SMALL)).eval()
    sound = torch.randn(1, 400)
    frames = model(sound).last_hidden_state.shape[1]
    hidden = torch.zeros(1, frames)
    hidden[:, 2:4] = 1
    assert not torch.equal(model(sound, mask_time_indices=hidden)[0], model(sound)[0])
    without = Wav2Vec2Model(Wav2Vec2Config(**SMALL, mask_time_prob=0.0)).eval()
    assert without.masked_spec_embed is None
    with pytest.raises(InputError, match="mask_time_indices need a vector"):
        without(sound, mask_time_indices=hidden)


def test_negatives_are_other_hidden_frames_of_the_row() -> None:
    mask = torch.tensor([[0, 1, 1, 0, 1], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0]]).bool()
    drawn = sample_negative_indices(mask, 50)
    for row in range(3):
        hidden = set((mask[row].nonzero().flatten() + 5 * row).tolist())
        for place in mask[row].nonzero().flatten().tolist():
            found = set(drawn[row, place].tolist())
            assert found == hidden - {place + 5 * row}
    with pytest.raises(InputError, match="row 0 hides one frame alone"):
        sample_negative_indices(torch.tensor([[1, 0]]), 2)


@pytest.mark.parametrize(
    ("kind", "config"),
    [(Wav2Vec2Model, Wav2Vec2Config), (HubertModel, HubertConfig), (WavLMModel, WavLMConfig)],
)
def test_weight_norm_in_both_spellings(kind: Any, config: Any) -> None:
    model = kind(config(**SMALL)).eval()
    state = model.hub_state_dict()
    newer = {
        name.replace("weight_g", "parametrizations.weight.original0").replace(
            "weight_v", "parametrizations.weight.original1"
        ): value
        for name, value in state.items()
    }
    assert newer.keys() != state.keys()
    again = kind.from_pretrained(None, config=model.config, state_dict=newer)
    sound = torch.randn(1, 400)
    assert torch.equal(again(sound)[0], model(sound)[0])


def test_a_body_without_the_vector_of_hidden_frames_loads() -> None:
    model = Wav2Vec2ForCTC(Wav2Vec2Config(**SMALL))
    state = model.hub_state_dict()
    del state["wav2vec2.masked_spec_embed"]
    again = Wav2Vec2ForCTC.from_pretrained(None, config=model.config, state_dict=state)
    assert torch.equal(again.lm_head.weight, model.lm_head.weight)


def test_a_body_loads_below_a_head_that_has_a_layer_of_the_same_name(tmp_path: Path) -> None:
    body = Wav2Vec2Model(Wav2Vec2Config(**SMALL))
    body.save_pretrained(tmp_path)
    head = AutoModelForAudioXVector.from_pretrained(tmp_path)
    expected = body.stem.conv_layers[0].conv.weight
    assert torch.equal(head.model.stem.conv_layers[0].conv.weight, expected)
    assert head.feature_extractor.in_features == 3000


def test_what_cannot_be_heard() -> None:
    model = Wav2Vec2ForCTC(Wav2Vec2Config(**SMALL))
    with pytest.raises(InputError, match="give input_values"):
        model()
    with pytest.raises(InputError, match=r"are \(batch, samples\), not of shape \(1, 1, 400\)"):
        model(torch.randn(1, 1, 400))
    with pytest.raises(InputError, match="30 samples are too few for one frame, which needs 42"):
        model(torch.randn(1, 30))
    with pytest.raises(InputError, match=r"the label 6 is none of the 6 symbols"):
        model(torch.randn(1, 400), labels=torch.tensor([[6]]))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"conv_dim": [4]}, r"have \[1, 2, 2\] entries"),
        ({"feat_extract_norm": "batch"}, "feat_extract_norm='batch' is not 'group' or 'layer'"),
        ({"num_attention_heads": 3}, "not a multiple of num_attention_heads=3"),
        ({"ctc_loss_reduction": "max"}, "ctc_loss_reduction='max'"),
        ({"tdnn_dim": [4]}, r"have \[1, 5, 5\] entries"),
        ({"codevector_dim": 5}, "codevector_dim=5 is not a multiple"),
    ],
)
def test_configurations_that_cannot_be(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Wav2Vec2Config(**{**SMALL, **keys})


def test_heads_that_take_no_adapter() -> None:
    with pytest.raises(ConfigurationError, match="add_adapter=True makes shorter"):
        Wav2Vec2ForSequenceClassification(Wav2Vec2Config(**SMALL, add_adapter=True))
    with pytest.raises(ConfigurationError, match="needs vocab_size"):
        Wav2Vec2ForCTC(Wav2Vec2Config(**{**SMALL, "vocab_size": None}))
