"""``image-text-to-text``: a text about pictures, or a conversation about them, continued."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor

from automodel_core.errors import InputError
from automodel_core.tasks.base.chats import Chat, chats_of
from automodel_core.tasks.base.chunks import Chunk
from automodel_core.tasks.base.generating import GenerativePipeline
from automodel_core.tasks.base.return_types import ReturnType, return_type_of
from automodel_core.tasks.inputs.pictures import picture

__all__ = ["ImageTextToTextPipeline"]

PLACES = ("image", "url", "path", "base64")
FOR_TRAINING = ("labels", "attention_mask")


class ImageTextToTextPipeline(GenerativePipeline):
    """Returns ``[{"input_text": ..., "generated_text": ...}]``.

    An input is a dict of ``images`` and ``text``, these two, or a conversation whose messages hold
    pictures. Settings of ``generate`` are given as ``generate_kwargs``; ``max_new_tokens`` may
    stand for itself. Other options are the processor's.
    """

    needs = ("processor",)
    defaults: ClassVar[Mapping[str, Any]] = {"max_new_tokens": 256}

    def arrange(
        self, images: Any = None, text: Any = None, *args: Any, **options: Any
    ) -> tuple[Any, dict[str, Any]]:
        """Pair pictures and texts, or tell conversations."""
        if images is None and text is None:
            raise InputError("give text=, images= or both")
        talk = text if text is not None else images
        if _is_chat(talk):
            return _with_pictures(chats_of(talk), None if text is None else images), options
        if images is None or text is None:
            return talk, options
        if isinstance(text, str):
            return {"images": images, "text": text}, options
        if not isinstance(images, list) or len(images) != len(text):
            raise InputError("of several texts each has its picture: give as many images= as text=")
        return [
            {"images": one, "text": said} for one, said in zip(images, text, strict=True)
        ], options

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Answer one input, a list of them, or those of a generator or dataset."""
        result = super().__call__(*args, **kwargs)
        if isinstance(kwargs.get("text"), list) and isinstance(result, list):
            flat = [record for records in result if isinstance(records, list) for record in records]
            return flat or result
        return result

    def settled(self, options: dict[str, Any]) -> dict[str, Any]:
        """Choose the form of the answer, and join the settings of generation."""
        options = dict(options)
        given = dict(options.pop("generate_kwargs", None) or {})
        new = options.pop("max_new_tokens", None)
        if new is not None and "max_new_tokens" in given:
            raise InputError("max_new_tokens is given twice, as itself and in generate_kwargs=")
        if new is not None:
            given["max_new_tokens"] = new
        stop = options.pop("stop_sequence", None)
        if stop is not None:
            given |= {"stop_strings": [stop], "tokenizer": self.tokenizer}
        for name in ("assistant_model", "assistant_tokenizer", "tokenizer"):
            if name in options:
                given[name] = options.pop(name)
        options["return_type"] = return_type_of(options)
        options["settings"] = super().settled(given)
        return options

    def preprocess(
        self,
        item: Any,
        *,
        timeout: float | None = None,
        continue_final_message: bool | None = None,
        **processing: Any,
    ) -> Chunk:
        sources: Any
        if isinstance(item, Chat):
            continues = item.is_open if continue_final_message is None else continue_final_message
            sources = [_source(part) for part in _parts(item)]
            text = self.processor.apply_chat_template(
                item.messages,
                add_generation_prompt=not continues,
                continue_final_message=continues,
            )
        elif isinstance(item, str):
            sources, text = None, item
        elif isinstance(item, Mapping) and isinstance(item.get("text"), str):
            sources, text = item.get("images", item.get("image")), item["text"]
        else:
            raise InputError("an input is {'images': ..., 'text': ...} or a list of messages")
        several = sources if isinstance(sources, list) else [] if sources is None else [sources]
        pixels = [picture(source, timeout=timeout) for source in several] or None
        found = dict(self.processor(images=pixels, text=text, return_tensors="pt", **processing))
        return Chunk.of_batch(self._prompted(found), said=item)

    def _prompted(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Return inputs in which the text is what the answer begins with."""
        if not self.model.config.is_encoder_decoder or "pixel_values" not in inputs:
            return inputs
        ids = inputs.pop("input_ids", inputs.get("labels"))
        kept = {name: value for name, value in inputs.items() if name not in FOR_TRAINING}
        return kept if ids is None else {**kept, "decoder_input_ids": ids}

    def forward(
        self, inputs: dict[str, Any], *, settings: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        return {"sequences": self.generate(inputs, settings or {})["sequences"]}

    def postprocess(
        self,
        chunks: Sequence[Chunk],
        *,
        return_type: ReturnType = ReturnType.FULL_TEXT,
        clean_up_tokenization_spaces: bool | None = None,
        continue_final_message: bool | None = None,
        skip_special_tokens: bool | None = None,
    ) -> list[dict[str, Any]]:
        (chunk,) = chunks
        said = chunk.notes["said"]
        shown = said["text"] if isinstance(said, Mapping) else said
        shown = list(said.messages) if isinstance(said, Chat) else shown
        sequences: Tensor = chunk.outputs["sequences"]
        if return_type is ReturnType.TENSORS:
            return [{"input_text": shown, "generated_token_ids": ids} for ids in sequences]
        decoding: dict[str, Any] = {"skip_special_tokens": skip_special_tokens is not False}
        if clean_up_tokenization_spaces is not None:
            decoding["clean_up_tokenization_spaces"] = clean_up_tokenization_spaces
        decode = self.processor.post_process_image_text_to_text
        begun = chunk.inputs.get("decoder_input_ids", chunk.inputs.get("input_ids"))
        (prompt,) = [""] if begun is None else decode(begun[None], **decoding)
        records = []
        for text in decode(sequences, **decoding):
            found = text.find(prompt)
            answer: Any = text[found + len(prompt) :] if 0 <= found <= 2 else text
            if return_type is ReturnType.FULL_TEXT:
                answer = self._full(said, shown, answer, continue_final_message)
            records.append({"input_text": shown, "generated_text": answer})
        return records

    def _full(self, said: Any, shown: Any, answer: str, continues: bool | None) -> Any:
        if not isinstance(said, Chat):
            return shown + answer
        if not (said.is_open if continues is None else continues):
            return said.answered(answer, continues=False)
        last = said.messages[-1]
        *parts, final = last["content"]
        joined = {**final, "text": final["text"] + answer}
        return [*said.messages[:-1], {"role": last["role"], "content": [*parts, joined]}]


def _is_chat(given: Any) -> bool:
    """Return whether something is a list of messages, or a list of such lists."""
    first = given[0] if isinstance(given, list) and given else None
    return isinstance(first, list) or (isinstance(first, Mapping) and "role" in first)


def _parts(chat: Chat) -> list[dict[str, Any]]:
    """Return the parts of a conversation's messages that are pictures."""
    contents = [m["content"] for m in chat.messages if not isinstance(m["content"], str)]
    return [part for parts in contents for part in parts if part.get("type") == "image"]


def _source(part: Mapping[str, Any]) -> Any:
    found = [part[name] for name in PLACES if name in part]
    if not found:
        raise InputError(
            "a message has a picture that is not there: give it in the message, or in images="
        )
    return found[0]


def _with_pictures(found: Any, images: Any) -> Any:
    """Return conversations whose messages hold their pictures, those given beside them too."""
    if isinstance(found, list):
        given = images if images is not None else [None] * len(found)
        return [_with_pictures(chat, one) for chat, one in zip(found, given, strict=True)]
    left = list(images) if isinstance(images, list | tuple) else [] if images is None else [images]
    messages = []
    for message in found.messages:
        if isinstance(message["content"], str):
            messages.append(message)
            continue
        parts = []
        for part in message["content"]:
            if part.get("type") == "image_url":
                part = {"type": "image", "image": part["image_url"]["url"]}
            elif part.get("type") == "image" and not part.keys() & set(PLACES):
                if not left:
                    raise InputError("there are more pictures in the messages than in images=")
                part = {**part, "image": left.pop(0)}
            parts.append(part)
        messages.append({**message, "content": parts})
    if left:
        raise InputError(f"{len(left)} of images= have no place in the messages")
    return Chat(messages)
