"""Conversations to text, in a sandbox."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from automodel_core.errors import MissingExtraError, TokenizationError

TEMPLATE = (
    "{% for message in messages %}{{ '<' + message['role'] + '>' }}"
    "{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] }}{% endgeneration %}"
    "{% else %}{{ message['content'] }}{% endif %}{{ eos_token or '' }}\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
CHAT = [
    {"role": "user", "content": "a b"},
    {"role": "assistant", "content": "c d"},
    {"role": "user", "content": "e"},
]


@pytest.fixture
def chatty(tokenizer):
    pytest.importorskip("jinja2")
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def test_rendering(chatty):
    text = chatty.apply_chat_template(CHAT, tokenize=False, add_generation_prompt=True)
    assert text == "<user>a b\n<assistant>c d\n<user>e\n<assistant>"
    assert chatty.apply_chat_template([CHAT, CHAT[:1]], tokenize=False)[1] == "<user>a b\n"
    encoded = chatty.apply_chat_template(CHAT)
    assert encoded["input_ids"] == chatty.encode(
        text[: -len("<assistant>")], add_special_tokens=False
    )
    assert chatty.apply_chat_template(CHAT, return_dict=False) == encoded["input_ids"]


def test_what_the_assistant_said_is_marked(chatty):
    encoded = chatty.apply_chat_template(CHAT, return_assistant_tokens_mask=True)
    said = [t for t, m in zip(encoded.tokens(), encoded["assistant_masks"], strict=True) if m]
    assert said == ["c", "d"]


def test_the_last_message_can_be_continued(chatty):
    text = chatty.apply_chat_template(CHAT[:2], tokenize=False, continue_final_message=True)
    assert text == "<user>a b\n<assistant>c d"
    with pytest.raises(TokenizationError, match="goes with neither"):
        chatty.apply_chat_template(CHAT, continue_final_message=True, add_generation_prompt=True)
    silent = "{% for m in messages[:-1] %}{{ m.content }}{% endfor %}"
    with pytest.raises(TokenizationError, match="does not show the last message"):
        chatty.apply_chat_template(CHAT, chat_template=silent, continue_final_message=True)


def test_one_message_of_a_conversation(chatty):
    whole = chatty.apply_chat_template(CHAT, return_dict=False)
    before = chatty.apply_chat_template(CHAT[:2], return_dict=False)
    assert before + chatty.encode_message_with_chat_template(CHAT[2], CHAT[:2]) == whole


def test_templates_by_name(chatty):
    chatty.chat_template = {"default": "d", "tool_use": "t", "other": "o"}
    assert chatty.apply_chat_template(CHAT, tokenize=False) == "d"
    assert chatty.apply_chat_template(CHAT, tokenize=False, tools=[]) == "t"
    assert chatty.apply_chat_template(CHAT, tokenize=False, chat_template="other") == "o"
    chatty.chat_template = {"other": "o"}
    with pytest.raises(TokenizationError, match="no default"):
        chatty.apply_chat_template(CHAT)
    chatty.chat_template = None
    with pytest.raises(TokenizationError, match="has no chat template"):
        chatty.apply_chat_template(CHAT)


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.append(1) }}",
        "{{ cycler.__init__.__globals__ }}",
        "{% for m in messages %}",
        "{{ raise_exception('no') }}",
        "{{ 1 // 0 }}",
        "{{ messages[0].content + 1 }}",
    ],
)
def test_a_template_can_neither_escape_nor_crash(chatty, template):
    with pytest.raises(TokenizationError, match="chat template"):
        chatty.apply_chat_template(CHAT, chat_template=template, tokenize=False)


def test_objects_show_a_template_their_data_only(chatty):
    @dataclass
    class Note:
        role: str
        content: str

        def secret(self) -> str:
            return "never"

    template = "{{ messages[0].content }}{{ messages[0].secret is defined }}{{ extra }}"
    text = chatty.apply_chat_template(
        [Note("user", "hi")], chat_template=template, tokenize=False, extra=object()
    )
    assert text == "hiFalse<object>"


def test_a_template_sees_the_schemas_of_tools(chatty):
    def weather(city: str) -> float:
        """Look up the weather.

        Args:
            city: The town
        """
        return 0.0

    text = chatty.apply_chat_template(
        CHAT, chat_template="{{ tools[0].function.name }}", tools=[weather], tokenize=False
    )
    assert text == "weather"


def test_bad_conversations(chatty):
    with pytest.raises(TokenizationError, match="conversation is empty"):
        chatty.apply_chat_template([])
    with pytest.raises(TokenizationError, match="chat message is a dict"):
        chatty.apply_chat_template(["hello"])


def test_without_jinja_the_extra_is_named(chatty, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "jinja2.sandbox", None)
    with pytest.raises(MissingExtraError, match=r"automodel-core\[chat\]"):
        chatty.apply_chat_template(CHAT)
