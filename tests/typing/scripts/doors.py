"""What type checkers know of what is loaded and built: every line is right."""

from __future__ import annotations

from typing import Any

import torch
from tokenizers import Encoding
from typing_extensions import assert_type

from automodel_bert import BertConfig, BertForSequenceClassification, BertModel, BertTokenizer
from automodel_core import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForSeq2SeqLM,
    AutoModelForVision2Seq,
    AutoTokenizer,
)
from automodel_core.checkpoint import LoadingInfo
from automodel_core.configuration import PreTrainedConfig
from automodel_core.generation import GenerateOutput, GenerationConfig
from automodel_core.modeling import (
    BaseModelOutput,
    GenerativePreTrainedModel,
    ImageClassifierOutput,
    PreTrainedModel,
    Seq2SeqLMOutput,
    SequenceClassifierOutput,
)
from automodel_core.preprocessing import BatchFeature
from automodel_core.text import BatchEncoding, PreTrainedTokenizer
from automodel_core.vision import BaseImageProcessor
from automodel_m2m100 import NllbTokenizer
from automodel_t5 import T5ForConditionalGeneration
from automodel_trocr import TrOCRProcessor
from automodel_vit import ViTForImageClassification, ViTImageProcessor

# A class loads itself.
body = BertModel.from_pretrained(
    "bert-base-uncased", dtype=torch.bfloat16, device_map={"": "cpu"}, revision="main"
)
assert_type(body, BertModel)
assert_type(BertModel.from_pretrained("x", output_loading_info=True), tuple[BertModel, LoadingInfo])
assert_type(BertModel.from_config(BertConfig(), dtype="float16"), BertModel)
assert_type(BertModel(BertConfig()), BertModel)
assert_type(body.device, torch.device)
assert_type(body.eval(), BertModel)

# A model is called as its forward is written, and returns what that returns.
tokens = torch.ones(1, 3, dtype=torch.long)
assert_type(body(tokens, output_attentions=True), BaseModelOutput)
assert_type(body(tokens).last_hidden_state, torch.Tensor)
assert_type(body.forward(input_ids=tokens, token_type_ids=tokens), BaseModelOutput)
translator = T5ForConditionalGeneration.from_pretrained("x")
translated = translator(tokens, labels=tokens, use_cache=False, return_dict=True)
assert_type(translated, Seq2SeqLMOutput)
assert_type(translated.logits, torch.Tensor)
classes = ViTForImageClassification.from_pretrained("x")
assert_type(classes(torch.ones(1, 3, 8, 8), labels=None), ImageClassifierOutput)

# Keys of the configuration are arguments too, and only a run can know them all.
classifier = BertForSequenceClassification.from_pretrained("x", num_labels=3, classifier_dropout=0)
assert_type(classifier.config.id2label[0], str)
assert_type(classifier(tokens, labels=tokens), SequenceClassifierOutput)

# An Auto class returns what its task promises.
assert_type(AutoModel.from_pretrained("x", config=BertConfig(), strict="off"), PreTrainedModel)
assert_type(AutoModelForMaskedLM.from_config(BertConfig()), PreTrainedModel)
assert_type(AutoModelForCausalLM.from_pretrained("x", weights="int8"), GenerativePreTrainedModel)
assert_type(AutoModelForCausalLM.from_config(BertConfig()), GenerativePreTrainedModel)
writer, info = AutoModelForSeq2SeqLM.from_pretrained("x", output_loading_info=True)
assert_type(writer, GenerativePreTrainedModel)
assert_type(info, LoadingInfo)
assert_type(writer.to(torch.float16), GenerativePreTrainedModel)
AutoModelForVision2Seq.from_pretrained("x").generate(pixel_values=torch.ones(1, 3, 8, 8))
T5ForConditionalGeneration.from_pretrained("x").generate(max_new_tokens=3)

# Token ids come from generate(), or an output where one is asked for; a config may ask for either.
ids = torch.ones(1, 3, dtype=torch.long)
assert_type(writer.generate(ids, num_beams=2, top_p=0.5), torch.Tensor)
output = writer.generate(ids, num_beams=2, return_dict_in_generate=True)
assert_type(output, GenerateOutput)
assert_type(output.sequences, torch.Tensor)
best = output.sequences_scores.max()
settings = GenerationConfig(max_new_tokens=3, num_beams=2)
assert_type(settings.num_beams, int | None)
assert_type(GenerationConfig.from_pretrained("x", num_beams=2), GenerationConfig)
assert_type(writer.generate(ids, settings), torch.Tensor | GenerateOutput)

# A configuration knows its fields, and what was settled about labels.
config = BertConfig(hidden_size=32, num_labels=3, pad_token_id=None)
assert_type(config.hidden_size, int)
assert_type(config.num_labels, int)
assert_type(config.label2id["LABEL_0"], int)
assert_type(BertConfig.from_pretrained("x", hidden_size=3), BertConfig)
assert_type(
    BertConfig.from_pretrained("x", return_unused_kwargs=True), tuple[BertConfig, dict[str, Any]]
)
assert_type(BertConfig.from_dict({}), BertConfig)
assert_type(AutoConfig.from_pretrained("x"), PreTrainedConfig)

# A tokenizer's batch is what a model takes.
tokenizer = AutoTokenizer.from_pretrained("x")
assert_type(tokenizer, PreTrainedTokenizer)
scores = classifier(**tokenizer("a text", return_tensors="pt")).logits
words = BertTokenizer.from_pretrained("x", revision="main", padding_side="left")
assert_type(words, BertTokenizer)
assert_type(words(["a", "b"], padding=True, truncation="longest_first"), BatchEncoding)
assert_type(words.encode_plus("a", split_special_tokens=True), BatchEncoding)
assert_type(words("a")[0], Encoding)
assert_type(words.decode([1, 2], skip_special_tokens=True), str)
assert_type(words.batch_decode(torch.ones(2, 3)), list[str])
assert_type(words.tokenize("a"), list[str])
assert_type(words.convert_tokens_to_ids("a"), int | None)
assert_type(words.convert_tokens_to_ids(["a"]), list[int])
assert_type(words.pad_token_id, int | None)
words.save_pretrained("y", push_to_hub=True, private=True)
NllbTokenizer.from_pretrained("x")("a", src_lang="fra_Latn", max_length=3)

# So is that of an image processor, and of a processor.
images = ViTImageProcessor.from_pretrained("x", size=224)
assert_type(images, ViTImageProcessor)
unused = ViTImageProcessor.from_pretrained("x", return_unused_kwargs=True)
assert_type(unused, tuple[ViTImageProcessor, dict[str, Any]])
assert_type(images(torch.ones(3, 8, 8), return_tensors="pt", do_resize=False), BatchFeature)
reader = TrOCRProcessor.from_pretrained("x")
assert_type(reader, TrOCRProcessor)
assert_type(reader(torch.ones(3, 8, 8), text="a"), BatchFeature)
assert_type(reader.tokenizer, PreTrainedTokenizer)
assert_type(reader.image_processor, BaseImageProcessor)
