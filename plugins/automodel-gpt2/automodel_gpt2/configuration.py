"""The configuration of GPT-2."""

from __future__ import annotations

from typing import ClassVar, Literal

from automodel_core.configuration import PreTrainedConfig, TokenId
from automodel_core.errors import ConfigurationError
from automodel_core.fields import NonNegativeFloat, PositiveInt, Probability


class GPT2Config(PreTrainedConfig):
    """GPT-2 ("Language Models are Unsupervised Multitask Learners", 2019): a decoder.

    ``summary_...`` say how `GPT2DoubleHeadsModel` scores a choice.
    """

    model_type = "gpt2"
    aliases: ClassVar = {
        "hidden_size": "n_embd",
        "max_position_embeddings": "n_positions",
        "num_attention_heads": "n_head",
        "num_hidden_layers": "n_layer",
    }

    vocab_size: PositiveInt = 50257
    n_positions: PositiveInt = 1024
    n_embd: PositiveInt = 768
    n_layer: PositiveInt = 12
    n_head: PositiveInt = 12
    n_inner: PositiveInt | None = None
    """The width of the feed-forward part; ``None`` means four times ``n_embd``."""
    activation_function: str = "gelu_new"
    resid_pdrop: Probability = 0.1
    embd_pdrop: Probability = 0.1
    attn_pdrop: Probability = 0.1
    layer_norm_epsilon: NonNegativeFloat = 1e-5
    initializer_range: NonNegativeFloat = 0.02
    summary_type: Literal["last", "first", "mean", "cls_index", "attn"] = "cls_index"
    summary_use_proj: bool = True
    summary_activation: str | None = None
    summary_proj_to_labels: bool = True
    summary_first_dropout: Probability = 0.1
    summary_last_dropout: Probability = 0.0
    scale_attn_weights: bool = True
    use_cache: bool = True
    bos_token_id: int | None = 50256
    eos_token_id: TokenId = 50256
    scale_attn_by_inverse_layer_idx: bool = False
    """Whether a layer's scores are divided by its number too, counted from 1."""
    reorder_and_upcast_attn: bool = False
    """Kept for other readers: attention here never sums scores in half precision."""
    classifier_dropout: Probability | None = None
    hidden_dropout: Probability | None = None
    """What `GPT2ForTokenClassification` drops where ``classifier_dropout`` is not set."""

    def validate(self) -> None:
        if self.n_embd % self.n_head:
            raise ConfigurationError(
                f"GPT2Config: n_embd={self.n_embd} is not a multiple of n_head={self.n_head}"
            )
