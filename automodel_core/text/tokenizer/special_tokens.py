"""The special tokens of a tokenizer, under every name by which users ask for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from tokenizers import AddedToken

from automodel_core.errors import TokenizationError, shown
from automodel_core.other_names import TOKENIZERS, missing_attribute
from automodel_core.text.encoding.added_tokens import TokenLike, added_token
from automodel_core.text.protocol import TokenTable

__all__ = ["NAMED_TOKENS", "SpecialTokens"]

NAMED_TOKENS = (
    "bos_token",
    "eos_token",
    "unk_token",
    "sep_token",
    "pad_token",
    "cls_token",
    "mask_token",
)
EXTRA_NAMES = ("additional_special_tokens", "extra_special_tokens")


class _Token:
    """A special token's text, as attribute ``pad_token``."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> _Token: ...
    @overload
    def __get__(self, instance: SpecialTokens, owner: type) -> str | None: ...
    def __get__(self, instance: SpecialTokens | None, owner: type) -> _Token | str | None:
        return self if instance is None else instance.token_named(self.name)

    def __set__(self, instance: SpecialTokens, value: TokenLike | None) -> None:
        instance.set_token(self.name, value)


class _TokenId:
    """A special token's id, as attribute ``pad_token_id``."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name.removesuffix("_id")

    @overload
    def __get__(self, instance: None, owner: type) -> _TokenId: ...
    @overload
    def __get__(self, instance: SpecialTokens, owner: type) -> int | None: ...
    def __get__(self, instance: SpecialTokens | None, owner: type) -> _TokenId | int | None:
        return self if instance is None else instance.id_named(self.name)

    def __set__(self, instance: SpecialTokens, value: int | None) -> None:
        instance.set_token(
            self.name, None if value is None else instance.convert_ids_to_tokens(value)
        )


class SpecialTokens(TokenTable):
    """Special tokens with a name (``pad_token``, ..., a model's own), and additional ones."""

    SPECIAL_TOKENS_ATTRIBUTES: Sequence[str] = (*NAMED_TOKENS, "additional_special_tokens")

    bos_token = _Token()
    eos_token = _Token()
    unk_token = _Token()
    sep_token = _Token()
    pad_token = _Token()
    cls_token = _Token()
    mask_token = _Token()
    bos_token_id = _TokenId()
    eos_token_id = _TokenId()
    unk_token_id = _TokenId()
    sep_token_id = _TokenId()
    pad_token_id = _TokenId()
    cls_token_id = _TokenId()
    mask_token_id = _TokenId()

    _tokens: dict[str, TokenLike | None]
    _additional: list[TokenLike]

    def _take_special_tokens(self, settings: dict[str, Any]) -> None:
        """Move every special token out of the constructor's ``settings``."""
        self._tokens = dict.fromkeys(NAMED_TOKENS)
        self._additional = []
        own = settings.pop("model_specific_special_tokens", None) or {}
        if not isinstance(own, Mapping):
            raise TokenizationError(
                f"model_specific_special_tokens must be a dict, got {shown(own)}"
            )
        extra = settings.pop("extra_special_tokens", None)
        older = settings.pop("additional_special_tokens", None)
        for value in (older, extra):
            if isinstance(value, Mapping):
                own = {**own, **value}
            elif value is not None:
                self.additional_special_tokens = value
        for key in list(settings):
            own_token = key.endswith("_token") and isinstance(
                settings[key], str | AddedToken | None
            )
            if own_token or key in NAMED_TOKENS:
                own = {**own, key: settings.pop(key)}
        for key, value in own.items():
            if value is not None or key in NAMED_TOKENS:
                self.set_token(key, value)

    def token_named(self, name: str) -> str | None:
        token = self._tokens.get(name)
        return None if token is None else str(token)

    def id_named(self, name: str) -> int | None:
        token = self._tokens.get(name)
        if token is None:
            return None
        return self.convert_tokens_to_ids(str(token))

    def needed_token(self, name: str) -> tuple[str, int]:
        """Return the text and the id of a token that is put around texts."""
        token, index = self.token_named(name), self.id_named(name)
        if token is None or index is None:
            raise TokenizationError(
                f"{type(self).__name__} needs a {name}, which it adds to each text"
            )
        return token, index

    def set_token(self, name: str, value: TokenLike | None) -> None:
        if value is not None and not isinstance(value, str | AddedToken):
            raise TokenizationError(
                f"{name} must be a str, an AddedToken or None, "
                f"got {type(value).__name__} {shown(value)}"
            )
        self._tokens[name] = value

    if not TYPE_CHECKING:  # so that a misspelt method is an error

        def __getattr__(self, name: str) -> Any:
            # Reached only for names that are no attribute: a model's own tokens, as "image_token".
            tokens = self.__dict__.get("_tokens", {})
            if name in tokens:
                return self.token_named(name)
            if name.removesuffix("_id") in tokens:
                return self.id_named(name.removesuffix("_id"))
            raise missing_attribute(self, name, TOKENIZERS)

    def __setattr__(self, name: str, value: Any) -> None:
        tokens = self.__dict__.get("_tokens", {})
        if name in tokens and name not in NAMED_TOKENS:
            self.set_token(name, value)
        else:
            object.__setattr__(self, name, value)

    @property
    def additional_special_tokens(self) -> list[str]:
        """Special tokens without a name of their own, in order."""
        return [str(token) for token in self._additional]

    @additional_special_tokens.setter
    def additional_special_tokens(self, value: Sequence[TokenLike] | None) -> None:
        if value is None:
            value = []
        if isinstance(value, str) or not all(
            isinstance(token, str | AddedToken) for token in value
        ):
            raise TokenizationError(
                f"additional_special_tokens must be a list of str or AddedToken, got {shown(value)}"
            )
        self._additional = list(value)

    @property
    def additional_special_tokens_ids(self) -> list[int]:
        return self.convert_tokens_to_ids(self.additional_special_tokens)

    @additional_special_tokens_ids.setter
    def additional_special_tokens_ids(self, value: Sequence[int]) -> None:
        self.additional_special_tokens = self.convert_ids_to_tokens(value)

    # Newer names of the same two.
    @property
    def extra_special_tokens(self) -> list[str]:
        return self.additional_special_tokens

    @extra_special_tokens.setter
    def extra_special_tokens(self, value: Sequence[TokenLike] | None) -> None:
        self.additional_special_tokens = value

    @property
    def extra_special_tokens_ids(self) -> list[int]:
        return self.additional_special_tokens_ids

    @extra_special_tokens_ids.setter
    def extra_special_tokens_ids(self, value: Sequence[int]) -> None:
        self.additional_special_tokens_ids = value

    @property
    def special_tokens_map(self) -> dict[str, str]:
        """The named special tokens that are set."""
        return {name: str(token) for name, token in self._tokens.items() if token is not None}

    @property
    def special_tokens_map_extended(self) -> dict[str, TokenLike | list[TokenLike]]:
        """All special tokens, with the matching rules of those that have some."""
        result: dict[str, TokenLike | list[TokenLike]] = {
            name: token for name, token in self._tokens.items() if token is not None
        }
        if self._additional:
            result["additional_special_tokens"] = list(self._additional)
        return result

    @property
    def all_special_tokens_extended(self) -> list[TokenLike]:
        """Named, then additional tokens; of equal texts the first."""
        first: dict[str, TokenLike] = {}
        for token in [*self._tokens.values(), *self._additional]:
            if token is not None:
                first.setdefault(str(token), token)
        return list(first.values())

    @property
    def all_special_tokens(self) -> list[str]:
        return [str(token) for token in self.all_special_tokens_extended]

    @property
    def all_special_ids(self) -> list[int]:
        return self.convert_tokens_to_ids(self.all_special_tokens)

    def add_special_tokens(
        self,
        special_tokens_dict: Mapping[str, TokenLike | Iterable[TokenLike]],
        replace_extra_special_tokens: bool = True,
        replace_additional_special_tokens: bool = True,
    ) -> int:
        """Set special tokens by name, add those that the vocabulary lacks, and return how many."""
        new: list[AddedToken] = []
        replace = replace_extra_special_tokens and replace_additional_special_tokens
        for name, value in special_tokens_dict.items():
            if name in EXTRA_NAMES:
                if isinstance(value, str | AddedToken) or not all(
                    isinstance(token, str | AddedToken) for token in value
                ):
                    raise TokenizationError(
                        f"{name} must be a list of str or AddedToken, got {shown(value)}"
                    )
                tokens = [added_token(token) for token in value]
                if not replace:
                    known = set(self.additional_special_tokens)
                    tokens = [token for token in tokens if str(token) not in known]
                    self._additional.extend(tokens)
                else:
                    self._additional = list(tokens)
                new.extend(tokens)
            elif name not in self._tokens:
                raise TokenizationError(
                    f"{shown(name)} is not the name of a special token; "
                    f"names are {', '.join([*self._tokens, *EXTRA_NAMES])}"
                )
            elif not isinstance(value, str | AddedToken):
                raise TokenizationError(
                    f"{name} must be a str or an AddedToken, got {shown(value)}"
                )
            else:
                token = added_token(value)
                self.set_token(name, token)
                new.append(token)
        return self.add_tokens(new, special_tokens=True) if new else 0
