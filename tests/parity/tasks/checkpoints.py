"""Tiny checkpoints in folders, written by the reference: random, and large enough to differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import nn

__all__ = ["CHECKPOINTS", "write"]

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


def _settled(model: nn.Module, seed: int = 0, scale: float = 0.6) -> Any:
    """Give a model large random weights, so that answers are not all alike."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0.0, scale, generator=generator)
    return model.eval()


def _bert(head: str, labels: tuple[str, ...] = (), **settings: Any) -> Any:
    if labels:
        settings |= {
            "id2label": dict(enumerate(labels)),
            "label2id": {label: index for index, label in enumerate(labels)},
        }
    config = transformers.BertConfig(**BERT, **settings)
    return _settled(getattr(transformers, head)(config))


def _gpt2(head: str = "GPT2LMHeadModel", **settings: Any) -> Any:
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
    return _settled(getattr(transformers, head)(config))


def _t5(**settings: Any) -> Any:
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
    return _settled(transformers.T5ForConditionalGeneration(config))


def _bart(head: str, labels: tuple[str, ...] = ()) -> Any:
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
    return _settled(getattr(transformers, head)(config))


def _vit(head: str, **settings: Any) -> Any:
    config = transformers.ViTConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=16,
        patch_size=4,
        **settings,
    )
    return _settled(getattr(transformers, head)(config))


def _sized(kind: str, edge: int = 16, **settings: Any) -> Any:
    """Return an image processor for squares."""
    return getattr(transformers, kind)(size={"height": edge, "width": edge}, **settings)


def _captioner() -> Any:
    encoder, decoder = _vit("ViTModel"), _gpt2(is_decoder=True, add_cross_attention=True)
    model = transformers.VisionEncoderDecoderModel(encoder=encoder, decoder=decoder)
    model.config.decoder_start_token_id = model.generation_config.decoder_start_token_id = 0
    model.config.pad_token_id = model.generation_config.pad_token_id = 0
    model.config.eos_token_id = model.generation_config.eos_token_id = 0
    return _settled(model)


def _segformer(head: str, **settings: Any) -> Any:
    config = transformers.SegformerConfig(
        num_encoder_blocks=2,
        depths=[1, 1],
        sr_ratios=[2, 1],
        hidden_sizes=[8, 16],
        patch_sizes=[7, 3],
        strides=[4, 2],
        num_attention_heads=[1, 2],
        mlp_ratios=[2, 2],
        decoder_hidden_size=8,
        num_labels=4,
        **settings,
    )
    return _settled(getattr(transformers, head)(config))


def _glpn() -> Any:
    config = transformers.GLPNConfig(
        num_encoder_blocks=4,
        depths=[1, 1, 1, 1],
        sr_ratios=[2, 1, 1, 1],
        hidden_sizes=[8, 8, 16, 16],
        patch_sizes=[7, 3, 3, 3],
        strides=[4, 2, 2, 2],
        num_attention_heads=[1, 1, 2, 2],
        mlp_ratios=[2, 2, 2, 2],
        decoder_hidden_size=8,
    )
    return _settled(transformers.GLPNForDepthEstimation(config), scale=0.3)


def _videomae() -> Any:
    config = transformers.VideoMAEConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=16,
        patch_size=8,
        num_frames=4,
        num_labels=6,
    )
    return _settled(transformers.VideoMAEForVideoClassification(config))


def _videos() -> Any:
    return transformers.VideoMAEImageProcessor(
        size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}
    )


def _donut() -> Any:
    encoder = transformers.DonutSwinConfig(
        image_size=[32, 32],
        patch_size=4,
        embed_dim=8,
        depths=[1, 1],
        num_heads=[1, 2],
        window_size=4,
    )
    decoder = transformers.MBartConfig(
        vocab_size=len(WORDS),
        d_model=16,
        decoder_layers=2,
        decoder_attention_heads=2,
        decoder_ffn_dim=32,
        is_decoder=True,
        add_cross_attention=True,
    )
    config = transformers.VisionEncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
    model = transformers.VisionEncoderDecoderModel(config)
    for settings in (model.config, model.generation_config):
        settings.decoder_start_token_id = 2
        settings.pad_token_id = 0
        settings.eos_token_id = 3
    return _settled(model)


def _donut_processor() -> Any:
    images = transformers.DonutImageProcessor(size={"height": 32, "width": 32})
    tokenizer = wordpiece(token_types=False)
    tokenizer.eos_token = "[SEP]"
    return transformers.DonutProcessor(images, tokenizer)


def _vilt() -> Any:
    config = transformers.ViltConfig(
        **{name: value for name, value in BERT.items() if name != "max_position_embeddings"},
        max_position_embeddings=40,
        image_size=32,
        patch_size=8,
        num_labels=6,
    )
    return _settled(transformers.ViltForQuestionAnswering(config))


