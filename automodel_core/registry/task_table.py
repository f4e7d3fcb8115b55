"""The tasks that the core knows: name, Auto class, and what the model does."""

from __future__ import annotations

__all__ = ["OTHER_BACKENDS", "PIPELINES", "TASK_TABLE"]

_SUFFIXES = (
    ("base", "", "Hidden states of the body, without a head."),
    ("pretraining", "ForPreTraining", "The heads that the architecture was pretrained with."),
    ("causal-lm", "ForCausalLM", "The next token of a text."),
    ("masked-lm", "ForMaskedLM", "The tokens behind masks in a text."),
    ("seq2seq-lm", "ForSeq2SeqLM", "A text from a text: translation, summary, answer."),
    ("sequence-classification", "ForSequenceClassification", "A class or score for a text."),
    ("multiple-choice", "ForMultipleChoice", "The best of several continuations of a text."),
    ("next-sentence-prediction", "ForNextSentencePrediction", "Whether B follows A."),
    ("token-classification", "ForTokenClassification", "A class for each token of a text."),
    ("question-answering", "ForQuestionAnswering", "The span of a text that answers a question."),
    ("text-encoding", "ForTextEncoding", "Hidden states of a text encoder, without a decoder."),
    ("image-classification", "ForImageClassification", "A class for an image."),
    ("masked-image-modeling", "ForMaskedImageModeling", "The hidden patches of an image."),
    ("vision2seq", "ForVision2Seq", "A text from an image."),
    ("image-text-to-text", "ForImageTextToText", "A text from an image and a text."),
    ("mask-generation", "ForMaskGeneration", "Masks of the objects that points or boxes mean."),
    ("depth-estimation", "ForDepthEstimation", "The depth of each pixel of an image."),
    ("video-classification", "ForVideoClassification", "A class for a video."),
    ("keypoint-detection", "ForKeypointDetection", "Points of interest in an image."),
    ("object-detection", "ForObjectDetection", "Boxes and classes of the objects in an image."),
    ("image-segmentation", "ForImageSegmentation", "Masks and classes of what an image shows."),
    ("image-to-image", "ForImageToImage", "An image from an image, such as a sharper one."),
    ("semantic-segmentation", "ForSemanticSegmentation", "A class for each pixel of an image."),
    ("instance-segmentation", "ForInstanceSegmentation", "A mask for each object in an image."),
    ("universal-segmentation", "ForUniversalSegmentation", "Masks of objects and background."),
    (
        "zero-shot-image-classification",
        "ForZeroShotImageClassification",
        "The best of several labels, given as text, for an image.",
    ),
    (
        "zero-shot-object-detection",
        "ForZeroShotObjectDetection",
        "Boxes of the objects that a text names.",
    ),
    ("audio-classification", "ForAudioClassification", "A class for a recording."),
    ("audio-frame-classification", "ForAudioFrameClassification", "A class for each audio frame."),
    ("ctc", "ForCTC", "A character for each audio frame, for connectionist decoding."),
    ("speech-seq2seq", "ForSpeechSeq2Seq", "A text from speech, token by token."),
    ("audio-xvector", "ForAudioXVector", "A vector that identifies the speaker."),
    ("text-to-spectrogram", "ForTextToSpectrogram", "A spectrogram of speech from a text."),
    ("text-to-waveform", "ForTextToWaveform", "A waveform of speech from a text."),
    ("table-question-answering", "ForTableQuestionAnswering", "The cells that answer a question."),
    (
        "document-question-answering",
        "ForDocumentQuestionAnswering",
        "The span of a scanned document that answers a question.",
    ),
    ("visual-question-answering", "ForVisualQuestionAnswering", "The answer about an image."),
)

TASK_TABLE: tuple[tuple[str, str, str], ...] = (
    *((name, f"AutoModel{suffix}", description) for name, suffix, description in _SUFFIXES),
    ("backbone", "AutoBackbone", "Feature maps of an image, for other models."),
)

