"""The feature extractor of Wav2Vec2 and its descendants."""

from __future__ import annotations

from automodel_core.audio import WaveformFeatureExtractor


class Wav2Vec2FeatureExtractor(WaveformFeatureExtractor):
    """Samples of mean 0 and variance 1, at 16 kHz.

    Models whose ``feat_extract_norm`` is ``group`` were trained without masks, and hear the
    padding; those with ``layer`` need ``return_attention_mask``.
    """

    return_attention_mask: bool = False