def _vilt_pictures() -> Any:
    return transformers.ViltImageProcessor(size={"shortest_edge": 32}, size_divisor=8)


def _dpt() -> Any:
    config = transformers.DPTConfig(
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=32,
        patch_size=8,
        backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8,
    )
    return _settled(transformers.DPTForDepthEstimation(config), scale=0.2)


def _superpoint() -> Any:
    config = transformers.SuperPointConfig(
        encoder_hidden_sizes=[6, 5, 7, 8],
        decoder_hidden_size=12,
        descriptor_decoder_dim=10,
        border_removal_distance=1,
    )
    return _settled(transformers.SuperPointForKeypointDetection(config), scale=0.4)


def _layoutlm() -> Any:
    config = transformers.LayoutLMConfig(**BERT, max_2d_position_embeddings=1024)
    return _settled(transformers.LayoutLMForQuestionAnswering(config))


def _towers(kind: str, **of_texts: Any) -> Any:
    sizes = {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
    }
    config = getattr(transformers, f"{kind}Config")(
        text_config={**sizes, "vocab_size": len(WORDS), **of_texts},
        vision_config={**sizes, "image_size": 16, "patch_size": 4},
        **({"projection_dim": 16} if kind == "CLIP" else {}),
    )
    return _settled(getattr(transformers, f"{kind}Model")(config))


def _clip_pictures() -> Any:
    return transformers.CLIPImageProcessor(
        size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}
    )


CHECKPOINTS: dict[str, Any] = {
    "towers": lambda: (
        _towers("CLIP", eos_token_id=3, max_position_embeddings=32),
        wordpiece(token_types=False),
        _clip_pictures(),
    ),
    "pictures": lambda: (
        _vit("ViTForImageClassification", num_labels=7),
        _sized("ViTImageProcessor"),
    ),
    "picture-body": lambda: (_vit("ViTModel"), _sized("ViTImageProcessor")),
    "captions": lambda: (_captioner(), byte_level(), _sized("ViTImageProcessor")),
    "pixels": lambda: (
        _segformer("SegformerForSemanticSegmentation"),
        _sized("SegformerImageProcessor", 32),
    ),
    "judging-towers": lambda: (
        _towers("Siglip", max_position_embeddings=64, projection_size=16),
        wordpiece(token_types=False),
        _sized("SiglipImageProcessor"),
    ),
    "depths": lambda: (_glpn(), transformers.GLPNImageProcessor()),
    "videos": lambda: (_videomae(), _videos()),
    "relative-depths": lambda: (
        _dpt(),
        transformers.DPTImageProcessor(size={"height": 32, "width": 32}),
    ),
    "points": lambda: (
        _superpoint(),
        transformers.SuperPointImageProcessor(size={"height": 48, "width": 64}),
    ),
    "questions": lambda: (_vilt(), wordpiece(), _vilt_pictures()),
    "read-pages": lambda: (_donut(), _donut_processor()),
    "pages": lambda: (_layoutlm(), wordpiece()),
    "classes": lambda: (_bert("BertForSequenceClassification", NLI), wordpiece()),
    "score": lambda: (_bert("BertForSequenceClassification", ("much",)), wordpiece()),
    "numbers": lambda: (
        _bert("BertForSequenceClassification", NLI, problem_type="regression"),
        wordpiece(),
    ),
    "decoder-classes": lambda: (
        _gpt2("GPT2ForSequenceClassification", num_labels=3, pad_token_id=0),
        byte_level(),
    ),
    "pair-classes": lambda: (
        _bart("BartForSequenceClassification", NLI),
        wordpiece(token_types=False),
    ),
    "pair-spans": lambda: (_bart("BartForQuestionAnswering"), wordpiece(token_types=False)),
    "pair-body": lambda: (_bart("BartModel"), wordpiece(token_types=False)),
    "names": lambda: (_bert("BertForTokenClassification", NAMES), wordpiece()),
    "bytes-names": lambda: (_gpt2("GPT2ForTokenClassification", num_labels=3), byte_level()),
    "spans": lambda: (_bert("BertForQuestionAnswering"), wordpiece()),
    "masks": lambda: (_bert("BertForMaskedLM"), wordpiece()),
    "body": lambda: (_bert("BertModel"), wordpiece()),
    "writer": lambda: (_gpt2(), byte_level()),
    "pairs": lambda: (
        _t5(
            task_specific_params={
                "summarization": {"max_new_tokens": 6, "num_beams": 2, "prefix": "summarize : "},
                "translation_en_to_fr": {
                    "max_new_tokens": 7,
                    "prefix": "translate english to french : ",
                },
            }
        ),
        wordpiece(),
    ),
}
"""Model and preprocessors of each checkpoint, by what it answers."""


def write(name: str, folder: Path) -> Path:
    """Write a checkpoint into a folder, and return the folder."""
    for part in CHECKPOINTS[name]():
        part.save_pretrained(folder)
    return folder
