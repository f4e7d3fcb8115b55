"""What is read: the files of small checkpoints, how each is damaged, and by which call it is read.

`SUBJECTS` lists them; `build` writes the folders that they lie in.
"""

from __future__ import annotations

import json
import math
import shutil
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from tokenizers import ByteLevelBPETokenizer, Tokenizer, models, normalizers, pre_tokenizers
from tokenizers.processors import TemplateProcessing

from automodel_core import (
    AutoConfig,
    AutoImageProcessor,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoModelForMaskedLM,
    AutoModelForSeq2SeqLM,
    AutoProcessor,
    AutoTokenizer,
    GenerationConfig,
)
from automodel_core.text import PreTrainedTokenizer
from fuzz.mutations import (
    Mutation,
    mutate_archive,
    mutate_bundle,
    mutate_bytes,
    mutate_hdf5,
    mutate_json,
    mutate_lines,
    mutate_protobuf,
    mutate_safetensors,
    mutate_template,
)

__all__ = ["SUBJECTS", "Subject", "build"]

FOREIGN = Path(__file__).parents[1] / "foreign" / "data"
MOST_PIXELS = Image.MAX_IMAGE_PIXELS or 0
TEXT = "The  house, ünknown <s> \u2581x 123!"
WORDS = ["the", "house", "hous", "##e", "x", "##x", "!", ",", "1", "##2", "##3", "[", "]"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = [(letter, -9.0 - place, 1) for place, letter in enumerate("abcdehinostux123!,")]
PIECES = [
    *(("<pad>", 0.0, 3), ("</s>", 0.0, 3), ("<unk>", 0.0, 2), ("\u2581the", -2.0, 1)),
    *(("\u2581house", -3.0, 1), ("\u2581", -4.0, 1), ("ho", -5.0, 1), ("<x>", 0.0, 4)),
]
PAIRS = [("a", "A"), ("b", "Bb"), ("c", "")]
TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] | trim }}\n"
    "{% endfor %}{% if add_generation_prompt %}{{ bos_token }}{% endif %}"
)
CHAT = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "the house"}]


@dataclass(frozen=True)
class Subject:
    """One file of a checkpoint, how it is damaged, and what reads it.

    ``use`` gets what ``read`` returned: a file that was taken shall serve, too.
    """

    folder: str
    file: str
    mutate: Mutation
    read: Callable[[Path], Any]
    use: Callable[[Any], object] = id

    @property
    def name(self) -> str:
        return f"{self.folder}/{self.file}"


# ---- calls ----


def encode(tokenizer: Any) -> None:
    encoding = tokenizer([TEXT, "x"], text_target="the", truncation=True)
    tokenizer.batch_decode(encoding["input_ids"], skip_special_tokens=True)
    tokenizer.get_vocab()


def chat(tokenizer: Any) -> None:
    tokenizer.apply_chat_template(CHAT, add_generation_prompt=True)


def see(processor: Any) -> None:
    if isinstance(processor, PreTrainedTokenizer):
        return  # what AutoProcessor finds where nothing says that there is more
    image_processor = getattr(processor, "image_processor", processor)
    sizes = (vars(image_processor).get(name) or {} for name in ("size", "crop_size", "pad_size"))
    edges = [[*size.values()] for size in sizes if size]
    if any(10**6 < math.prod(pair * (2 if len(pair) == 1 else 1)) <= MOST_PIXELS for pair in edges):
        return  # allowed, and needs the memory that it asks for
    picture = torch.zeros(3, 9, 7, dtype=torch.uint8)
    processor(images=picture, return_tensors="pt")


def look(folder: Path) -> None:
    """Let an image processor read the picture of a folder."""
    from automodel_core.vision import BaseImageProcessor

    Image.MAX_IMAGE_PIXELS = 1_000_000  # more are allowed, and need the memory that they ask for
    BaseImageProcessor(do_resize=False, do_normalize=False)(str(next(folder.iterdir())))


# ---- folders ----


def write(folder: Path, name: str, content: Mapping[str, Any] | str | bytes) -> None:
    if isinstance(content, Mapping):
        content = json.dumps(content)
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2, len(content)]) + content


