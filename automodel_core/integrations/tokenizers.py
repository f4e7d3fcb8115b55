"""Tokenizers of transformers, for packages that take no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tokenizers import Tokenizer

from automodel_core.errors import MissingExtraError

if TYPE_CHECKING:
    from automodel_core.text import PreTrainedTokenizer

__all__ = ["to_transformers"]


def to_transformers(tokenizer: PreTrainedTokenizer) -> Any:
    """Return transformers' ``PreTrainedTokenizerFast`` with the same vocabulary and settings.

    It is a copy: tokens added to one are not in the other.
    """
    try:
        from transformers import PreTrainedTokenizerFast  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise MissingExtraError(
            "a tokenizer of transformers needs the package: pip install transformers"
        ) from error
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(tokenizer.backend_tokenizer.to_str()),
        **tokenizer.special_tokens_map,
        additional_special_tokens=list(tokenizer.additional_special_tokens),
        chat_template=tokenizer.chat_template,
        clean_up_tokenization_spaces=tokenizer.clean_up_tokenization_spaces,
        model_input_names=list(tokenizer.model_input_names),
        model_max_length=tokenizer.model_max_length,
        padding_side=tokenizer.padding_side,
        truncation_side=tokenizer.truncation_side,
    )
