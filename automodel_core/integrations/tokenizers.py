"""Tokenizers of transformers, for packages that take no other."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

from tokenizers import Tokenizer

from automodel_core.errors import MissingExtraError

if TYPE_CHECKING:
    from automodel_core.text import PreTrainedTokenizer

__all__ = ["to_transformers"]


def to_transformers(tokenizer: PreTrainedTokenizer) -> Any:
    """Return transformers' tokenizer that gives the same ids: a copy, with the same settings.

    It is a ``PreTrainedTokenizerFast`` where one Rust tokenizer makes all ids. Where targets are
    encoded in another way than sources, it is transformers' own class for the tokenizer's files,
    which may need sentencepiece. Raises `MissingExtraError` where a package is not installed.
    """
    try:
        import transformers  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise MissingExtraError(
            "a tokenizer of transformers needs the package: pip install transformers"
        ) from error
    if not tokenizer.encodes_by_backend:
        return _from_files(tokenizer, transformers.AutoTokenizer)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(tokenizer.backend_tokenizer.to_str()),
        **{
            name: token
            for name, token in tokenizer.special_tokens_map.items()
            if isinstance(token, str)
        },
        additional_special_tokens=list(tokenizer.additional_special_tokens),
        chat_template=tokenizer.chat_template,
        clean_up_tokenization_spaces=tokenizer.clean_up_tokenization_spaces,
        model_input_names=list(tokenizer.model_input_names),
        model_max_length=tokenizer.model_max_length,
        padding_side=tokenizer.padding_side,
        truncation_side=tokenizer.truncation_side,
        split_special_tokens=tokenizer.split_special_tokens,
        name_or_path=tokenizer.name_or_path,
    )


def _from_files(tokenizer: PreTrainedTokenizer, loader: Any) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        try:
            return loader.from_pretrained(folder)
        except ImportError as error:
            raise MissingExtraError(
                f"transformers reads the files of {type(tokenizer).__name__} by another package: "
                f"{error}"
            ) from error
