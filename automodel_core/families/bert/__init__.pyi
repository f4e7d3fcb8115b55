from automodel_core.families.bert.configuration import BertFamilyConfig as BertFamilyConfig
from automodel_core.families.bert.heads import (
    BertFamilyForCausalLM as BertFamilyForCausalLM,
    BertFamilyForMaskedLM as BertFamilyForMaskedLM,
    BertFamilyForMultipleChoice as BertFamilyForMultipleChoice,
    BertFamilyForQuestionAnswering as BertFamilyForQuestionAnswering,
    BertFamilyForSequenceClassification as BertFamilyForSequenceClassification,
    BertFamilyForTokenClassification as BertFamilyForTokenClassification,
    BertFamilyHead as BertFamilyHead,
    BertFamilyVocabularyHead as BertFamilyVocabularyHead,
    FirstTokenForSequenceClassification as FirstTokenForSequenceClassification,
    HeadWithPooler as HeadWithPooler,
)
from automodel_core.families.bert.models import (
    BertFamilyModel as BertFamilyModel,
    BertFamilyPreTrainedModel as BertFamilyPreTrainedModel,
    PositionsBehindPadding as PositionsBehindPadding,
    bert_family_layer as bert_family_layer,
)
from automodel_core.families.bert.names import (
    EMBEDDING_NAMES as EMBEDDING_NAMES,
    LAYER_NAMES as LAYER_NAMES,
    body_names as body_names,
    vocabulary_names as vocabulary_names,
)
from automodel_core.families.bert.pieces import BertFamilyPieces as BertFamilyPieces
from automodel_core.families.bert.relative_positions import RelativePositions as RelativePositions
from automodel_core.families.bert.tasks import encoder_models as encoder_models
from automodel_core.families.bert.tokenization import BertFamilyTokenizer as BertFamilyTokenizer
