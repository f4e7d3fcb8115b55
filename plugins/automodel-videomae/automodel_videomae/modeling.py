"""VideoMAE: pre-norm layers over the tubelets of a video, patches of a few frames each."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_core.errors import InputError
from automodel_core.layers import layer_norm
from automodel_videomae.configuration import VideoMAEConfig
from automodel_videomae.weights import videomae_names

if TYPE_CHECKING:
    from typing_extensions import Unpack


def videomae_layer(
    config: VideoMAEConfig, size: int, heads: int, wide: int
) -> layers.TransformerLayer:
    """Return one layer of the encoder or the decoder, whose keys have no bias."""
    projections = layers.equal_heads(size, heads, bias=config.qkv_bias, out_bias=True)
    return layers.TransformerLayer(
        layers.Attention(
            replace(projections, k_proj=layers.linear(size, size, bias=False)),
            dropout=config.attention_probs_dropout_prob,
        ),
        layers.FeedForward(size, wide, activation=config.hidden_act),
        partial(layer_norm, size, eps=config.layer_norm_eps),
        norm_first=True,
        dropout=config.hidden_dropout_prob,
    )


def waves(count: int, size: int) -> Tensor:
    """Return positions ``(count, size)``: sines in even features, cosines in odd ones."""
    features = torch.arange(size, dtype=torch.float64, device="cpu")
    positions = torch.arange(count, dtype=torch.float64, device="cpu")
    angles = positions[:, None] / 10_000 ** (2 * (features // 2) / size)
    return torch.where(features % 2 == 0, angles.sin(), angles.cos()).float()


def token_grid(config: VideoMAEConfig) -> tuple[int, int, int]:
    """Return how many tubelets a video has after, below and beside each other."""
    rows, columns = layers.patch_grid(config.image_size, config.patch_size)
    return config.num_frames // config.tubelet_size, rows, columns


class TubeletEmbedding(nn.Module):
    """Project each tubelet of a video, frame by frame and row by row."""

    def __init__(self, config: VideoMAEConfig) -> None:
        super().__init__()
        edges = (config.tubelet_size, *layers.edges(config.patch_size))
        self.shape = (config.num_channels, *layers.edges(config.image_size))
        self.num_frames, self.tubelets = config.num_frames, token_grid(config)[0]
        self.projection = nn.Conv3d(config.num_channels, config.hidden_size, edges, edges)

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Return ``(batch, tubelets, hidden_size)`` for ``(batch, frames, channels, ...)``."""
        depth = self.projection.kernel_size[0]
        fits = pixel_values.dim() == 5 and pixel_values.shape[2:] == self.shape
        if not fits or pixel_values.shape[1] // depth != self.tubelets:
            raise InputError(
                f"pixel_values must be (batch, {self.num_frames}, "
                f"{', '.join(map(str, self.shape))}), got {tuple(pixel_values.shape)}: resize the "
                f"frames, and take {self.num_frames} of them (do_sample_frames=True, num_frames)"
            )
        videos = pixel_values.to(self.projection.weight.dtype).transpose(1, 2)
        tokens: Tensor = self.projection(videos)
        return tokens.flatten(2).transpose(1, 2)


class VideoMAEEmbeddings(nn.Module):
    """The tubelets that are seen, each with its position."""

    positions: Tensor

    def __init__(self, config: VideoMAEConfig) -> None:
        super().__init__()
        self.patches = TubeletEmbedding(config)
        rows, columns, depth = token_grid(config)
        table = waves(rows * columns * depth, config.hidden_size)
        self.register_buffer("positions", table, persistent=False)

    def forward(self, pixel_values: Tensor, bool_masked_pos: Tensor | None) -> Tensor:
        """Return ``(batch, tubelets, hidden_size)``, of fewer tubelets where some are masked."""
        embedded: Tensor = self.patches(pixel_values)
        embedded = embedded + self.positions.to(embedded.dtype)
        if bool_masked_pos is None:
            return embedded
        return chosen(embedded, ~checked_mask(bool_masked_pos, embedded))