def charsmap(pairs: list[tuple[str, str]]) -> bytes:
    """Return a table of SentencePiece that replaces single ASCII letters."""
    units, texts = [0] * 512, b""
    units[0] = 256 << 10
    for key, value in pairs:
        byte = ord(key)
        units[256 ^ byte] = byte | 1 << 8 | (byte ^ 1) << 10
        units[(256 ^ byte) ^ (byte ^ 1)] = 1 << 31 | len(texts)
        texts += value.encode() + b"\0"
    trie = struct.pack(f"<{len(units)}I", *units)
    return struct.pack("<I", len(trie)) + trie + texts


def pieces(extra: bytes = b"", model_type: int = 1) -> bytes:
    """Return a SentencePiece model."""
    content = b"".join(
        field(1, field(1, text.encode()) + b"\x15" + struct.pack("<f", score) + bytes([24, kind]))
        for text, score, kind in [*PIECES, *LETTERS]
    )
    trainer = field(2, bytes([0x18, model_type, 0xC0, 0x02, 2]))
    settings = b"\x18\x01\x20\x01" + extra
    length = bytes([len(settings) & 127 | 128, len(settings) >> 7]) if extra else bytes([4])
    return content + trainer + b"\x1a" + length + settings


def bert(folder: Path) -> None:
    from automodel_bert import BertConfig, BertModel

    small = {"vocab_size": 40, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2}
    BertModel(BertConfig(**small, intermediate_size=8, max_position_embeddings=16)).save_pretrained(
        folder
    )
    write(folder, "vocab.txt", "\n".join([*SPECIAL, *WORDS]))
    named = {f"{t[1:-1].lower()}_token": t for t in SPECIAL}
    settings = {
        **named,
        "do_lower_case": True,
        "model_max_length": 16,
        "tokenizer_class": "BertTokenizer",
        "never_split": None,
        "strip_accents": None,
        "padding_side": "right",
    }
    write(folder, "tokenizer_config.json", settings)
    described = {"content": "[UNK]", "lstrip": False, "normalized": False, "special": True}
    write(folder, "special_tokens_map.json", {**named, "unk_token": described})
    write(folder, "added_tokens.json", {"<new>": 18, "<newer>": 19})


def fast(folder: Path) -> None:
    """Write a tokenizer that has everything in ``tokenizer.json``."""
    rust = Tokenizer(
        models.WordPiece({w: i for i, w in enumerate([*SPECIAL, *WORDS])}, unk_token="[UNK]")
    )
    rust.normalizer = normalizers.Sequence(
        [normalizers.BertNormalizer(), normalizers.Replace("ü", "u"), normalizers.Prepend("x")]
    )
    rust.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.BertPreTokenizer(), pre_tokenizers.Digits(individual_digits=True)]
    )
    rust.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    rust.add_special_tokens(SPECIAL)
    rust.add_tokens(["<new>"])
    write(folder, "tokenizer.json", rust.to_str())
    entry = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
    settings = {
        "added_tokens_decoder": {
            str(i): {"content": t, "special": True, **entry} for i, t in enumerate(SPECIAL)
        },
        "additional_special_tokens": ["[MASK]"],
        "bos_token": "[CLS]",
        "chat_template": TEMPLATE,
        "clean_up_tokenization_spaces": True,
        "extra_special_tokens": {"image_token": "<new>"},
        "model_input_names": ["input_ids", "attention_mask"],
        "model_max_length": 16,
        "pad_token": "[PAD]",
        "padding_side": "left",
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": {"content": "[UNK]", "special": True, **entry},
    }
    write(folder, "tokenizer_config.json", settings)


def gpt2(folder: Path) -> None:
    from automodel_gpt2 import GPT2Config, GPT2LMHeadModel

    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator([TEXT, "the house"] * 9, 280, show_progress=False)
    trained.save_model(str(folder))
    config = GPT2Config(vocab_size=300, n_positions=16, n_embd=8, n_layer=2, n_head=2)
    model = GPT2LMHeadModel(config)
    assert model.generation_config is not None
    model.generation_config.update(max_new_tokens=3, num_beams=2, eos_token_id=[1, 2])
    model.save_pretrained(folder, max_shard_size=4000)
    write(folder, "tokenizer_config.json", {"bos_token": "!", "eos_token": "!", "unk_token": "!"})
    write(folder, "chat_template.jinja", TEMPLATE)


