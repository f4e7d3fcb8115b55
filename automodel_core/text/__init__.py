"""Tokenizers over the Rust library ``tokenizers``; nothing here needs torch or numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automodel_core.exports import lazy_exports

if TYPE_CHECKING:
    from tokenizers import AddedToken as AddedToken

    from automodel_core.text.encoding import (
        BatchEncoding as BatchEncoding,
        CharSpan as CharSpan,
        TokenSpan as TokenSpan,
    )
    from automodel_core.text.lengths import (
        PaddingStrategy as PaddingStrategy,
        TruncationStrategy as TruncationStrategy,
    )
    from automodel_core.text.tensors import TensorType as TensorType
    from automodel_core.text.tokenizer import (
        PreTrainedTokenizer as PreTrainedTokenizer,
        PreTrainedTokenizerFast as PreTrainedTokenizerFast,
        TokenizersBackend as TokenizersBackend,
    )

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "encoding": ("BatchEncoding", "CharSpan", "TokenSpan"),
        "lengths": ("PaddingStrategy", "TruncationStrategy"),
        "special_tokens": ("AddedToken",),
        "tensors": ("TensorType",),
        "tokenizer": ("PreTrainedTokenizer", "PreTrainedTokenizerFast", "TokenizersBackend"),
    },
)
