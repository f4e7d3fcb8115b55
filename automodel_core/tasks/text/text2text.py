"""``text2text-generation``, ``summarization`` and ``translation``: a text from a text."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from automodel_core.errors import InputError, did_you_mean, shown, warn_caller
from automodel_core.tasks.base.chunks import Chunk
from automodel_core.tasks.base.failures import Failed
from automodel_core.tasks.base.generating import GenerativePipeline, without_padding
from automodel_core.tasks.base.return_types import ReturnType, return_type_of

__all__ = ["SummarizationPipeline", "Text2TextGenerationPipeline", "TranslationPipeline"]

logger = logging.getLogger(__name__)


class Text2TextGenerationPipeline(GenerativePipeline):
    """Returns ``[{"generated_text": ...}]``, with ``return_tensors=True`` token ids.

    Options that are not named here are settings of ``generate``.
    """

    needs = ("tokenizer",)
    defaults: ClassVar[Mapping[str, Any]] = {"max_new_tokens": 256, "num_beams": 4}
    return_name: ClassVar[str] = "generated"

    def listed(self, results: list[Any]) -> list[Any]:
        """Return one text for each of a list, where each has one."""
        found = [result for result in results if not isinstance(result, Failed)]
        if any(len(texts) != 1 for texts in found):
            return results
        return [result if isinstance(result, Failed) else result[0] for result in results]

    def settled(self, options: dict[str, Any]) -> dict[str, Any]:
        """Choose the form of the answer, and turn a stop sequence into an id."""
        options = dict(super().settled(options))
        if options.get("return_tensors"):
            options.pop("return_text", None)  # ids are asked for, whatever it says
        options["return_type"] = return_type_of(options, ReturnType.NEW_TEXT)
        stop = options.pop("stop_sequence", None)
        if stop is not None:
            ids = self.tokenizer.encode(stop, add_special_tokens=False)
            if len(ids) > 1:
                warn_caller("stop_sequence= is several tokens; the first of them ends a text")
            options["eos_token_id"] = ids[0]
        return options

    def preprocess(self, item: Any, *, truncation: Any = False) -> Chunk:
        return self._encoded(item, truncation=truncation)

    def _encoded(self, item: Any, **options: Any) -> Chunk:
        if not isinstance(item, str):
            raise InputError(f"a text is a string, got {type(item).__name__} {shown(item)}")
        encoding = self.tokenizer((self.prefix or "") + item, **options)
        kept = {name: value for name, value in encoding.items() if name != "token_type_ids"}
        return Chunk.of(kept)

    def forward(self, inputs: dict[str, Any], **settings: Any) -> Mapping[str, Any]:
        longest = settings.get("max_length") or self.generation_config.max_length
        self.check_inputs(inputs["input_ids"].shape[1], longest)
        found = self.generate(inputs, settings)
        ends = self.model.generation_config.eos_token_id
        pad = self.tokenizer.pad_token_id
        return {"sequences": without_padding(list(found["sequences"]), pad, ends)}

    def check_inputs(self, input_length: int, max_length: int | None) -> None:
        """Say if the lengths of input and output do not fit the task."""

    def postprocess(
        self,
        chunks: Sequence[Chunk],
        *,
        return_type: ReturnType = ReturnType.NEW_TEXT,
        clean_up_tokenization_spaces: bool = False,
    ) -> list[dict[str, Any]]:
        (chunk,) = chunks
        sequences = chunk.outputs["sequences"]
        if return_type is ReturnType.TENSORS:
            return [{f"{self.return_name}_token_ids": sequence} for sequence in sequences]
        return [
            {
                f"{self.return_name}_text": self.tokenizer.decode(
                    sequence,
                    skip_special_tokens=True,
                    clean_up_tokenization_spaces=clean_up_tokenization_spaces,
                )
            }
            for sequence in sequences.tolist()
        ]


class SummarizationPipeline(Text2TextGenerationPipeline):
    """Returns ``[{"summary_text": ...}]``."""

    return_name = "summary"

    def check_inputs(self, input_length: int, max_length: int | None) -> None:
        """Say that a text is shorter than its summary may become."""
        if max_length is not None and input_length < max_length:
            logger.warning(
                "The text has %d tokens, and its summary may have %d: max_length=%d would make it "
                "shorter.", input_length, max_length, input_length // 2,
            )  # fmt: skip


class TranslationPipeline(Text2TextGenerationPipeline):
    """Returns ``[{"translation_text": ...}]``.

    The languages are those of the task, ``translation_en_to_fr``, or ``src_lang`` and ``tgt_lang``;
    a model of one pair of languages needs none.
    """

    return_name = "translation"

    def check_inputs(self, input_length: int, max_length: int | None) -> None:
        """Say that a translation may be cut."""
        if max_length is not None and input_length > 0.9 * max_length:
            logger.warning(
                "The text has %d tokens, and its translation may have %d: a larger max_length= "
                "would not cut it.", input_length, max_length,
            )  # fmt: skip

    def settled(self, options: dict[str, Any]) -> dict[str, Any]:
        """Take the languages of the task where a call names none, and force the target's token."""
        options = dict(super().settled(options))
        parts = self.task.split("_")
        if not {"src_lang", "tgt_lang"} & options.keys() and len(parts) == 4:
            options |= {"src_lang": parts[1], "tgt_lang": parts[3]}
        target = options.pop("tgt_lang", None)
        if not self.tokenizer.accepts("src_lang"):
            options.pop("src_lang", None)
        elif target is not None:
            options["forced_bos_token_id"] = self._language_id(target)
        elif options.get("src_lang") is not None:
            raise InputError("give tgt_lang= too: the language to translate to")
        return options

    def _language_id(self, language: str) -> int:
        tokenizer: Any = self.tokenizer
        known: Mapping[str, int] = tokenizer.lang_code_to_id
        if language not in known:
            hint = did_you_mean(language, known)
            raise InputError(f"tgt_lang={shown(language)} is no language of the tokenizer{hint}")
        return known[language]

    def preprocess(
        self, item: Any, *, truncation: Any = False, src_lang: str | None = None
    ) -> Chunk:
        languages = {} if src_lang is None else {"src_lang": src_lang}
        return self._encoded(item, truncation=truncation, **languages)
