"""Each line that is marked is wrong, and a type checker says so; no other is."""

from __future__ import annotations

import torch

from automodel_bert import BertConfig, BertForSequenceClassification, BertModel, BertTokenizer
from automodel_bert import BertModle  # wrong

import automodel_core.modelling  # wrong
from automodel_core import AutoModel, AutoModelForCausalLM
from automodel_core import AutoModelForCasualLM  # wrong
from automodel_core.auto import AutoConfigg  # wrong
from automodel_core.generation import GenerationConfig
from automodel_core.layers import Atention  # wrong
from automodel_t5 import T5ForConditionalGeneration
from automodel_trocr import TrOCRProcessor
from automodel_vit import ViTImageProcessor

body = BertModel.from_pretrained("x")
body.save_pretraind("y")  # wrong
body.generate(max_new_tokens=3)  # wrong
body.config.id2label["LABEL_0"]  # wrong
body.resize_token_embeddings("large")  # wrong
body.save_pretrained("y", max_shard_sise="5GB")  # wrong
body.push_to_hub("y", comit_message="a")  # wrong
body(inputs_ids=torch.ones(1, 2))  # wrong
body(torch.ones(1, 2), output_attentions="all")  # wrong
body(torch.ones(1, 2)).last_hidden_states  # wrong
body(torch.ones(1, 2)).logits  # wrong
BertForSequenceClassification(BertConfig())(torch.ones(1, 2), label=torch.ones(1))  # wrong
T5ForConditionalGeneration.from_pretrained("x")(torch.ones(1, 2), decoder_ids=None)  # wrong
BertModel.from_pretraned("x")  # wrong
BertModel.from_pretrained(3)  # wrong
BertModel.from_pretrained("x", dtype=16)  # wrong
BertModel.from_pretrained("x", device_map=1.5)  # wrong
BertModel.from_pretrained("x", strict="most")  # wrong
BertModel.from_pretrained("x", config={"hidden_size": 3})  # wrong
BertModel.from_pretrained("x", output_loading_info=True).eval()  # wrong
BertModel.from_config("x")  # wrong

AutoModel.from_pretrained("x").generate()  # wrong
AutoModel.from_pretrained("x", use_safetensors="yes")  # wrong
AutoModel.from_pretrained("x", plugin=3)  # wrong
AutoModel.from_conf(BertConfig())  # wrong
AutoModelForCausalLM.from_pretrained("x").genrate()  # wrong
AutoModelForCausalLM.from_config(BertConfig()).generate(num_beam_groups=2)

GenerationConfig(max_new_token=3)  # wrong
GenerationConfig(num_beams="3")  # wrong
GenerationConfig().max_new_token  # wrong

BertConfig(num_label=3)  # wrong
BertConfig(hidden_size="large")  # wrong
BertConfig(position_embedding_type="rotary")  # wrong
BertConfig.from_pretraned("x")  # wrong
config = BertConfig(num_labels=3)
config.hidden_size = "large"  # wrong
config.id2label["LABEL_0"] = 0  # wrong
config.any_key_that_a_checkpoint_has = 3
labels = BertForSequenceClassification(config).config.num_labels + "3"  # wrong

words = BertTokenizer.from_pretrained("x")
words.enocde("a")  # wrong
words("a", paddin=True)  # wrong
words("a", max_length="3")  # wrong
words.encode("a", max_lenght=3)  # wrong
words.decode([1]).shape  # wrong
words.pad_token_id.bit_length()  # wrong
words.save_pretrained("y", jinja_files=False)  # wrong
words.push_to_hub("y", comit_message="a")  # wrong
BertTokenizer.from_pretraned("x")  # wrong
images = ViTImageProcessor.from_pretrained("x")
images.preproces(3)  # wrong
images.push_to_hub("y", public=True)  # wrong
images.rescale_factor = "large"  # wrong
TrOCRProcessor.from_pretrained("x").decod([1])  # wrong
