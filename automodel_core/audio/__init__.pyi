from automodel_core.audio.feature_extractor import (
    ExtractionOptions as ExtractionOptions,
    SequenceFeatureExtractor as SequenceFeatureExtractor,
    WaveformFeatureExtractor as WaveformFeatureExtractor,
)
from automodel_core.audio.files import (
    Recording as Recording,
    read_audio as read_audio,
    write_audio as write_audio,
)
from automodel_core.audio.masking import span_mask as span_mask
from automodel_core.audio.mel import (
    hertz_to_mel as hertz_to_mel,
    mel_filter_bank as mel_filter_bank,
    mel_to_hertz as mel_to_hertz,
)
from automodel_core.audio.padding import padded_sequences as padded_sequences
from automodel_core.audio.resampling import resample as resample
from automodel_core.audio.spectra import (
    Framing as Framing,
    amplitude_to_db as amplitude_to_db,
    optimal_fft_length as optimal_fft_length,
    power_to_db as power_to_db,
    spectrogram as spectrogram,
    window_function as window_function,
)
from automodel_core.audio.waveforms import (
    mono as mono,
    normalized as normalized,
    waveform_tensor as waveform_tensor,
)
from automodel_core.preprocessing.batch import BatchFeature as BatchFeature
