"""The Auto classes of models: one class statement a task.

The statements are the rows of the task table, which `automodel_core.registry.task_table` holds.
"""

from __future__ import annotations

from automodel_core.auto.model_base import AutoModelBase

__all__ = [
    "AutoModel",
    "AutoModelForAudioClassification",
    "AutoModelForAudioFrameClassification",
    "AutoModelForAudioXVector",
    "AutoModelForCTC",
    "AutoModelForCausalLM",
    "AutoModelForDepthEstimation",
    "AutoModelForDocumentQuestionAnswering",
    "AutoModelForImageClassification",
    "AutoModelForImageSegmentation",
    "AutoModelForImageTextToText",
    "AutoModelForImageToImage",
    "AutoModelForInstanceSegmentation",
    "AutoModelForKeypointDetection",
    "AutoModelForMaskGeneration",
    "AutoModelForMaskedImageModeling",
    "AutoModelForMaskedLM",
    "AutoModelForMultipleChoice",
    "AutoModelForNextSentencePrediction",
    "AutoModelForObjectDetection",
    "AutoModelForPreTraining",
    "AutoModelForQuestionAnswering",
    "AutoModelForSemanticSegmentation",
    "AutoModelForSeq2SeqLM",
    "AutoModelForSequenceClassification",
    "AutoModelForSpeechSeq2Seq",
    "AutoModelForTableQuestionAnswering",
    "AutoModelForTextEncoding",
    "AutoModelForTextToSpectrogram",
    "AutoModelForTextToWaveform",
    "AutoModelForTokenClassification",
    "AutoModelForUniversalSegmentation",
    "AutoModelForVideoClassification",
    "AutoModelForVision2Seq",
    "AutoModelForVisualQuestionAnswering",
    "AutoModelForZeroShotImageClassification",
    "AutoModelForZeroShotObjectDetection",
]


class AutoModel(AutoModelBase, task="base"):
    """Hidden states of the body, without a head."""


class AutoModelForPreTraining(AutoModelBase, task="pretraining"):
    """The heads that the architecture was pretrained with."""


class AutoModelForCausalLM(AutoModelBase, task="causal-lm"):
    """The next token of a text."""


class AutoModelForMaskedLM(AutoModelBase, task="masked-lm"):
    """The tokens behind masks in a text."""


class AutoModelForSeq2SeqLM(AutoModelBase, task="seq2seq-lm"):
    """A text from a text: translation, summary, answer."""


class AutoModelForSequenceClassification(AutoModelBase, task="sequence-classification"):
    """A class or score for a text."""


class AutoModelForMultipleChoice(AutoModelBase, task="multiple-choice"):
    """The best of several continuations of a text."""


class AutoModelForNextSentencePrediction(AutoModelBase, task="next-sentence-prediction"):
    """Whether B follows A."""


class AutoModelForTokenClassification(AutoModelBase, task="token-classification"):
    """A class for each token of a text."""


class AutoModelForQuestionAnswering(AutoModelBase, task="question-answering"):
    """The span of a text that answers a question."""


class AutoModelForTextEncoding(AutoModelBase, task="text-encoding"):
    """Hidden states of a text encoder, without a decoder."""


class AutoModelForImageClassification(AutoModelBase, task="image-classification"):
    """A class for an image."""


class AutoModelForMaskedImageModeling(AutoModelBase, task="masked-image-modeling"):
    """The hidden patches of an image."""


class AutoModelForVision2Seq(AutoModelBase, task="vision2seq", other_tasks=("image-text-to-text",)):
    """A text from an image."""


class AutoModelForImageTextToText(
    AutoModelBase, task="image-text-to-text", other_tasks=("vision2seq",)
):
    """A text from an image and a text."""


class AutoModelForMaskGeneration(AutoModelBase, task="mask-generation"):
    """Masks of the objects that points or boxes mean."""


class AutoModelForDepthEstimation(AutoModelBase, task="depth-estimation"):
    """The depth of each pixel of an image."""


class AutoModelForVideoClassification(AutoModelBase, task="video-classification"):
    """A class for a video."""


class AutoModelForKeypointDetection(AutoModelBase, task="keypoint-detection"):
    """Points of interest in an image."""


class AutoModelForObjectDetection(AutoModelBase, task="object-detection"):
    """Boxes and classes of the objects in an image."""


class AutoModelForImageSegmentation(AutoModelBase, task="image-segmentation"):
    """Masks and classes of what an image shows."""


class AutoModelForImageToImage(AutoModelBase, task="image-to-image"):
    """An image from an image, such as a sharper one."""


class AutoModelForSemanticSegmentation(AutoModelBase, task="semantic-segmentation"):
    """A class for each pixel of an image."""


class AutoModelForInstanceSegmentation(AutoModelBase, task="instance-segmentation"):
    """A mask for each object in an image."""


class AutoModelForUniversalSegmentation(AutoModelBase, task="universal-segmentation"):
    """Masks of objects and background."""


class AutoModelForZeroShotImageClassification(AutoModelBase, task="zero-shot-image-classification"):
    """The best of several labels, given as text, for an image."""


class AutoModelForZeroShotObjectDetection(AutoModelBase, task="zero-shot-object-detection"):
    """Boxes of the objects that a text names."""


class AutoModelForAudioClassification(AutoModelBase, task="audio-classification"):
    """A class for a recording."""


class AutoModelForAudioFrameClassification(AutoModelBase, task="audio-frame-classification"):
    """A class for each audio frame."""


class AutoModelForCTC(AutoModelBase, task="ctc"):
    """A character for each audio frame, for connectionist decoding."""


class AutoModelForSpeechSeq2Seq(AutoModelBase, task="speech-seq2seq"):
    """A text from speech, token by token."""


class AutoModelForAudioXVector(AutoModelBase, task="audio-xvector"):
    """A vector that identifies the speaker."""


class AutoModelForTextToSpectrogram(AutoModelBase, task="text-to-spectrogram"):
    """A spectrogram of speech from a text."""


class AutoModelForTextToWaveform(AutoModelBase, task="text-to-waveform"):
    """A waveform of speech from a text."""


class AutoModelForTableQuestionAnswering(AutoModelBase, task="table-question-answering"):
    """The cells that answer a question."""


class AutoModelForDocumentQuestionAnswering(AutoModelBase, task="document-question-answering"):
    """The span of a scanned document that answers a question."""


class AutoModelForVisualQuestionAnswering(AutoModelBase, task="visual-question-answering"):
    """The answer about an image."""