PIPELINES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("text-classification", "TextClassificationPipeline", ("sequence-classification",)),
    ("sentiment-analysis", "TextClassificationPipeline", ("sequence-classification",)),
    (
        "zero-shot-classification",
        "ZeroShotClassificationPipeline",
        ("sequence-classification",),
    ),
    ("token-classification", "TokenClassificationPipeline", ("token-classification",)),
    ("ner", "TokenClassificationPipeline", ("token-classification",)),
    ("question-answering", "QuestionAnsweringPipeline", ("question-answering",)),
    ("text-generation", "TextGenerationPipeline", ("causal-lm",)),
    ("text2text-generation", "Text2TextGenerationPipeline", ("seq2seq-lm",)),
    ("summarization", "SummarizationPipeline", ("seq2seq-lm",)),
    ("translation", "TranslationPipeline", ("seq2seq-lm",)),
    ("image-classification", "ImageClassificationPipeline", ("image-classification",)),
    ("image-to-text", "ImageToTextPipeline", ("vision2seq", "image-text-to-text")),
    ("image-text-to-text", "ImageTextToTextPipeline", ("image-text-to-text", "vision2seq")),
    ("depth-estimation", "DepthEstimationPipeline", ("depth-estimation",)),
    ("image-to-image", "ImageToImagePipeline", ("image-to-image",)),
    (
        "image-segmentation",
        "ImageSegmentationPipeline",
        (
            "image-segmentation",
            "semantic-segmentation",
            "universal-segmentation",
            "instance-segmentation",
        ),
    ),
    ("object-detection", "ObjectDetectionPipeline", ("object-detection",)),
    ("mask-generation", "MaskGenerationPipeline", ("mask-generation",)),
    ("keypoint-detection", "KeypointDetectionPipeline", ("keypoint-detection",)),
    ("video-classification", "VideoClassificationPipeline", ("video-classification",)),
    (
        "zero-shot-image-classification",
        "ZeroShotImageClassificationPipeline",
        ("zero-shot-image-classification",),
    ),
    (
        "zero-shot-object-detection",
        "ZeroShotObjectDetectionPipeline",
        ("zero-shot-object-detection",),
    ),
    (
        "visual-question-answering",
        "VisualQuestionAnsweringPipeline",
        ("visual-question-answering",),
    ),
    ("vqa", "VisualQuestionAnsweringPipeline", ("visual-question-answering",)),
    (
        "document-question-answering",
        "DocumentQuestionAnsweringPipeline",
        ("document-question-answering", "vision2seq", "image-text-to-text"),
    ),
    (
        "table-question-answering",
        "TableQuestionAnsweringPipeline",
        ("table-question-answering", "seq2seq-lm"),
    ),
    ("text-to-audio", "TextToAudioPipeline", ("text-to-waveform", "text-to-spectrogram")),
    ("text-to-speech", "TextToAudioPipeline", ("text-to-waveform", "text-to-spectrogram")),
    (
        "automatic-speech-recognition",
        "AutomaticSpeechRecognitionPipeline",
        ("ctc", "speech-seq2seq"),
    ),
    ("audio-classification", "AudioClassificationPipeline", ("audio-classification",)),
    ("fill-mask", "FillMaskPipeline", ("masked-lm",)),
    ("feature-extraction", "FeatureExtractionPipeline", ("base",)),
    ("image-feature-extraction", "ImageFeatureExtractionPipeline", ("base",)),
)
"""The core's pipelines: name, class in ``automodel_core.tasks``, tasks of its models.

Of those that fit a checkpoint's class, `pipeline` takes the first if no task is given.
"""

# What follows "AutoModelFor" in the names of Flax's classes, and in those of TensorFlow alone.
_FLAX = """
    PreTraining CausalLM MaskedLM Seq2SeqLM SequenceClassification MultipleChoice
    NextSentencePrediction TokenClassification QuestionAnswering ImageClassification Vision2Seq
    SpeechSeq2Seq
""".split()
_TENSORFLOW = """
    TextEncoding MaskedImageModeling MaskGeneration SemanticSegmentation ZeroShotImageClassification
    AudioClassification AudioFrameClassification TableQuestionAnswering DocumentQuestionAnswering
""".split()

OTHER_BACKENDS: tuple[str, ...] = (
    "TFAutoModel",
    *(f"TFAutoModelFor{suffix}" for suffix in (*_FLAX, *_TENSORFLOW)),
    "FlaxAutoModel",
    *(f"FlaxAutoModelFor{suffix}" for suffix in _FLAX),
)
"""The Auto classes of TensorFlow and Flax that users of transformers know."""
