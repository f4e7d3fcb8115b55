"""The configuration of ViLT."""

from __future__ import annotations

from automodel_core.families.vit import ViTFamilyConfig
from automodel_core.fields import PositiveInt


class ViltConfig(ViTFamilyConfig):
    """ViLT (https://arxiv.org/abs/2102.03334): one stack over the tokens and patches of a pair.

    An image has at most ``max_image_length`` patches, if that is positive; ``num_images`` is how
    many images `ViltForImagesAndTextClassification` sees with a text.
    """

    model_type = "vilt"

    vocab_size: PositiveInt = 30522
    type_vocab_size: PositiveInt = 2
    modality_type_vocab_size: PositiveInt = 2
    max_position_embeddings: PositiveInt = 40
    image_size: PositiveInt | list[PositiveInt] = 384
    patch_size: PositiveInt | list[PositiveInt] = 32
    max_image_length: int = -1
    num_images: int = -1