def t5(folder: Path) -> None:
    from automodel_t5 import T5Config, T5ForConditionalGeneration

    small = {"vocab_size": 40, "d_model": 8, "d_kv": 4, "d_ff": 8, "num_layers": 1, "num_heads": 2}
    model = T5ForConditionalGeneration(T5Config(**small, decoder_start_token_id=0))
    model.save_pretrained(folder, safe_serialization=False)
    write(folder, "spiece.model", pieces(field(2, b"")))
    settings = {"extra_ids": 4, "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    write(folder, "tokenizer_config.json", settings)


def legacy(folder: Path) -> None:
    """Write T5 with weights as ``torch.save`` wrote them before 1.6."""
    t5(folder)
    path = folder / "pytorch_model.bin"
    weights = torch.load(path, weights_only=True)
    torch.save(weights, path, _use_new_zipfile_serialization=False)


def mapped(folder: Path) -> None:
    """Write a SentencePiece tokenizer with a table of characters."""
    table = charsmap(PAIRS)
    length = bytes([len(table) & 127 | 128, len(table) >> 7])
    write(folder, "spiece.model", pieces(b"\x12" + length + table))
    write(folder, "tokenizer_config.json", {"tokenizer_class": "T5Tokenizer", "extra_ids": 2})


def marian(folder: Path) -> None:
    from automodel_marian import MarianConfig, MarianModel

    texts = ["</s>", *(text for text, _, kind in [*PIECES, *LETTERS] if kind == 1), "<pad>"]
    numbers = {text: index for index, text in enumerate([*texts, ">>de<<", "<unk>"])}
    write(folder, "vocab.json", numbers)
    for side in ("source", "target"):
        write(folder, f"{side}.spm", pieces(model_type=2 if side == "target" else 1))
    settings = {"source_lang": "en", "target_lang": "de", "separate_vocabs": False}
    write(folder, "tokenizer_config.json", settings)
    small = {"vocab_size": 40, "d_model": 8, "encoder_layers": 1, "decoder_layers": 1}
    sizes = {f"{p}_{k}": 8 for p in ("encoder", "decoder") for k in ("ffn_dim", "attention_heads")}
    MarianModel(
        MarianConfig(**small, **sizes, max_position_embeddings=16, pad_token_id=39)
    ).save_pretrained(folder)


def vit(folder: Path) -> None:
    from automodel_vit import ViTConfig, ViTImageProcessor, ViTModel

    small = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = ViTConfig(**small, intermediate_size=8, image_size=8, patch_size=4)
    ViTModel(config).save_pretrained(folder)
    ViTImageProcessor(size=8).save_pretrained(folder)


def captions(folder: Path) -> None:
    from automodel_bert import BertConfig
    from automodel_vision_encoder_decoder import (
        VisionEncoderDecoderConfig,
        VisionEncoderDecoderModel,
    )
    from automodel_vit import ViTConfig

    small = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    sizes = {**small, "intermediate_size": 8}
    VisionEncoderDecoderModel(
        VisionEncoderDecoderConfig.from_encoder_decoder_configs(
            ViTConfig(**sizes, image_size=8, patch_size=4),
            BertConfig(**sizes, vocab_size=40, max_position_embeddings=16),
        )
    ).save_pretrained(folder)


def donut(folder: Path) -> None:
    write(folder, "sentencepiece.bpe.model", pieces())
    image = {"image_processor_type": "DonutImageProcessor", "size": [6, 8], "do_pad": True}
    write(folder, "preprocessor_config.json", {**image, "processor_class": "DonutProcessor"})
    parts = {"processor_class": "DonutProcessor", "image_processor": image}
    write(folder, "processor_config.json", parts)
    write(folder, "tokenizer_config.json", {"tokenizer_class": "XLMRobertaTokenizer"})


def foreign(name: str) -> Callable[[Path], None]:
    """Return what copies a checkpoint that another framework wrote."""

    def copy(folder: Path) -> None:
        shutil.copytree(FOREIGN / name, folder, dirs_exist_ok=True)

    return copy


def pictures(form: str) -> Callable[[Path], None]:
    """Return what writes a small picture in a format of Pillow."""

    def write_picture(folder: Path) -> None:
        picture = Image.linear_gradient("L").resize((12, 9)).convert("RGB")
        mode = "P" if form == "gif" else "RGB"
        picture.convert(mode).save(folder / f"picture.{form}")

    return write_picture


FRAMEWORKS = ("keras", "keras-safetensors", "flax", "flax-shards")
FORMS = ("png", "jpeg", "gif", "webp", "bmp", "tiff")
FOLDERS: dict[str, Callable[[Path], None]] = {
    **{maker.__name__: maker for maker in (bert, fast, gpt2, t5, legacy, mapped, marian, vit)},
    **{maker.__name__: maker for maker in (captions, donut)},
    **{form: pictures(form) for form in FORMS},
    **{name: foreign(name) for name in FRAMEWORKS},
    "tf_bert": foreign("../../../docs/demo/tf_bert"),
}
Auto = AutoTokenizer.from_pretrained
Masked = AutoModelForMaskedLM.from_pretrained
SUBJECTS = (
    Subject("bert", "config.json", mutate_json, AutoModel.from_pretrained),
    Subject("bert", "config.json", mutate_json, AutoConfig.from_pretrained),
    Subject("bert", "model.safetensors", mutate_safetensors, AutoModel.from_pretrained),
    Subject("bert", "vocab.txt", mutate_lines, Auto, encode),
    Subject("bert", "tokenizer_config.json", mutate_json, Auto, encode),
    Subject("bert", "special_tokens_map.json", mutate_json, Auto, encode),
    Subject("bert", "added_tokens.json", mutate_json, Auto, encode),
    Subject("fast", "tokenizer.json", mutate_json, Auto, encode),
    Subject("fast", "tokenizer_config.json", mutate_json, Auto, chat),
    Subject("gpt2", "config.json", mutate_json, AutoModel.from_pretrained),
    Subject("gpt2", "generation_config.json", mutate_json, GenerationConfig.from_pretrained),
    Subject("gpt2", "model.safetensors.index.json", mutate_json, AutoModel.from_pretrained),
    Subject("gpt2", "vocab.json", mutate_json, Auto, encode),
    Subject("gpt2", "merges.txt", mutate_lines, Auto, encode),
    Subject("gpt2", "chat_template.jinja", mutate_template, Auto, chat),
    Subject("t5", "config.json", mutate_json, AutoModelForSeq2SeqLM.from_pretrained),
    Subject("t5", "pytorch_model.bin", mutate_archive, AutoModelForSeq2SeqLM.from_pretrained),
    Subject("t5", "spiece.model", mutate_protobuf, Auto, encode),
    Subject("t5", "tokenizer_config.json", mutate_json, Auto, encode),
    Subject("legacy", "pytorch_model.bin", mutate_archive, AutoModelForSeq2SeqLM.from_pretrained),
    Subject("mapped", "spiece.model", mutate_protobuf, Auto, encode),
    Subject("marian", "config.json", mutate_json, AutoModel.from_pretrained),
    Subject("marian", "vocab.json", mutate_json, Auto, encode),
    Subject("marian", "source.spm", mutate_protobuf, Auto, encode),
    Subject("marian", "target.spm", mutate_protobuf, Auto, encode),
    Subject("marian", "tokenizer_config.json", mutate_json, Auto, encode),
    Subject("vit", "config.json", mutate_json, AutoModel.from_pretrained),
    Subject(
        "vit", "preprocessor_config.json", mutate_json, AutoImageProcessor.from_pretrained, see
    ),
    Subject("captions", "config.json", mutate_json, AutoModelForImageTextToText.from_pretrained),
    Subject("donut", "processor_config.json", mutate_json, AutoProcessor.from_pretrained, see),
    Subject("donut", "sentencepiece.bpe.model", mutate_protobuf, Auto, encode),
    *(Subject(form, f"picture.{form}", mutate_bytes, look) for form in FORMS),
    Subject("keras", "tf_model.h5", mutate_bytes, Masked),
    Subject("keras", "tf_model.h5", mutate_hdf5, Masked),
    Subject("keras-safetensors", "model.safetensors", mutate_safetensors, Masked),
    Subject("tf_bert", "bert_model.ckpt.index", mutate_bytes, AutoModel.from_pretrained),
    Subject("tf_bert", "bert_model.ckpt.index", mutate_bundle, AutoModel.from_pretrained),
    Subject("tf_bert", "bert_model.ckpt.data-00000-of-00001", mutate_bytes, Masked),
    Subject("flax", "flax_model.msgpack", mutate_bytes, AutoModelForCausalLM.from_pretrained),
    Subject("flax-shards", "flax_model.msgpack.index.json", mutate_json, Masked),
)


def build(root: Path) -> None:
    """Write every folder that subjects lie in."""
    torch.manual_seed(0)
    for name, maker in FOLDERS.items():
        (root / name).mkdir(parents=True)
        maker(root / name)
