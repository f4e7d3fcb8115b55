"""The Auto classes of models: one class statement a task, for editors and type checkers.

What each is for, its docstring, is in the table of `automodel_core.registry.task_table`.
"""

from __future__ import annotations

from automodel_core.auto.model_base import (
    AutoBackboneBase,
    AutoGenerativeModel,
    AutoModelBase,
)
from automodel_core.registry.task_table import TASK_TABLE

__all__ = [auto_class for _, auto_class, _ in TASK_TABLE]


class AutoModel(AutoModelBase, task="base"): ...


class AutoModelForPreTraining(AutoModelBase, task="pretraining"): ...


class AutoModelForCausalLM(AutoGenerativeModel, task="causal-lm"): ...


class AutoModelForMaskedLM(AutoModelBase, task="masked-lm"): ...


class AutoModelForSeq2SeqLM(AutoGenerativeModel, task="seq2seq-lm"): ...


class AutoModelForSequenceClassification(AutoModelBase, task="sequence-classification"): ...


class AutoModelForMultipleChoice(AutoModelBase, task="multiple-choice"): ...


class AutoModelForNextSentencePrediction(AutoModelBase, task="next-sentence-prediction"): ...


class AutoModelForTokenClassification(AutoModelBase, task="token-classification"): ...


class AutoModelForQuestionAnswering(AutoModelBase, task="question-answering"): ...


class AutoModelForTextEncoding(AutoModelBase, task="text-encoding"): ...


class AutoModelForImageClassification(AutoModelBase, task="image-classification"): ...


class AutoModelForMaskedImageModeling(AutoModelBase, task="masked-image-modeling"): ...


class AutoModelForVision2Seq(
    AutoGenerativeModel, task="vision2seq", other_tasks=("image-text-to-text",)
): ...


class AutoModelForImageTextToText(
    AutoGenerativeModel, task="image-text-to-text", other_tasks=("vision2seq",)
): ...


class AutoModelForMaskGeneration(AutoModelBase, task="mask-generation"): ...


class AutoModelForDepthEstimation(AutoModelBase, task="depth-estimation"): ...


class AutoModelForVideoClassification(AutoModelBase, task="video-classification"): ...


class AutoModelForKeypointDetection(AutoModelBase, task="keypoint-detection"): ...


class AutoModelForObjectDetection(AutoModelBase, task="object-detection"): ...


class AutoModelForImageSegmentation(AutoModelBase, task="image-segmentation"): ...


class AutoModelForImageToImage(AutoModelBase, task="image-to-image"): ...


class AutoModelForSemanticSegmentation(AutoModelBase, task="semantic-segmentation"): ...


class AutoModelForInstanceSegmentation(AutoModelBase, task="instance-segmentation"): ...


class AutoModelForUniversalSegmentation(AutoModelBase, task="universal-segmentation"): ...


class AutoModelForZeroShotImageClassification(
    AutoModelBase, task="zero-shot-image-classification"
): ...


class AutoModelForZeroShotObjectDetection(AutoModelBase, task="zero-shot-object-detection"): ...


class AutoModelForAudioClassification(AutoModelBase, task="audio-classification"): ...


class AutoModelForAudioFrameClassification(AutoModelBase, task="audio-frame-classification"): ...


class AutoModelForCTC(AutoModelBase, task="ctc"): ...


class AutoModelForSpeechSeq2Seq(AutoGenerativeModel, task="speech-seq2seq"): ...


class AutoModelForAudioXVector(AutoModelBase, task="audio-xvector"): ...


class AutoModelForTextToSpectrogram(AutoModelBase, task="text-to-spectrogram"): ...


class AutoModelForTextToWaveform(AutoModelBase, task="text-to-waveform"): ...


class AutoModelForTableQuestionAnswering(AutoModelBase, task="table-question-answering"): ...


class AutoModelForDocumentQuestionAnswering(AutoModelBase, task="document-question-answering"): ...


class AutoModelForVisualQuestionAnswering(AutoModelBase, task="visual-question-answering"): ...


class AutoBackbone(AutoBackboneBase, task="backbone"): ...


for _, _name, _description in TASK_TABLE:
    globals()[_name].__doc__ = _description
