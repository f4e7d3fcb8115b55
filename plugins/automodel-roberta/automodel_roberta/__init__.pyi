from automodel_roberta.camembert import (
    CamembertForCausalLM as CamembertForCausalLM,
    CamembertForMaskedLM as CamembertForMaskedLM,
    CamembertForMultipleChoice as CamembertForMultipleChoice,
    CamembertForQuestionAnswering as CamembertForQuestionAnswering,
    CamembertForSequenceClassification as CamembertForSequenceClassification,
    CamembertForTokenClassification as CamembertForTokenClassification,
    CamembertModel as CamembertModel,
    CamembertPreTrainedModel as CamembertPreTrainedModel,
)
from automodel_roberta.configuration import (
    CamembertConfig as CamembertConfig,
    RobertaConfig as RobertaConfig,
    XLMRobertaConfig as XLMRobertaConfig,
)
from automodel_roberta.modeling import (
    RobertaForCausalLM as RobertaForCausalLM,
    RobertaForMaskedLM as RobertaForMaskedLM,
    RobertaForMultipleChoice as RobertaForMultipleChoice,
    RobertaForQuestionAnswering as RobertaForQuestionAnswering,
    RobertaForSequenceClassification as RobertaForSequenceClassification,
    RobertaForTokenClassification as RobertaForTokenClassification,
    RobertaModel as RobertaModel,
    RobertaPreTrainedModel as RobertaPreTrainedModel,
)
from automodel_roberta.tokenization import (
    CamembertTokenizer as CamembertTokenizer,
    CamembertTokenizerFast as CamembertTokenizerFast,
    RobertaTokenizer as RobertaTokenizer,
    RobertaTokenizerFast as RobertaTokenizerFast,
    XLMRobertaTokenizer as XLMRobertaTokenizer,
    XLMRobertaTokenizerFast as XLMRobertaTokenizerFast,
)
from automodel_roberta.xlm_roberta import (
    XLMRobertaForCausalLM as XLMRobertaForCausalLM,
    XLMRobertaForMaskedLM as XLMRobertaForMaskedLM,
    XLMRobertaForMultipleChoice as XLMRobertaForMultipleChoice,
    XLMRobertaForQuestionAnswering as XLMRobertaForQuestionAnswering,
    XLMRobertaForSequenceClassification as XLMRobertaForSequenceClassification,
    XLMRobertaForTokenClassification as XLMRobertaForTokenClassification,
    XLMRobertaModel as XLMRobertaModel,
    XLMRobertaPreTrainedModel as XLMRobertaPreTrainedModel,
)
