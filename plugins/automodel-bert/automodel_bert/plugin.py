"""What automodel-bert provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="bert",
            plugin_api=(1, 0),
            config="automodel_bert.configuration:BertConfig",
            models={
                "base": "automodel_bert.modeling:BertModel",
                "text-encoding": "automodel_bert.modeling:BertModel",
                "pretraining": "automodel_bert.modeling:BertForPreTraining",
                "masked-lm": "automodel_bert.modeling:BertForMaskedLM",
                "causal-lm": "automodel_bert.modeling:BertLMHeadModel",
                "next-sentence-prediction": "automodel_bert.modeling:BertForNextSentencePrediction",
                "sequence-classification": "automodel_bert.modeling:BertForSequenceClassification",
                "multiple-choice": "automodel_bert.modeling:BertForMultipleChoice",
                "token-classification": "automodel_bert.modeling:BertForTokenClassification",
                "question-answering": "automodel_bert.modeling:BertForQuestionAnswering",
            },
            tokenizer="automodel_bert.tokenization:BertTokenizer",
        )
    ]
