"""Tiny models of the reference that see pictures, and their image processors."""

from __future__ import annotations

from typing import Any

import transformers

from parity.tasks.reading import BERT, WORDS, gpt2, settled, wordpiece

__all__ = [
    "captioner",
    "clip_pictures",
    "donut",
    "donut_processor",
    "dpt",
    "finder",
    "glpn",
    "layoutlm",
    "segformer",
    "sized",
    "superpoint",
    "towers",
    "videomae",
    "videos",
    "vilt",
    "vilt_pictures",
    "vit",
]


def vit(head: str, **settings: Any) -> Any:
    config = transformers.ViTConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=16,
        patch_size=4,
        **settings,
    )
    return settled(getattr(transformers, head)(config))


def sized(kind: str, edge: int = 16, **settings: Any) -> Any:
    """Return an image processor for squares."""
    return getattr(transformers, kind)(size={"height": edge, "width": edge}, **settings)


def captioner() -> Any:
    encoder, decoder = vit("ViTModel"), gpt2(is_decoder=True, add_cross_attention=True)
    model = transformers.VisionEncoderDecoderModel(encoder=encoder, decoder=decoder)
    model.config.decoder_start_token_id = model.generation_config.decoder_start_token_id = 0
    model.config.pad_token_id = model.generation_config.pad_token_id = 0
    model.config.eos_token_id = model.generation_config.eos_token_id = 0
    return settled(model)


def segformer(head: str, **settings: Any) -> Any:
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
    return settled(getattr(transformers, head)(config))


def detr(head: str) -> Any:
    backbone = transformers.ResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 8, 16, 12],
        depths=[1, 1, 1, 1],
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )
    config = transformers.DetrConfig(
        use_timm_backbone=False,
        use_pretrained_backbone=False,
        backbone=None,
        backbone_config=backbone,
        num_queries=9,
        encoder_layers=1,
        encoder_ffn_dim=24,
        decoder_layers=1,
        decoder_ffn_dim=20,
        d_model=64,
        num_labels=5,
    )
    return settled(getattr(transformers, head)(config), scale=0.3)


def detr_pictures() -> Any:
    return transformers.DetrImageProcessor(size={"shortest_edge": 40, "longest_edge": 60})


def glpn() -> Any:
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
    return settled(transformers.GLPNForDepthEstimation(config), scale=0.3)


def videomae() -> Any:
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
    return settled(transformers.VideoMAEForVideoClassification(config))


def videos() -> Any:
    return transformers.VideoMAEImageProcessor(
        size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}
    )


def donut() -> Any:
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
    return settled(model)


def donut_processor() -> Any:
    images = transformers.DonutImageProcessor(size={"height": 32, "width": 32})
    tokenizer = wordpiece(token_types=False)
    tokenizer.eos_token = "[SEP]"
    return transformers.DonutProcessor(images, tokenizer)


def vilt() -> Any:
    config = transformers.ViltConfig(
        **{name: value for name, value in BERT.items() if name != "max_position_embeddings"},
        max_position_embeddings=40,
        image_size=32,
        patch_size=8,
        num_labels=6,
    )
    return settled(transformers.ViltForQuestionAnswering(config))


def vilt_pictures() -> Any:
    return transformers.ViltImageProcessor(size={"shortest_edge": 32}, size_divisor=8)


def dpt() -> Any:
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
    return settled(transformers.DPTForDepthEstimation(config), scale=0.2)


def superpoint() -> Any:
    config = transformers.SuperPointConfig(
        encoder_hidden_sizes=[6, 5, 7, 8],
        decoder_hidden_size=12,
        descriptor_decoder_dim=10,
        border_removal_distance=1,
    )
    return settled(transformers.SuperPointForKeypointDetection(config), scale=0.4)


def layoutlm() -> Any:
    config = transformers.LayoutLMConfig(**BERT, max_2d_position_embeddings=1024)
    return settled(transformers.LayoutLMForQuestionAnswering(config))


def towers(kind: str, **of_texts: Any) -> Any:
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
    return settled(getattr(transformers, f"{kind}Model")(config))


def finder(kind: str) -> Any:
    """Return a detector of what texts name."""
    sizes = {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
    }
    config = getattr(transformers, f"{kind}Config")(
        text_config={**sizes, "vocab_size": len(WORDS)},
        vision_config={**sizes, "image_size": 24, "patch_size": 4},
        projection_dim=16,
    )
    return settled(getattr(transformers, f"{kind}ForObjectDetection")(config), scale=0.3)


def clip_pictures() -> Any:
    return transformers.CLIPImageProcessor(
        size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}
    )
