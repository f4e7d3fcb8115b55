"""Processors: one call for all of a model's input, made of an image processor, a tokenizer, ..."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from automodel_core.auto.processors import (
    AutoFeatureExtractor,
    AutoImageProcessor,
    AutoVideoProcessor,
)
from automodel_core.auto.tokenizer import AutoTokenizer
from automodel_core.checkpoint.places.exchange import exchange_files
from automodel_core.checkpoint.places.json_files import json_bytes, write_json
from automodel_core.checkpoint.places.options import HubOptions
from automodel_core.checkpoint.places.rereading import reread_on_change
from automodel_core.checkpoint.places.source import open_checkpoint
from automodel_core.errors import InputError, warn_caller
from automodel_core.preprocessing.files import PROCESSOR_FILE

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from automodel_core.checkpoint.places.hub.push import PushOptions
    from automodel_core.preprocessing.batch import BatchFeature
    from automodel_core.text.encoding.batch import BatchEncoding
    from automodel_core.text.tokenizer.tokenizer import PreTrainedTokenizer
    from automodel_core.vision.image_processor import BaseImageProcessor

__all__ = [
    "FEATURE_EXTRACTOR",
    "IMAGE_PROCESSOR",
    "TOKENIZER",
    "VIDEO_PROCESSOR",
    "Part",
    "ProcessorMixin",
]


@dataclass(frozen=True)
class Part:
    """One kind of part of a processor.

    ``argument`` is the call's argument that it processes, ``loader`` a class whose
    ``from_pretrained`` loads it. An instance says by ``accepts(name)`` which keywords of a call
    are its own.
    """

    kind: str
    argument: str
    loader: type[Any]

    @property
    def is_tokenizer(self) -> bool:
        return self.kind == "tokenizer"


IMAGE_PROCESSOR = Part("image_processor", "images", AutoImageProcessor)
VIDEO_PROCESSOR = Part("video_processor", "videos", AutoVideoProcessor)
FEATURE_EXTRACTOR = Part("feature_extractor", "audio", AutoFeatureExtractor)
TOKENIZER = Part("tokenizer", "text", AutoTokenizer)


class ProcessorMixin:
    """An image processor and a tokenizer, or the parts that a subclass lists in ``attributes``.

    A subclass says in `join` how the outputs for texts and for other inputs are combined. There may
    be several tokenizers: calls use the first, and those of another name than ``tokenizer`` are
    kept in subfolders.
    """

    attributes: ClassVar[Mapping[str, Part]] = {
        "image_processor": IMAGE_PROCESSOR,
        "tokenizer": TOKENIZER,
    }
    """The parts by name, in the order in which the constructor and calls take them unnamed."""

    if TYPE_CHECKING:
        image_processor: BaseImageProcessor
        tokenizer: PreTrainedTokenizer
        feature_extractor: Any

    def __init__(self, *parts: Any, **named: Any) -> None:
        given = {**dict(zip(self.attributes, parts, strict=False)), **named}
        if "feature_extractor" not in self.attributes:
            # The older name of image processors.
            former = given.pop("feature_extractor", None)
            if given.get("image_processor") is None:
                given["image_processor"] = former
        present = [name for name, part in given.items() if part is not None]
        if set(present) != set(self.attributes) or len(parts) > len(self.attributes):
            raise InputError(
                f"{type(self).__name__} needs {_listed(_with_article(self.attributes))}; "
                f"got {_listed(present) or 'none of them'}"
            )
        for name in self.attributes:
            setattr(self, name, given[name])
        self._targets = False

    if not TYPE_CHECKING:  # so that a misspelt method is an error

        def __getattr__(self, name: str) -> Any:
            # The older name of image processors.
            if name == "feature_extractor" and "image_processor" in vars(self):
                return self.image_processor
            raise AttributeError(
                f"{type(self).__name__} has no {name!r}; its parts are {', '.join(self.attributes)}"
            )

    def _preprocessors(self) -> dict[str, Any]:
        """Return the parts that are no tokenizers, by name."""
        parts = self.attributes.items()
        return {name: vars(self)[name] for name, part in parts if not part.is_tokenizer}

    def _tokenizers(self) -> dict[str, Any]:
        """Return the tokenizers by name."""
        parts = self.attributes.items()
        return {name: vars(self)[name] for name, part in parts if part.is_tokenizer}

    # ---- calls ----

    def __call__(
        self,
        *inputs: Any,
        images: Any = None,
        text: Any = None,
        audio: Any = None,
        videos: Any = None,
        common_kwargs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> BatchFeature:
        """Return the inputs of images, of texts, or of several kinds as `join` says.

        Unnamed inputs are in the order of the parts. A keyword goes to every part that accepts it,
        and to the last one if none does; ``images_kwargs``, ``text_kwargs``, ... are for one part,
        ``common_kwargs`` for all. Raises `InputError` if there is nothing to process.
        """
        given = self._given(inputs, images=images, text=text, audio=audio, videos=videos)
        if self._targets:
            target = given["text"] if "text" in given else next(iter(given.values()))
            return self.tokenizer(target, **kwargs)
        options = self._options(kwargs)
        outputs: dict[str, Any] = {}
        for name, part in self.attributes.items():
            if part.argument in given and part.argument not in outputs:
                defaults = self.text_defaults() if part.is_tokenizer and len(given) > 1 else {}
                own = {**defaults, **(common_kwargs or {}), **options[name]}
                outputs[part.argument] = vars(self)[name](given[part.argument], **own)
        encoding = outputs.pop("text", None)
        if not outputs:
            only: BatchFeature = encoding
            return only
        features, *others = outputs.values()
        for other in others:
            features.update(other)
        return features if encoding is None else self.join(features, encoding)

    def _given(self, unnamed: tuple[Any, ...], **named: Any) -> dict[str, Any]:
        """Return the inputs by argument."""
        arguments = list(dict.fromkeys(part.argument for part in self.attributes.values()))
        given = dict(zip(arguments, unnamed, strict=False))
        named = {name: value for name, value in named.items() if value is not None}
        for name in named:
            if name not in arguments or given.get(name) is not None:
                raise InputError(
                    f"{type(self).__name__} takes {_listed(arguments)}, each once: "
                    f"{name}= is one too many"
                )
        if len(unnamed) > len(arguments):
            raise InputError(f"{type(self).__name__} takes {_listed(arguments)}, each once")
        given = {name: value for name, value in {**given, **named}.items() if value is not None}
        if not given:
            raise InputError(f"give {_listed(arguments)}: there is nothing to process")
        return given

    def _options(self, kwargs: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Return the keywords of each part."""
        parts = {**self._preprocessors(), **self._tokenizers()}
        own = {name: f"{part.argument}_kwargs" for name, part in self.attributes.items()}
        options = {name: dict(kwargs.get(own[name]) or {}) for name in parts}
        for key in kwargs.keys() - own.values():
            accepting = [name for name, part in parts.items() if part.accepts(key)]
            # The last part refuses what it does not know, with advice.
            for name in accepting or list(parts)[-1:]:
                options[name][key] = kwargs[key]
        return options

    def text_defaults(self) -> dict[str, Any]:
        """Return how texts are encoded by default if they accompany other inputs."""
        return {}

    def join(self, features: BatchFeature, encoding: BatchEncoding) -> BatchFeature:
        """Return the inputs for texts and others together: by default, all of both."""
        features.update(encoding)
        return features

    @contextmanager
    def as_target_processor(self) -> Iterator[None]:
        """Let calls encode texts as labels; ``text=`` in an ordinary call does the same."""
        self._targets = True
        try:
            yield
        finally:
            self._targets = False

    @property
    def current_processor(self) -> Any:
        """The part that calls with one unnamed argument use."""
        return self.tokenizer if self._targets else vars(self)[next(iter(self.attributes))]

    @property
    def model_input_names(self) -> list[str]:
        parts = (vars(self)[name] for name in self.attributes)
        return list(dict.fromkeys(name for part in parts for name in part.model_input_names))

    def decode(self, *args: Any, **kwargs: Any) -> Any:
        """Return the output of the tokenizer's ``decode``."""
        return self.tokenizer.decode(*args, **kwargs)

    def batch_decode(self, *args: Any, **kwargs: Any) -> list[str]:
        """Return the output of the tokenizer's ``batch_decode``."""
        return self.tokenizer.batch_decode(*args, **kwargs)

    def apply_chat_template(self, conversation: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the output of the tokenizer's ``apply_chat_template``: by default, the text."""
        kwargs.setdefault("tokenize", False)
        return self.tokenizer.apply_chat_template(conversation, *args, **kwargs)

    def post_process_image_text_to_text(
        self, generated_outputs: Any, skip_special_tokens: bool = True, **kwargs: Any
    ) -> list[str]:
        """Return the texts that a model generated."""
        return self.batch_decode(
            generated_outputs, skip_special_tokens=skip_special_tokens, **kwargs
        )

    # ---- files ----

    @classmethod
    @reread_on_change
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        *,
        plugin: str | None = None,
        **kwargs: Any,
    ) -> Self:
        """Load all parts from a folder or hub repository, of one revision.

        Keywords are hub options and settings: image processors and feature extractors take those
        that they have, tokenizers the others. Of several distributions that provide a part,
        ``plugin`` chooses one.
        """
        options, settings = HubOptions.split(kwargs)
        files = open_checkpoint(pretrained_model_name_or_path, options)
        where = {**options.keywords(files.commit), "plugin": plugin}
        parts: dict[str, Any] = {}
        unused = settings
        for name, part in cls.attributes.items():
            if not part.is_tokenizer:
                parts[name], rest = part.loader.from_pretrained(
                    pretrained_model_name_or_path, **settings, **where, return_unused_kwargs=True
                )
                unused = {key: value for key, value in unused.items() if key in rest}
        for name, part in cls.attributes.items():
            if part.is_tokenizer:
                inside = [options.subfolder, "" if name == part.kind else name]
                place = {**where, "subfolder": "/".join(filter(None, inside))}
                parts[name] = part.loader.from_pretrained(
                    pretrained_model_name_or_path, **unused, **place
                )
        if unused and not any(part.is_tokenizer for part in cls.attributes.values()):
            names = ", ".join(sorted(unused))
            warn_caller(f"{cls.__name__} has no use for {names}")
        return cls(**parts)

    def save_pretrained(
        self,
        save_directory: str | os.PathLike[str],
        push_to_hub: bool = False,
        repo_id: str | None = None,
        **kwargs: Unpack[PushOptions],
    ) -> list[str]:
        """Write the files of all parts, which name this class, and return their paths.

        ``processor_config.json``, which transformers 5 reads, describes all parts but tokenizers;
        ``preprocessor_config.json``, which transformers 4 reads, the first of them.
        """
        from automodel_core.checkpoint.places.hub.push import push_options, repository_name

        options = push_options(self.save_pretrained, kwargs)
        preprocessors, tokenizers = self._preprocessors(), self._tokenizers()
        for part in (*preprocessors.values(), *tokenizers.values()):
            part._processor_class = type(self).__name__
        content = json_bytes(self.to_dict(), f"{PROCESSOR_FILE} of {type(self).__name__}")
        written: list[str] = []
        with exchange_files(save_directory) as exchange:
            for name, tokenizer in tokenizers.items():
                if name != TOKENIZER.kind:  # in a folder of its own, which it exchanges itself
                    written.extend(tokenizer.save_pretrained(exchange.folder / name))
                else:
                    tokenizer.save_pretrained(exchange.staging)
            for part in list(preprocessors.values())[:1]:
                part.save_pretrained(exchange.staging)
            exchange.write(PROCESSOR_FILE, content)
            written.extend(str(exchange.folder / name) for name in exchange.new_names())
        if push_to_hub:
            self.push_to_hub(repository_name(repo_id, save_directory), **options)
        return written

    def to_dict(self) -> dict[str, Any]:
        """Return the content of ``processor_config.json``: all parts but tokenizers."""
        parts = {name: part.to_dict() for name, part in self._preprocessors().items()}
        return {"processor_class": type(self).__name__, **parts}

    def to_json_string(self) -> str:
        return json_bytes(self.to_dict(), PROCESSOR_FILE).decode()

    def to_json_file(self, json_file_path: str | os.PathLike[str]) -> None:
        write_json(json_file_path, self.to_dict())

    def push_to_hub(self, repo_id: str, **kwargs: Unpack[PushOptions]) -> str:
        """Upload all files to a hub repository and return the address of the commit."""
        from automodel_core.checkpoint.places.hub.model_card import CardFacts, distribution_of
        from automodel_core.checkpoint.places.hub.push import push_options, push_saved

        options = push_options(self.push_to_hub, kwargs)
        own = type(self)
        facts = CardFacts("processor", own.__name__, "AutoProcessor", distribution_of(own))
        return push_saved(self.save_pretrained, repo_id, facts, options)

    def __repr__(self) -> str:
        parts = (repr(vars(self)[name]) for name in self.attributes)
        return f"{type(self).__name__}({', '.join(parts)})"


def _with_article(names: Iterable[str]) -> list[str]:
    return [f"{'an' if name[0] in 'aeiou' else 'a'} {name}" for name in names]


def _listed(names: Iterable[str]) -> str:
    return " and ".join(names)
