from automodel_core.tasks.base.chunks import Chunk as Chunk, Padding as Padding
from automodel_core.tasks.base.generating import GenerativePipeline as GenerativePipeline
from automodel_core.tasks.base.looking import PicturePipeline as PicturePipeline
from automodel_core.tasks.base.pipeline import Pipeline as Pipeline
from automodel_core.tasks.base.return_types import ReturnType as ReturnType
from automodel_core.tasks.finding import get_supported_tasks as get_supported_tasks
from automodel_core.tasks.inputs.series import (
    KeyDataset as KeyDataset,
    KeyPairDataset as KeyPairDataset,
)
from automodel_core.tasks.opening import pipeline as pipeline
from automodel_core.tasks.pairs.documents import (
    DocumentQuestionAnsweringPipeline as DocumentQuestionAnsweringPipeline,
)
from automodel_core.tasks.pairs.image_text import (
    ImageTextToTextPipeline as ImageTextToTextPipeline,
)
from automodel_core.tasks.pairs.visual_questions import (
    VisualQuestionAnsweringPipeline as VisualQuestionAnsweringPipeline,
)
from automodel_core.tasks.pairs.zero_shot import (
    ZeroShotImageClassificationPipeline as ZeroShotImageClassificationPipeline,
)
from automodel_core.tasks.pairs.zero_shot_objects import (
    ZeroShotObjectDetectionPipeline as ZeroShotObjectDetectionPipeline,
)
from automodel_core.tasks.pictures.captions import ImageToTextPipeline as ImageToTextPipeline
from automodel_core.tasks.pictures.classification import (
    ImageClassificationPipeline as ImageClassificationPipeline,
)
from automodel_core.tasks.pictures.depth import (
    DepthEstimationPipeline as DepthEstimationPipeline,
)
from automodel_core.tasks.pictures.features import (
    ImageFeatureExtractionPipeline as ImageFeatureExtractionPipeline,
)
from automodel_core.tasks.pictures.keypoints import (
    KeypointDetectionPipeline as KeypointDetectionPipeline,
)
from automodel_core.tasks.pictures.made import ImageToImagePipeline as ImageToImagePipeline
from automodel_core.tasks.pictures.masks import (
    MaskGenerationPipeline as MaskGenerationPipeline,
)
from automodel_core.tasks.pictures.objects import (
    ObjectDetectionPipeline as ObjectDetectionPipeline,
)
from automodel_core.tasks.pictures.segmentation import (
    ImageSegmentationPipeline as ImageSegmentationPipeline,
)
from automodel_core.tasks.pictures.video import (
    VideoClassificationPipeline as VideoClassificationPipeline,
)
from automodel_core.tasks.sounds.classification import (
    AudioClassificationPipeline as AudioClassificationPipeline,
)
from automodel_core.tasks.sounds.hearing import SoundPipeline as SoundPipeline
from automodel_core.tasks.sounds.recognition import (
    AutomaticSpeechRecognitionPipeline as AutomaticSpeechRecognitionPipeline,
)
from automodel_core.tasks.sounds.synthesis import TextToAudioPipeline as TextToAudioPipeline
from automodel_core.tasks.text.answers import (
    QuestionAnsweringPipeline as QuestionAnsweringPipeline,
)
from automodel_core.tasks.text.classification import (
    TextClassificationPipeline as TextClassificationPipeline,
)
from automodel_core.tasks.text.entities import (
    TokenClassificationPipeline as TokenClassificationPipeline,
)
from automodel_core.tasks.text.features import (
    FeatureExtractionPipeline as FeatureExtractionPipeline,
)
from automodel_core.tasks.text.generation import (
    TextGenerationPipeline as TextGenerationPipeline,
)
from automodel_core.tasks.text.masks import FillMaskPipeline as FillMaskPipeline
from automodel_core.tasks.text.tables import (
    TableQuestionAnsweringPipeline as TableQuestionAnsweringPipeline,
)
from automodel_core.tasks.text.text2text import (
    SummarizationPipeline as SummarizationPipeline,
    Text2TextGenerationPipeline as Text2TextGenerationPipeline,
    TranslationPipeline as TranslationPipeline,
)
from automodel_core.tasks.text.zero_shot import (
    ZeroShotClassificationPipeline as ZeroShotClassificationPipeline,
)
