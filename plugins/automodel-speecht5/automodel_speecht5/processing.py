"""SpeechT5's processor: recordings and texts, as inputs and as targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from automodel_core.errors import InputError
from automodel_core.processing import FEATURE_EXTRACTOR, TOKENIZER, Part, ProcessorMixin


class SpeechT5Processor(ProcessorMixin):
    """A feature extractor and a tokenizer; either makes inputs, and either makes targets."""

    attributes: ClassVar[Mapping[str, Part]] = {
        "feature_extractor": FEATURE_EXTRACTOR,
        "tokenizer": TOKENIZER,
    }

    def __call__(
        self,
        *arguments: Any,
        audio: Any = None,
        text: Any = None,
        text_target: Any = None,
        audio_target: Any = None,
        sampling_rate: int | None = None,
        **options: Any,
    ) -> Any:
        """Return the inputs of ``audio`` or ``text``, and targets as ``labels`` beside them.

        Targets alone are returned as inputs would be. Other arguments are those of the feature
        extractor or of the tokenizer.
        """
        rate = {"sampling_rate": sampling_rate}
        return self._joined(
            _one({"audio": audio, "text": text}, "_target"),
            _one({"audio_target": audio_target, "text_target": text_target}, ""),
            {
                "audio": lambda each: self.feature_extractor(each, *arguments, **rate, **options),
                "text": lambda each: self.tokenizer(each, **options),
                "audio_target": lambda each: self.feature_extractor(
                    *arguments, audio_target=each, **rate, **options
                ),
                "text_target": lambda each: self.tokenizer(each, **options),
            },
        )

    def pad(
        self,
        *arguments: Any,
        input_values: Any = None,
        input_ids: Any = None,
        labels: Any = None,
        **options: Any,
    ) -> Any:
        """Return a batch of what single calls gave, padded: inputs, and ``labels`` of either kind.

        Each is a list of mappings, or a mapping of lists, as the parts' ``pad`` take them.
        """
        first = labels[0] if isinstance(labels, list | tuple) else labels
        is_text = labels is not None and "input_ids" in first
        return self._joined(
            _one({"input_values": input_values, "input_ids": input_ids}, ""),
            [] if labels is None else [("text" if is_text else "audio", labels)],
            {
                "input_values": lambda each: self.feature_extractor.pad(
                    each, *arguments, **options
                ),
                "input_ids": lambda each: self.tokenizer.pad(each, **options),
                "text": lambda each: self.tokenizer.pad(each, **options),
                "audio": lambda each: self.feature_extractor.pad(each, *arguments, **options),
            },
        )

    def _joined(
        self,
        given: list[tuple[str, Any]],
        targets: list[tuple[str, Any]],
        prepare: Mapping[str, Callable[[Any], Any]],
    ) -> Any:
        """Return what is prepared of inputs with that of targets in it, or of one of the two."""
        inputs, labels = (
            next((prepare[name](value) for name, value in pairs), None)
            for pairs in (given, targets)
        )
        if inputs is None and labels is None:
            raise InputError(f"give one of {', '.join(prepare)}: there is nothing to process")
        if inputs is None or labels is None:
            return labels if inputs is None else inputs
        name = "input_ids" if "input_ids" in labels else "input_values"
        inputs["labels"] = labels[name]
        if "attention_mask" in labels:
            inputs["decoder_attention_mask"] = labels["attention_mask"]
        return inputs


def _one(values: Mapping[str, Any], advice: str) -> list[tuple[str, Any]]:
    """Return the one value that is given, by name, if any is."""
    given = [(name, value) for name, value in values.items() if value is not None]
    if len(given) > 1:
        names = [name for name, _ in given]
        hint = f"; did you mean {' or '.join(name + advice for name in names)}?" if advice else ""
        raise InputError(f"{' and '.join(names)} are both given, and only one is read{hint}")
    return given
