"""``generate``: from a prompt to token ids. No torch until it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automodel_core.exports import lazy_exports

if TYPE_CHECKING:
    from automodel_core.generation.compile_config import CompileConfig as CompileConfig
    from automodel_core.generation.config import GenerationConfig as GenerationConfig
    from automodel_core.generation.constraints import *  # noqa: F403
    from automodel_core.generation.diverse_beam import (
        HammingDiversityLogitsProcessor as HammingDiversityLogitsProcessor,
    )
    from automodel_core.generation.guidance import *  # noqa: F403
    from automodel_core.generation.logits_processors import *  # noqa: F403
    from automodel_core.generation.mixin import GenerationMixin as GenerationMixin
    from automodel_core.generation.outputs import *  # noqa: F403
    from automodel_core.generation.repetition import *  # noqa: F403
    from automodel_core.generation.request import (
        DecodingRequest as DecodingRequest,
        DecodingStrategy as DecodingStrategy,
    )
    from automodel_core.generation.session import DecodingSession as DecodingSession
    from automodel_core.generation.stopping import *  # noqa: F403
    from automodel_core.generation.streamers import *  # noqa: F403
    from automodel_core.generation.synthid import *  # noqa: F403
    from automodel_core.generation.warpers import *  # noqa: F403
    from automodel_core.generation.watermark import *  # noqa: F403
    from automodel_core.generation.watermarking import *  # noqa: F403

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "compile_config": ("CompileConfig",),
        "config": ("GenerationConfig",),
        "constraints": (
            "Constraint",
            "ConstraintListState",
            "DisjunctiveConstraint",
            "PhrasalConstraint",
        ),
        "diverse_beam": ("HammingDiversityLogitsProcessor",),
        "guidance": (
            "ClassifierFreeGuidanceLogitsProcessor",
            "UnbatchedClassifierFreeGuidanceLogitsProcessor",
        ),
        "logits_processors": (
            "ExponentialDecayLengthPenalty",
            "ForcedBOSTokenLogitsProcessor",
            "ForcedEOSTokenLogitsProcessor",
            "InPlaceLogitsProcessor",
            "InfNanRemoveLogitsProcessor",
            "LogitNormalization",
            "LogitsProcessor",
            "LogitsProcessorList",
            "MinLengthLogitsProcessor",
            "MinNewTokensLengthLogitsProcessor",
            "PrefixConstrainedLogitsProcessor",
            "SuppressTokensAtBeginLogitsProcessor",
            "SuppressTokensLogitsProcessor",
        ),
        "mixin": ("GenerationMixin",),
        "outputs": (
            "GenerateBeamDecoderOnlyOutput",
            "GenerateBeamEncoderDecoderOutput",
            "GenerateDecoderOnlyOutput",
            "GenerateEncoderDecoderOutput",
            "GenerateOutput",
        ),
        "repetition": (
            "EncoderNoRepeatNGramLogitsProcessor",
            "EncoderRepetitionPenaltyLogitsProcessor",
            "NoBadWordsLogitsProcessor",
            "NoRepeatNGramLogitsProcessor",
            "RepetitionPenaltyLogitsProcessor",
            "SequenceBiasLogitsProcessor",
        ),
        "request": ("DecodingRequest", "DecodingStrategy"),
        "session": ("DecodingSession",),
        "stopping": (
            "ConfidenceCriteria",
            "EosTokenCriteria",
            "MaxLengthCriteria",
            "MaxTimeCriteria",
            "StopStringCriteria",
            "StoppingCriteria",
            "StoppingCriteriaList",
        ),
        "streamers": (
            "AsyncTextIteratorStreamer",
            "BaseStreamer",
            "TextIteratorStreamer",
            "TextStreamer",
        ),
        "synthid": (
            "SynthIDTextWatermarkDetector",
            "SynthIDTextWatermarkLogitsProcessor",
        ),
        "warpers": (
            "EpsilonLogitsWarper",
            "EtaLogitsWarper",
            "MinPLogitsWarper",
            "TemperatureLogitsWarper",
            "TopHLogitsWarper",
            "TopKLogitsWarper",
            "TopPLogitsWarper",
            "TypicalLogitsWarper",
        ),
        "watermark": (
            "WatermarkDetector",
            "WatermarkDetectorOutput",
            "WatermarkLogitsProcessor",
        ),
        "watermarking": ("SynthIDTextWatermarkingConfig", "WatermarkingConfig"),
    },
)
