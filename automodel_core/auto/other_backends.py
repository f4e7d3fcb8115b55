"""Names that users know from TensorFlow and Flax; each says, when used, what to use instead."""

from __future__ import annotations

from typing import Any, NoReturn

from automodel_core.errors import BackendUnavailableError

__all__ = [
    "FlaxAutoModel",
    "FlaxAutoModelForCausalLM",
    "FlaxAutoModelForImageClassification",
    "FlaxAutoModelForMaskedLM",
    "FlaxAutoModelForMultipleChoice",
    "FlaxAutoModelForNextSentencePrediction",
    "FlaxAutoModelForPreTraining",
    "FlaxAutoModelForQuestionAnswering",
    "FlaxAutoModelForSeq2SeqLM",
    "FlaxAutoModelForSequenceClassification",
    "FlaxAutoModelForSpeechSeq2Seq",
    "FlaxAutoModelForTokenClassification",
    "FlaxAutoModelForVision2Seq",
    "TFAutoModel",
    "TFAutoModelForAudioClassification",
    "TFAutoModelForAudioFrameClassification",
    "TFAutoModelForCausalLM",
    "TFAutoModelForDocumentQuestionAnswering",
    "TFAutoModelForImageClassification",
    "TFAutoModelForMaskGeneration",
    "TFAutoModelForMaskedImageModeling",
    "TFAutoModelForMaskedLM",
    "TFAutoModelForMultipleChoice",
    "TFAutoModelForNextSentencePrediction",
    "TFAutoModelForPreTraining",
    "TFAutoModelForQuestionAnswering",
    "TFAutoModelForSemanticSegmentation",
    "TFAutoModelForSeq2SeqLM",
    "TFAutoModelForSequenceClassification",
    "TFAutoModelForSpeechSeq2Seq",
    "TFAutoModelForTableQuestionAnswering",
    "TFAutoModelForTextEncoding",
    "TFAutoModelForTokenClassification",
    "TFAutoModelForVision2Seq",
    "TFAutoModelForZeroShotImageClassification",
]


class OtherBackend:
    """Base of the Auto classes of frameworks that no installed plugin serves."""

    framework = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise self._unavailable()

    @classmethod
    def from_pretrained(cls, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise `BackendUnavailableError`."""
        raise cls._unavailable()

    @classmethod
    def from_config(cls, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise `BackendUnavailableError`."""
        raise cls._unavailable()

    @classmethod
    def register(cls, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise `BackendUnavailableError`."""
        raise cls._unavailable()

    @classmethod
    def plan(cls, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise `BackendUnavailableError`."""
        raise cls._unavailable()

    @classmethod
    def _unavailable(cls) -> BackendUnavailableError:
        name = cls.__name__
        torch_name = name[name.index("Auto") :]
        return BackendUnavailableError(
            f"{name} makes {cls.framework} models, and no installed plugin does; use {torch_name}, "
            "which makes PyTorch models from the same checkpoints"
        )


class _TensorFlow(OtherBackend):
    framework = "TensorFlow"


class _Flax(OtherBackend):
    framework = "Flax"


class TFAutoModel(_TensorFlow):
    """`AutoModel` of TensorFlow."""


class TFAutoModelForPreTraining(_TensorFlow):
    """`AutoModelForPreTraining` of TensorFlow."""


class TFAutoModelForCausalLM(_TensorFlow):
    """`AutoModelForCausalLM` of TensorFlow."""


class TFAutoModelForMaskedLM(_TensorFlow):
    """`AutoModelForMaskedLM` of TensorFlow."""


class TFAutoModelForSeq2SeqLM(_TensorFlow):
    """`AutoModelForSeq2SeqLM` of TensorFlow."""


class TFAutoModelForSequenceClassification(_TensorFlow):
    """`AutoModelForSequenceClassification` of TensorFlow."""


class TFAutoModelForMultipleChoice(_TensorFlow):
    """`AutoModelForMultipleChoice` of TensorFlow."""


class TFAutoModelForNextSentencePrediction(_TensorFlow):
    """`AutoModelForNextSentencePrediction` of TensorFlow."""


class TFAutoModelForTokenClassification(_TensorFlow):
    """`AutoModelForTokenClassification` of TensorFlow."""


class TFAutoModelForQuestionAnswering(_TensorFlow):
    """`AutoModelForQuestionAnswering` of TensorFlow."""


class TFAutoModelForTextEncoding(_TensorFlow):
    """`AutoModelForTextEncoding` of TensorFlow."""


class TFAutoModelForImageClassification(_TensorFlow):
    """`AutoModelForImageClassification` of TensorFlow."""


class TFAutoModelForMaskedImageModeling(_TensorFlow):
    """`AutoModelForMaskedImageModeling` of TensorFlow."""


class TFAutoModelForVision2Seq(_TensorFlow):
    """`AutoModelForVision2Seq` of TensorFlow."""


class TFAutoModelForMaskGeneration(_TensorFlow):
    """`AutoModelForMaskGeneration` of TensorFlow."""


class TFAutoModelForSemanticSegmentation(_TensorFlow):
    """`AutoModelForSemanticSegmentation` of TensorFlow."""


class TFAutoModelForZeroShotImageClassification(_TensorFlow):
    """`AutoModelForZeroShotImageClassification` of TensorFlow."""


class TFAutoModelForAudioClassification(_TensorFlow):
    """`AutoModelForAudioClassification` of TensorFlow."""


class TFAutoModelForAudioFrameClassification(_TensorFlow):
    """`AutoModelForAudioFrameClassification` of TensorFlow."""


class TFAutoModelForSpeechSeq2Seq(_TensorFlow):
    """`AutoModelForSpeechSeq2Seq` of TensorFlow."""


class TFAutoModelForTableQuestionAnswering(_TensorFlow):
    """`AutoModelForTableQuestionAnswering` of TensorFlow."""


class TFAutoModelForDocumentQuestionAnswering(_TensorFlow):
    """`AutoModelForDocumentQuestionAnswering` of TensorFlow."""


class FlaxAutoModel(_Flax):
    """`AutoModel` of Flax."""


class FlaxAutoModelForPreTraining(_Flax):
    """`AutoModelForPreTraining` of Flax."""


class FlaxAutoModelForCausalLM(_Flax):
    """`AutoModelForCausalLM` of Flax."""


class FlaxAutoModelForMaskedLM(_Flax):
    """`AutoModelForMaskedLM` of Flax."""


class FlaxAutoModelForSeq2SeqLM(_Flax):
    """`AutoModelForSeq2SeqLM` of Flax."""


class FlaxAutoModelForSequenceClassification(_Flax):
    """`AutoModelForSequenceClassification` of Flax."""


class FlaxAutoModelForMultipleChoice(_Flax):
    """`AutoModelForMultipleChoice` of Flax."""


class FlaxAutoModelForNextSentencePrediction(_Flax):
    """`AutoModelForNextSentencePrediction` of Flax."""


class FlaxAutoModelForTokenClassification(_Flax):
    """`AutoModelForTokenClassification` of Flax."""


class FlaxAutoModelForQuestionAnswering(_Flax):
    """`AutoModelForQuestionAnswering` of Flax."""


class FlaxAutoModelForImageClassification(_Flax):
    """`AutoModelForImageClassification` of Flax."""


class FlaxAutoModelForVision2Seq(_Flax):
    """`AutoModelForVision2Seq` of Flax."""


class FlaxAutoModelForSpeechSeq2Seq(_Flax):
    """`AutoModelForSpeechSeq2Seq` of Flax."""
