"""Conversations as inputs: lists of messages, each with a role and a content."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from automodel_core.errors import InputError, shown
from automodel_core.tasks.inputs.series import is_lazy, items_of

__all__ = ["Chat", "chats_of"]


@dataclass(frozen=True)
class Chat:
    """One conversation. Raises `InputError` for a message without role or content."""

    messages: Sequence[Mapping[str, Any]]

    def __post_init__(self) -> None:
        for message in self.messages:
            if not isinstance(message, Mapping) or not {"role", "content"} <= message.keys():
                raise InputError(
                    "a message of a chat is {'role': ..., 'content': ...}, got " + shown(message)
                )

    @property
    def is_open(self) -> bool:
        """Whether the last message is the assistant's, to be continued."""
        return bool(self.messages) and self.messages[-1]["role"] == "assistant"

    def answered(self, content: Any, continues: bool) -> list[Mapping[str, Any]]:
        """Return the messages with an answer, its own or the rest of the last one."""
        if not continues:
            return [*self.messages, {"role": "assistant", "content": content}]
        last = self.messages[-1]
        return [*self.messages[:-1], {"role": last["role"], "content": last["content"] + content}]


def chats_of(inputs: Any) -> Any:
    """Return inputs with conversations as `Chat`; everything else as it is."""
    if isinstance(inputs, list | tuple) and inputs:
        if isinstance(inputs[0], Mapping):
            return Chat(inputs)
        if isinstance(inputs[0], list | tuple):
            return [Chat(chat) for chat in inputs]
        return list(inputs)
    if isinstance(inputs, Iterator):
        first = list(_first(inputs))
        rest = chain(first, inputs)
        return map(Chat, rest) if first and isinstance(first[0], list | tuple) else rest
    if is_lazy(inputs) and isinstance(next(items_of(inputs), None), list | tuple):
        return _ChatDataset(inputs)
    return inputs


def _first(inputs: Iterator[Any]) -> Iterator[Any]:
    for item in inputs:
        yield item
        return


@dataclass(frozen=True)
class _ChatDataset(Sequence[Chat]):
    """The conversations of a dataset, each made when it is read."""

    dataset: Any

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: Any) -> Any:
        return Chat(self.dataset[index])
