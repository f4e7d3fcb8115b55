"""``text-generation``: a text, or a conversation, continued."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

from torch import Tensor

from automodel_core.errors import InputError, shown
from automodel_core.tasks.base.chats import Chat, chats_of
from automodel_core.tasks.base.chunks import Chunk, Padding
from automodel_core.tasks.base.generating import GenerativePipeline, without_padding
from automodel_core.tasks.base.return_types import ReturnType, return_type_of

__all__ = ["TextGenerationPipeline"]


class TextGenerationPipeline(GenerativePipeline):
    """Returns ``[{"generated_text": ...}]``: the prompt and its continuation, or all messages.

    ``return_full_text=False`` returns the continuation alone, ``return_tensors=True`` token ids.
    ``stop_sequence``, or each of several, ends a text; ``handle_long_generation="hole"`` forgets
    the beginning of a prompt that leaves no room. Options that are not named here are settings of
    ``generate``.
    """

    needs = ("tokenizer",)
    defaults: ClassVar[Mapping[str, Any]] = {
        "max_new_tokens": 256,
        "do_sample": True,
        "temperature": 0.7,
    }

    @property
    def padding(self) -> Padding:
        """Prompts are padded before their first token, so that all end where new tokens begin."""
        return Padding(self.tokenizer.pad_token_id, "left")

    def arrange(
        self, text_inputs: Any = None, *args: Any, **options: Any
    ) -> tuple[Any, dict[str, Any]]:
        """Tell conversations from texts."""
        return chats_of(text_inputs), options

    def settled(self, options: dict[str, Any]) -> dict[str, Any]:
        """Choose the form of the answer, and name stop sequences as ``generate`` does."""
        options = dict(super().settled(options))
        options["return_type"] = return_type_of(options)
        stop = options.pop("stop_sequence", None)
        if stop is not None:
            options |= {
                "stop_strings": [stop] if isinstance(stop, str) else list(stop),
                "tokenizer": self.tokenizer,
            }
        options.setdefault("prefix", self.prefix or "")
        if options["prefix"]:
            self._make_room(options)
        bounds = ("max_length", "max_new_tokens")
        options["lengths"] = {name: options[name] for name in bounds if name in options}
        if options.get("handle_long_generation") not in (None, "hole"):
            raise InputError(
                f"handle_long_generation={shown(options['handle_long_generation'])} is not known; "
                "it is None or 'hole'"
            )
        return options

    def _make_room(self, options: dict[str, Any]) -> None:
        """Let lengths that count the prompt leave out the prefix, which no caller wrote."""
        length = len(self.tokenizer(options["prefix"], add_special_tokens=False)["input_ids"])
        config = self.generation_config
        if config.max_new_tokens is None and config.max_length is not None:
            options.setdefault("max_length", config.max_length)
        for name in ("max_length", "min_length"):
            if options.get(name) is not None:
                options[name] += length

    def preprocess(
        self,
        item: Any,
        *,
        prefix: str = "",
        add_special_tokens: bool | None = None,
        truncation: Any = None,
        padding: Any = None,
        lengths: Mapping[str, int | None] = MappingProxyType({}),
        handle_long_generation: str | None = None,
        continue_final_message: bool | None = None,
        tokenizer_encode_kwargs: Mapping[str, Any] | None = None,
    ) -> Chunk:
        longest = lengths.get("max_length")
        given = {"truncation": truncation, "padding": padding, "max_length": longest}
        encode = {name: value for name, value in given.items() if value is not None}
        encode |= tokenizer_encode_kwargs or {}
        if isinstance(item, Chat):
            continues = item.is_open if continue_final_message is None else continue_final_message
            encoding = self.tokenizer.apply_chat_template(
                item.messages,
                add_generation_prompt=not continues,
                continue_final_message=continues,
                return_dict=True,
                **encode,
            )
        elif isinstance(item, str):
            if add_special_tokens is not None:
                encode["add_special_tokens"] = add_special_tokens
            encoding = self.tokenizer(prefix + item, **encode)
        else:
            raise InputError(f"a prompt is a text or a list of messages, got {shown(item)}")
        kept = {k: v for k, v in encoding.items() if k in ("input_ids", "attention_mask")}
        chunk = Chunk.of(kept, prompt=item)
        chunk.inputs["input_ids"] = chunk.inputs["input_ids"].long()
        if handle_long_generation == "hole":
            self._forget(chunk, lengths)
        return chunk

    def _forget(self, chunk: Chunk, lengths: Mapping[str, int | None]) -> None:
        """Cut a prompt at its beginning, until the new tokens fit into the model."""
        length = chunk.inputs["input_ids"].shape[0]
        config = vars(self.generation_config)
        new = lengths.get("max_new_tokens", config["max_new_tokens"])
        if new is None:
            new = (lengths.get("max_length") or config["max_length"] or 0) - length
        if new < 0:
            raise InputError("handle_long_generation='hole' needs max_new_tokens=")
        limit = self.tokenizer.model_max_length
        if length + new <= limit:
            return
        if limit <= new:
            raise InputError(
                f"{new} new tokens leave no room for a prompt: the model reads {limit}"
            )
        chunk.inputs = {name: value[new - limit :] for name, value in chunk.inputs.items()}

    def forward(self, inputs: dict[str, Any], **settings: Any) -> Mapping[str, Any]:
        ids: Tensor = inputs["input_ids"]
        if not ids.shape[1]:
            inputs = {"input_ids": ids.new_full((ids.shape[0], 1), self._first_token())}
        found = self.generate(inputs, settings)
        # Rows lose what they were padded with, as if each had been alone.
        mask = inputs.get("attention_mask")
        padded = [0] * ids.shape[0] if mask is None else mask.argmax(dim=-1).tolist()
        rows = [row[:, start:] for row, start in zip(found["sequences"], padded, strict=True)]
        pad = self.tokenizer.pad_token_id
        found["sequences"] = without_padding(rows, pad, self._ends(settings))
        return found

    def _first_token(self) -> int:
        found = self.model.generation_config.bos_token_id
        if found is None:
            raise InputError("the prompt is empty, and the model has no token that begins a text")
        return int(found)

    def _ends(self, settings: Mapping[str, Any]) -> list[int]:
        own = self.model.generation_config.eos_token_id
        usual = self.generation_config.eos_token_id
        ends = settings.get("eos_token_id", own if usual is None else usual)
        return ends if isinstance(ends, list) else [] if ends is None else [ends]

    def postprocess(
        self,
        chunks: Sequence[Chunk],
        *,
        return_type: ReturnType = ReturnType.FULL_TEXT,
        clean_up_tokenization_spaces: bool = True,
        continue_final_message: bool | None = None,
        skip_special_tokens: bool | None = None,
    ) -> list[dict[str, Any]]:
        (chunk,) = chunks
        decoding = {
            "skip_special_tokens": skip_special_tokens is not False,
            "clean_up_tokenization_spaces": clean_up_tokenization_spaces,
        }
        prompt = chunk.notes["prompt"]
        shown_prompt = self.tokenizer.decode(chunk.inputs["input_ids"].tolist(), **decoding)
        records: list[dict[str, Any]] = []
        for index, sequence in enumerate(chunk.outputs["sequences"].tolist()):
            if return_type is ReturnType.TENSORS:
                record: dict[str, Any] = {"generated_token_ids": sequence}
            else:
                text: Any = self.tokenizer.decode(sequence, **decoding)[len(shown_prompt) :]
                if return_type is ReturnType.FULL_TEXT:
                    open_ = continue_final_message
                    text = (
                        prompt + text
                        if isinstance(prompt, str)
                        else prompt.answered(text, prompt.is_open if open_ is None else open_)
                    )
                record = {"generated_text": text}
            others = chunk.outputs.keys() - {"sequences", "past_key_values"}
            record |= {name: chunk.outputs[name][index].tolist() for name in sorted(others)}
            records.append(record)
        return records
