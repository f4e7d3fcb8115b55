"""Conversations to text: the Jinja templates that checkpoints carry, run in a sandbox.

A template comes from a file, so it may compute with what it is given and nothing else.
Needs the extra ``automodel-core[chat]``.
"""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any

from automodel_core.errors import MissingExtraError, TokenizationError, shown
from automodel_core.text.chat.tools import tool_schema
from automodel_core.text.encoding.request import EncodeOptions
from automodel_core.text.protocol import Encoder, TokenTable

__all__ = ["ChatTemplates", "render"]

Message = Mapping[str, Any]
Conversation = Sequence[Message]
Span = tuple[int, int]

CUT_HERE = "\ue0f0cut\ue0f1"
"""Private characters that mark the end of an unfinished last message."""

_recording: ContextVar[tuple[list[str], list[Span]] | None] = ContextVar("recording", default=None)


class ChatTemplates(Encoder, TokenTable):
    """The part of a tokenizer that renders conversations."""

    chat_template: str | dict[str, str] | None

    @staticmethod
    def _template_setting(value: Any) -> str | dict[str, str] | None:
        """Return a template, or named templates as a dict (in files, a list)."""
        if isinstance(value, list | tuple):
            try:
                return {str(entry["name"]): str(entry["template"]) for entry in value}
            except (KeyError, TypeError) as error:
                raise TokenizationError(
                    "chat_template must list objects with 'name' and 'template', "
                    f"got {shown(value)}"
                ) from error
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, Mapping):
            return {str(name): str(text) for name, text in value.items()}
        raise TokenizationError(
            f"chat_template must be a str or a dict of them, got {shown(value)}"
        )

    def get_chat_template(
        self, chat_template: str | None = None, tools: Sequence[Any] | None = None
    ) -> str:
        """Return the template to use: the given one, the one of that name, or the default."""
        own = self.chat_template
        if isinstance(own, dict):
            if chat_template is not None:
                return own.get(chat_template, chat_template)
            name = "tool_use" if tools is not None and "tool_use" in own else "default"
            if name in own:
                return own[name]
            raise TokenizationError(
                "This tokenizer has several chat templates and no default: "
                f"name one with chat_template=, of {', '.join(sorted(own))}"
            )
        if chat_template is not None:
            return chat_template
        if own is None:
            raise TokenizationError(
                "This tokenizer has no chat template: set tokenizer.chat_template "
                "or pass chat_template="
            )
        return own

    def apply_chat_template(
        self,
        conversation: Any,
        tools: Sequence[Mapping[str, Any] | Callable[..., Any]] | None = None,
        documents: Sequence[Mapping[str, Any]] | None = None,
        chat_template: str | None = None,
        add_generation_prompt: bool = False,
        continue_final_message: bool | str = False,
        tokenize: bool = True,
        padding: bool | str = False,
        truncation: bool | str | None = False,
        max_length: int | None = None,
        return_tensors: str | None = None,
        return_dict: bool = True,
        return_assistant_tokens_mask: bool = False,
        tokenizer_kwargs: EncodeOptions | None = None,
        **kwargs: Any,
    ) -> Any:
        """Render one conversation or a batch, and encode it unless ``tokenize=False``.

        Further keywords are variables of the template.
        """
        if return_assistant_tokens_mask and not (return_dict and tokenize):
            raise TokenizationError(
                "return_assistant_tokens_mask=True needs return_dict=True and tokenize=True"
            )
        if continue_final_message and (add_generation_prompt or return_assistant_tokens_mask):
            raise TokenizationError(
                "continue_final_message goes with neither add_generation_prompt (it would start "
                "a new message) nor return_assistant_tokens_mask"
            )
        conversation = getattr(conversation, "messages", conversation)
        if len(conversation) == 0:
            raise TokenizationError("The conversation is empty: give at least one message")
        first = conversation[0]
        batched = isinstance(first, list | tuple) or "messages" in dir(first)
        chats = (
            [getattr(chat, "messages", chat) for chat in conversation]
            if batched
            else [conversation]
        )
        template = self.get_chat_template(chat_template, tools)
        rendered = [
            render(
                template,
                chat,
                tools=tools,
                documents=documents,
                add_generation_prompt=add_generation_prompt,
                continued=continue_final_message,
                variables={**self.special_tokens_map, **kwargs},
            )
            for chat in chats
        ]
        texts = [text for text, _ in rendered]
        if not tokenize:
            return texts if batched else texts[0]
        options: EncodeOptions = {
            "padding": padding,
            "truncation": truncation,
            "max_length": max_length,
            "add_special_tokens": False,
            "return_tensors": return_tensors,
            **(tokenizer_kwargs or EncodeOptions()),
        }
        result = self(texts if batched else texts[0], **options)
        if not return_dict:
            return result["input_ids"]
        if return_assistant_tokens_mask:
            masks = []
            for row, (_, spans) in enumerate(rendered):
                encoding = result[row]
                said = [
                    any(start < b and a < end for start, end in spans) for a, b in encoding.offsets
                ]
                masks.append([int(flag) for flag in said])
            result["assistant_masks"] = masks if batched or return_tensors else masks[0]
            result.convert_to_tensors(return_tensors)
        return result

    def encode_message_with_chat_template(
        self,
        message: Message,
        conversation_history: Conversation | None = None,
        **kwargs: Any,
    ) -> list[int]:
        """Return the token ids that ``message`` adds to the conversation."""
        if "add_generation_prompt" in kwargs:
            raise TokenizationError("One message is encoded without add_generation_prompt")
        history = list(conversation_history or ())
        options = {**kwargs, "tokenize": True, "return_dict": False}
        tokens: list[int] = self.apply_chat_template([*history, message], **options)
        before: list[int] = self.apply_chat_template(history, **options) if history else []
        same = 0
        while same < min(len(before), len(tokens)) and before[same] == tokens[same]:
            same += 1
        return tokens[same:]