def checked_mask(mask: Tensor, tokens: Tensor) -> Tensor:
    """Return a mask of tubelets ``(batch, tubelets)`` as booleans, or raise `InputError`."""
    if mask.shape != tokens.shape[:2]:
        raise InputError(
            f"bool_masked_pos has shape {tuple(mask.shape)}, expected {tuple(tokens.shape[:2])}: "
            "one for each tubelet of each video"
        )
    hidden: Tensor = mask.bool()
    if not layers.in_trace() and len(hidden.sum(1).unique()) > 1:
        raise InputError("bool_masked_pos must mask as many tubelets of each video")
    return hidden


def chosen(tokens: Tensor, mask: Tensor) -> Tensor:
    """Return the tokens of a mask, of which each row has as many."""
    return tokens[mask].view(len(tokens), -1, tokens.shape[-1])


class VideoMAEPreTrainedModel(modeling.PreTrainedModel):
    """What all VideoMAE models share: names of weights."""

    config_class = VideoMAEConfig
    config: VideoMAEConfig
    base_model_prefix: ClassVar[str] = "videomae"
    main_input_name = "pixel_values"
    input_embeddings = "embed.patches"

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return videomae_names(cls.base_model_prefix, cls.body)


class VideoMAEModel(VideoMAEPreTrainedModel):
    """The body: embeddings and layers, with a norm behind unless states are averaged."""

    def __init__(self, config: VideoMAEConfig) -> None:
        super().__init__(config)
        size, heads, wide = config.hidden_size, config.num_attention_heads, config.intermediate_size
        self.embed = VideoMAEEmbeddings(config)
        self.stack = layers.TransformerStack(
            layers.repeated(
                partial(videomae_layer, config, size, heads, wide), config.num_hidden_layers
            )
        )
        self.norm = None if config.use_mean_pooling else layer_norm(size, config.layer_norm_eps)
        self.post_init()

    @modeling.model_call
    def forward(
        self,
        pixel_values: Tensor | None = None,
        bool_masked_pos: Tensor | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> modeling.BaseModelOutput:
        """Run videos ``(batch, frames, channels, height, width)`` through the layers.

        Tubelets that are true in ``bool_masked_pos`` ``(batch, tubelets)`` are left out, as many
        of each video. The hidden states are those before the last norm.
        """
        if pixel_values is None:
            raise InputError("give pixel_values")
        output = self.stack(
            self.embed(pixel_values, bool_masked_pos), **modeling.wanted_states(options)
        )
        states = output.last_hidden_state
        return modeling.BaseModelOutput(
            last_hidden_state=states if self.norm is None else self.norm(states),
            hidden_states=output.hidden_states,
            attentions=output.attentions,
        )


class VideoMAEHead(VideoMAEPreTrainedModel, modeling.ImageModelHead):
    """A head on `VideoMAEModel`."""

    input_embeddings = "model.embed.patches"

    def __init__(self, config: VideoMAEConfig) -> None:
        super().__init__(config)
        self.model = VideoMAEModel(config)


class VideoMAEForVideoClassification(VideoMAEHead):
    """A class for a video, by the mean of its states, or by the first one without pooling."""

    def __init__(self, config: VideoMAEConfig) -> None:
        super().__init__(config)
        size, labels = config.hidden_size, config.num_labels
        self.fc_norm = layer_norm(size) if config.use_mean_pooling else None
        self.classifier = layers.linear(size, labels) if labels else nn.Identity()
        self.post_init()

    @modeling.model_call
    def forward(
        self,
        pixel_values: Tensor | None = None,
        labels: Tensor | None = None,
        num_items_in_batch: modeling.ItemCount = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> modeling.ImageClassifierOutput:
        """Score videos ``(batch, frames, channels, height, width)``; labels are ``(batch,)``."""
        body: modeling.BaseModelOutput = self.model(pixel_values, **options)
        states, loss = body.last_hidden_state, None
        pooled = states[:, 0] if self.fc_norm is None else self.fc_norm(states.mean(1))
        logits = self.classifier(pooled)
        if labels is not None:
            kind = self.config.num_labels, self.config.problem_type
            loss = modeling.classification_loss(logits, labels, *kind, num_items_in_batch)
        return modeling.ImageClassifierOutput.of(body, loss=loss, logits=logits)
