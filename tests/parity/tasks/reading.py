"""Tiny models of the reference that read texts, with random weights that make answers differ."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import nn

__all__ = [
    "BERT",
    "NAMES",
    "NLI",
    "WORDS",
    "bart",
    "bert",
    "byte_level",
    "gpt2",
    "settled",
    "t5",
    "table_pieces",
    "tapas",
    "wordpiece",
]

WORDS = (
    "[PAD] [UNK] [CLS] [SEP] [MASK] the cat sat on a mat dog ran to berlin anna lives in this "
    "example is about sport politics news who where . , ##s ##ing walk talk translate english "
    "french : summarize"
).split()
TEXTS = [
    "the cat sat on a mat, and the dog ran to berlin.",
    "anna lives in berlin and talks about sport, politics and news.",
    "who is where? user: walks, assistant: sits",
]
CHAT = (
    "{% for m in messages %}{{m['role']}}: {{m['content']}}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)
BERT = {
    "vocab_size": len(WORDS),
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
}
NLI = ("contradiction", "neutral", "entailment")
NAMES = ("O", "B-PER", "I-PER", "B-LOC")


def wordpiece(*, token_types: bool = True) -> Any:
    """Return a tokenizer as BERT's, or one that does not tell the texts of a pair apart."""
    known = {word: index for index, word in enumerate(WORDS)}
    tokenizer = Tokenizer(models.WordPiece(known, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=32,
        model_input_names=["input_ids", *["token_type_ids"] * token_types, "attention_mask"],
    )


def byte_level() -> Any:
    """Return a tokenizer as GPT-2's, without a padding token, and with a template for chats."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=330, special_tokens=["<|end|>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    found = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<|end|>",
        eos_token="<|end|>",
        unk_token="<|end|>",
        model_max_length=64,
        model_input_names=["input_ids", "attention_mask"],
    )
    found.chat_template = CHAT
    return found


def settled(model: nn.Module, seed: int = 0, scale: float = 0.6) -> Any:
    """Give a model large random weights, so that answers are not all alike."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0.0, scale, generator=generator)
    return model.eval()


def bert(head: str, labels: tuple[str, ...] = (), **settings: Any) -> Any:
    if labels:
        settings |= {
            "id2label": dict(enumerate(labels)),
            "label2id": {label: index for index, label in enumerate(labels)},
        }
    config = transformers.BertConfig(**BERT, **settings)
    return settled(getattr(transformers, head)(config))


def gpt2(head: str = "GPT2LMHeadModel", **settings: Any) -> Any:
    config = transformers.GPT2Config(
        vocab_size=330,
        n_positions=128,
        n_embd=16,
        n_layer=2,
        n_head=2,
        bos_token_id=0,
        eos_token_id=0,
        **settings,
    )
    return settled(getattr(transformers, head)(config))


def t5(**settings: Any) -> Any:
    config = transformers.T5Config(
        vocab_size=len(WORDS),
        d_model=16,
        d_kv=8,
        d_ff=32,
        num_layers=2,
        num_heads=2,
        pad_token_id=0,
        eos_token_id=3,
        decoder_start_token_id=0,
        **settings,
    )
    return settled(transformers.T5ForConditionalGeneration(config))


def bart(head: str, labels: tuple[str, ...] = ()) -> Any:
    config = transformers.BartConfig(
        vocab_size=len(WORDS),
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        max_position_embeddings=64,
        pad_token_id=0,
        bos_token_id=2,
        eos_token_id=3,
        decoder_start_token_id=3,
    )
    if labels:
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: index for index, label in enumerate(labels)}
    return settled(getattr(transformers, head)(config))


def tapas(**settings: Any) -> Any:
    config = transformers.TapasConfig(
        **{**BERT, "vocab_size": len(WORDS) + 1, "max_position_embeddings": 64}, **settings
    )
    model = settled(transformers.TapasForQuestionAnswering(config), 3, 0.8)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for weights in (model.output_weights, model.column_output_weights):
            weights.normal_(0.0, 1.0, generator=generator)
    return model


def table_pieces() -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "vocab.txt")
        path.write_text("\n".join([*WORDS, "[EMPTY]"]), encoding="utf-8")
        return transformers.TapasTokenizer(str(path), model_max_length=48)
