"""Encoders and tokenizers of automodel as the first module of a ``SentenceTransformer``."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from automodel_core.auto import AutoModel, AutoModelForTextEncoding, AutoTokenizer
from automodel_core.checkpoint import HubOptions, open_checkpoint
from automodel_core.checkpoint.places.json_files import read_json
from automodel_core.errors import MissingExtraError, RemoteCodeRefusedError, UnsupportedTaskError

if TYPE_CHECKING:
    from typing_extensions import Self

    from automodel_core.modeling import PreTrainedModel
    from automodel_core.text import PreTrainedTokenizer

__all__ = ["SentenceEncoder", "sentence_transformer"]

PACKAGE = "sentence_transformers"
ENCODER = "Transformer"
"""How the package calls the module that runs a model, in ``modules.json``."""
SETTINGS_FILE = "sentence_bert_config.json"
OWN_SETTINGS = ("prompts", "default_prompt_name", "similarity_fn_name", "truncate_dim")
"""What ``config_sentence_transformers.json`` says of the whole."""


class SentenceEncoder(nn.Module):
    """A model and a tokenizer, which give the states of texts' tokens to the modules behind.

    ``max_seq_length`` bounds the tokens of a text; longer ones are cut. What is saved is what the
    package's own ``Transformer`` saves, so that it loads it too.
    """

    save_in_root = True
    modalities = ("text",)

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizer,
        max_seq_length: int | None = None,
        do_lower_case: bool = False,
    ) -> None:
        super().__init__()
        self.model = model
        self.tokenizer = tokenizer
        self.max_seq_length = max_seq_length
        self.do_lower_case = do_lower_case
        self._takes = frozenset(inspect.signature(model.forward).parameters)

    @classmethod
    def from_pretrained(cls, name: str | os.PathLike[str], **kwargs: Any) -> Self:
        """Load the encoder and the tokenizer of a folder or hub repository.

        Arguments are those of ``AutoModel.from_pretrained``.
        """
        where, _ = HubOptions.split(kwargs)
        tokenizer = AutoTokenizer.from_pretrained(name, **where.keywords(None))
        try:
            model = AutoModelForTextEncoding.from_pretrained(name, **kwargs)
        except UnsupportedTaskError:
            model = AutoModel.from_pretrained(name, **kwargs)
        path = open_checkpoint(name, where).find(SETTINGS_FILE)
        settings = {} if path is None else read_json(path)
        longest = settings.get("max_seq_length") or _longest(model, tokenizer)
        return cls(model, tokenizer, longest, settings.get("do_lower_case", False))

    def preprocess(
        self, inputs: Sequence[Any], prompt: str | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        """Return what `forward` takes for texts, or pairs of them, behind a prompt."""
        features = self._encoded(inputs, prompt or "")
        if prompt:
            ids = self._encoded([prompt], "")["input_ids"][0].tolist()
            features["prompt_length"] = len(ids) - (ids[-1] in self.tokenizer.all_special_ids)
        return features

    def tokenize(self, texts: Sequence[Any], **kwargs: Any) -> dict[str, Any]:
        """Do what `preprocess` does, under the package's older name."""
        return self.preprocess(texts, **kwargs)

    def _encoded(self, inputs: Sequence[Any], prompt: str) -> dict[str, Any]:
        rows = [each if isinstance(each, tuple | list) else (each,) for each in inputs]
        columns = [[str(text).strip() for text in column] for column in zip(*rows, strict=True)]
        columns[0] = [prompt + text for text in columns[0]]
        if self.do_lower_case:
            columns = [[text.lower() for text in column] for column in columns]
        return dict(
            self.tokenizer(
                columns[0],
                columns[1] if len(columns) > 1 else None,
                padding=True,
                truncation=True,
                max_length=self.max_seq_length,
                return_tensors="pt",
            )
        )

    def forward(self, features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Add ``token_embeddings`` (texts, length, size) to the features."""
        given = {key: value for key, value in features.items() if key in self._takes}
        states: Tensor = self.model(**given, **kwargs).last_hidden_state
        features["token_embeddings"] = states
        return features

    def get_embedding_dimension(self) -> int:
        """Return the size of a token's state."""
        size: int = self.model.config.hidden_size
        return size

    get_word_embedding_dimension = get_embedding_dimension

    def get_config_dict(self) -> dict[str, Any]:
        return {"max_seq_length": self.max_seq_length, "do_lower_case": self.do_lower_case}

    def save(self, output_path: str, *args: Any, safe_serialization: bool = True, **_: Any) -> None:
        """Write model, tokenizer and settings to a folder."""
        self.model.save_pretrained(
            output_path, safe_serialization=safe_serialization, tokenizer=self.tokenizer
        )
        text = json.dumps(self.get_config_dict(), indent=2)
        Path(output_path, SETTINGS_FILE).write_text(text, "utf-8")

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (self.model, self.tokenizer, self.get_config_dict(), self.training)


# The package writes the class of a module into modules.json: its own loads what is saved.
SentenceEncoder.__module__, SentenceEncoder.__name__ = f"{PACKAGE}.models", ENCODER


def _rebuilt(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizer, settings: Any, training: bool
) -> SentenceEncoder:
    return SentenceEncoder(model, tokenizer, **settings).train(training)


def _longest(model: PreTrainedModel, tokenizer: PreTrainedTokenizer) -> int | None:
    """Return how many tokens model and tokenizer can read; ``None`` if neither has a bound."""
    bounds = [tokenizer.model_max_length, model.config.get("max_position_embeddings")]
    known = [bound for bound in bounds if bound is not None and bound < 1 << 30]
    return min(known, default=None)


def sentence_transformer(name: str | os.PathLike[str], **kwargs: Any) -> Any:
    """Return a ``SentenceTransformer`` of a folder or hub repository, run by automodel.

    Modules behind the encoder, prompts and similarity are those that the checkpoint states; without
    a word of it, states are averaged. Arguments that say where the files are go to each module, the
    others to ``SentenceTransformer``.
    """
    try:
        import sentence_transformers
        from sentence_transformers.util import import_from_string
    except ImportError as error:
        raise MissingExtraError(
            "a SentenceTransformer needs its package: pip install sentence-transformers"
        ) from error
    where, rest = HubOptions.split(kwargs)
    files = open_checkpoint(name, where)
    listing, settings_file = files.find("modules.json"), files.find(f"config_{PACKAGE}.json")
    modules: list[nn.Module] = []
    for stated in [] if listing is None else json.loads(listing.read_text("utf-8")):
        kind, folder = stated["type"], stated["path"]
        if not kind.startswith(f"{PACKAGE}."):
            raise RemoteCodeRefusedError(
                f"{files.place}: modules.json names {kind}, which is code of the checkpoint's "
                f"author: import it yourself, and give SentenceTransformer(modules=[...])"
            )
        if kind.rpartition(".")[2] == ENCODER:
            inside = "/".join(filter(None, (where.subfolder, folder)))
            place = {**where.keywords(files.commit), "subfolder": inside}
            modules.append(SentenceEncoder.from_pretrained(name, **place))
        else:
            loader: Any = import_from_string(kind)
            modules.append(loader.load(os.fspath(name), subfolder=folder, **_of_package(where)))
    if not modules:
        encoder = SentenceEncoder.from_pretrained(name, **where.keywords(files.commit))
        pooling = import_from_string(f"{PACKAGE}.models.Pooling")
        modules = [encoder, pooling(encoder.get_embedding_dimension(), "mean")]
    stored: Mapping[str, Any] = {} if settings_file is None else read_json(settings_file)
    own = {key: stored[key] for key in OWN_SETTINGS if stored.get(key) is not None}
    return sentence_transformers.SentenceTransformer(modules=modules, **{**own, **rest})


def _of_package(where: HubOptions) -> dict[str, Any]:
    """Return where files are, in the package's words."""
    return {
        "token": where.token,
        "cache_folder": where.cache_dir,
        "revision": where.revision,
        "local_files_only": where.local_files_only,
    }