def render(
    template: str,
    chat: Conversation,
    *,
    tools: Sequence[Mapping[str, Any] | Callable[..., Any]] | None = None,
    documents: Sequence[Mapping[str, Any]] | None = None,
    add_generation_prompt: bool = False,
    continued: bool | str = False,
    variables: Mapping[str, Any] | None = None,
) -> tuple[str, list[Span]]:
    """Return the text of a conversation, and the spans within ``{% generation %}`` blocks."""
    messages = _plain(list(chat))
    for message in messages:
        if not isinstance(message, dict):
            raise TokenizationError(
                f"A chat message is a dict with 'role' and 'content', got {shown(message)}"
            )
    messages = [
        {key: value for key, value in message.items() if value is not None} for message in messages
    ]
    last = _mark_end(messages, "content" if continued is True else continued) if continued else ""
    schemas = (
        None
        if tools is None
        else [tool if isinstance(tool, Mapping) else tool_schema(tool) for tool in tools]
    )
    context = {
        "messages": messages,
        "tools": _plain(schemas),
        "documents": _plain(documents),
        "add_generation_prompt": add_generation_prompt,
        **_plain(dict(variables or {})),
    }
    blocks: list[str] = []
    spans: list[Span] = []
    import_jinja()
    import jinja2

    from automodel_core.text.chat.bounded import MOST_CHARACTERS, counted

    length = 0
    state = _recording.set((blocks, spans))
    try:
        with counted():
            for block in _compiled(template).generate(**context):
                blocks.append(block)
                length += len(block)
                if length > MOST_CHARACTERS:
                    raise TokenizationError(
                        f"The chat template makes more than {MOST_CHARACTERS} characters"
                    )
    except jinja2.TemplateError as error:
        raise TokenizationError(
            f"The chat template refuses or cannot render this: {error}"
        ) from error
    except (
        TypeError,
        ValueError,
        KeyError,
        AttributeError,
        ArithmeticError,
        RecursionError,
        MemoryError,
    ) as error:
        raise TokenizationError(
            f"The chat template fails: {type(error).__name__}: {error}"
        ) from error
    finally:
        _recording.reset(state)
    text = "".join(blocks)
    if continued:
        place = text.rfind(CUT_HERE)
        if place < 0 or last.strip() not in text:
            raise TokenizationError(
                "continue_final_message is set, and the template does not show the last message "
                "unchanged"
            )
        # A template that strips its messages has removed the space after the mark.
        trimmed = text[place + len(CUT_HERE) : place + len(CUT_HERE) + 1] != " "
        text = text[:place].rstrip() if trimmed else text[:place]
    return text, spans


def _mark_end(messages: list[dict[str, Any]], field: str) -> str:
    """Append the mark to the last message's ``field``, and return its text without it."""
    content = messages[-1].get(field) if messages else None
    if isinstance(content, list):
        for part in reversed(content):
            if isinstance(part, dict) and isinstance(part.get("text"), str):
                text = part["text"]
                part["text"] = f"{text}{CUT_HERE} "
                return str(text)
    if not isinstance(content, str):
        raise TokenizationError(
            "continue_final_message is set, and the last message has no text "
            f"in {field!r} to continue"
        )
    messages[-1][field] = f"{content}{CUT_HERE} "
    return content


def _plain(value: Any) -> Any:
    """Return a copy in plain containers and scalars: templates get no objects with methods."""
    if value is None or type(value) in (str, int, float, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, Mapping):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, tuple):
        return tuple(_plain(item) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(vars(value)[field.name]) for field in fields(value)}
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    dump = inspect.getattr_static(value, "model_dump", None)
    if callable(dump):
        model: Any = value
        return _plain(model.model_dump())
    return f"<{type(value).__name__}>"


def import_jinja() -> None:
    """Raise `MissingExtraError` if Jinja is absent."""
    try:
        import jinja2.sandbox  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            "Chat templates need Jinja: pip install 'automodel-core[chat]'"
        ) from error


@functools.lru_cache(maxsize=64)
def _compiled(template: str) -> Any:
    import jinja2
    from jinja2 import nodes
    from jinja2.ext import Extension, loopcontrols

    from automodel_core.text.chat.bounded import BoundedEnvironment

    class Generation(Extension):
        """``{% generation %}...{% endgeneration %}`` marks the assistant's text."""

        tags = {"generation"}  # noqa: RUF012

        def parse(self, parser: Any) -> nodes.Node:
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            call = self.call_method("_said")
            return nodes.CallBlock(call, [], [], body).set_lineno(line)

        def _said(self, caller: Callable[[], str]) -> str:
            text = caller()
            recording = _recording.get()
            if recording is not None:
                blocks, spans = recording
                start = sum(map(len, blocks))
                spans.append((start, start + len(text)))
            return text

    def fail(message: str) -> None:
        raise jinja2.TemplateError(message)

    def to_json(
        value: Any,
        ensure_ascii: bool = False,
        indent: int | None = None,
        separators: tuple[str, str] | None = None,
        sort_keys: bool = False,
    ) -> str:
        return json.dumps(
            value,
            ensure_ascii=ensure_ascii,
            indent=indent,
            separators=separators,
            sort_keys=sort_keys,
        )

    environment = BoundedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
    )
    environment.filters["tojson"] = to_json
    environment.globals["raise_exception"] = fail
    environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    try:
        return environment.bounded(template)
    except jinja2.TemplateSyntaxError as error:
        raise TokenizationError(
            f"The chat template has an error in line {error.lineno}: {error}"
        ) from error
