"""A tokenizer's files: what each holds, which wins, and how they are written.

``tokenizer.json`` is the whole pipeline; ``tokenizer_config.json`` the settings; the older
``special_tokens_map.json`` and ``added_tokens.json`` count where the settings list no added tokens.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokenizers import AddedToken, Tokenizer

from automodel_core.checkpoint.places.file_names import plain_name
from automodel_core.checkpoint.places.folder import LocalFiles
from automodel_core.checkpoint.places.json_files import read_json, write_json
from automodel_core.checkpoint.places.options import HubOptions
from automodel_core.checkpoint.places.source import CheckpointFiles, open_checkpoint
from automodel_core.errors import CheckpointFormatError, CheckpointNotFoundError, shown
from automodel_core.text.encoding.rust import Backend, rust_errors
from automodel_core.text.tokenizer.special_tokens import NAMED_TOKENS, TokenLike

if TYPE_CHECKING:
    from automodel_core.text.tokenizer.tokenizer import PreTrainedTokenizer

__all__ = [
    "backend_from",
    "load_settings",
    "push",
    "read_added_tokens",
    "read_token",
    "renamed_token",
    "save",
    "stored_defaults",
]

CONFIG = "tokenizer_config.json"
TOKENIZER = "tokenizer.json"
SPECIAL_TOKENS = "special_tokens_map.json"
ADDED_TOKENS = "added_tokens.json"
CHAT_TEMPLATE = "chat_template.jinja"
CHAT_TEMPLATES = "additional_chat_templates"
TOKEN_RULES = ("content", "single_word", "lstrip", "rstrip", "normalized", "special")

# Keys of the settings file that say nothing about the tokenizer that is being built.
NOT_SETTINGS = frozenset(
    {
        "auto_map",
        "backend",
        "files_loaded",
        "init_inputs",
        "is_local",
        "local_files_only",
        "merges_file",
        "name_or_path",
        "slow_tokenizer_class",
        "special_tokens_map_file",
        "tokenizer_class",
        "tokenizer_file",
        "trust_remote_code",
        "vocab_file",
    }
)
# Arguments of ``from_pretrained`` that steer the Auto classes, or old choices that are gone.
NOT_OURS = frozenset(
    {
        "_commit_hash",
        "_from_auto",
        "_from_pipeline",
        "config",
        "tokenizer_type",
        "trust_remote_code",
        "use_fast",
    }
)


def backend_from(
    tokenizer_object: Tokenizer | Backend | None, tokenizer_file: str | os.PathLike[str] | None
) -> Backend | None:
    """Return the backend of a given tokenizer (copied) or file; ``None`` without either."""
    if isinstance(tokenizer_object, Backend):
        return tokenizer_object
    if tokenizer_object is not None:
        return Backend.from_json(tokenizer_object.to_str(), "tokenizer_object")
    if tokenizer_file is None:
        return None
    path = Path(tokenizer_file)
    try:
        content = path.read_bytes().decode("utf-8")
    except FileNotFoundError as error:
        raise CheckpointNotFoundError(f"There is no tokenizer file {shown(str(path))}") from error
    except UnicodeDecodeError as error:
        raise CheckpointFormatError(f"{shown(str(path))} is not UTF-8: {error}") from error
    return Backend.from_json(content, str(path))


def stored_defaults(rust: Tokenizer) -> dict[str, Any]:
    """Take truncation and padding out of a tokenizer, and return the settings that they imply."""
    defaults: dict[str, Any] = {}
    if rust.truncation is not None:
        defaults["truncation_side"] = rust.truncation["direction"]
        rust.no_truncation()
    if rust.padding is not None:
        defaults["pad_token"] = rust.padding["pad_token"]
        defaults["padding_side"] = rust.padding["direction"]
        rust.no_padding()
    return defaults


def read_token(value: Any) -> AddedToken:
    """Return the token of a file's entry: its text, or its text and matching rules."""
    if isinstance(value, AddedToken):
        return value
    if isinstance(value, str):
        return AddedToken(value, normalized=False, special=True)
    if not isinstance(value, Mapping) or not isinstance(value.get("content"), str):
        raise CheckpointFormatError(
            f"A token is a text or an object with 'content', got {shown(value)}"
        )
    with rust_errors(f"reading the token {shown(value)}"):
        return AddedToken(**{key: value[key] for key in TOKEN_RULES if value.get(key) is not None})


def read_added_tokens(value: Any) -> dict[int, AddedToken]:
    """Return the tokens of ``added_tokens_decoder`` by id, which JSON spells as a string."""
    if not isinstance(value, Mapping) or not all(str(key).isdecimal() for key in value):
        raise CheckpointFormatError(
            f"added_tokens_decoder must map ids to tokens, got {shown(value)}"
        )
    return {int(index): read_token(token) for index, token in sorted(value.items())}


def renamed_token(token: TokenLike, names: Mapping[str, str]) -> TokenLike:
    """Return ``token`` with the text that ``names`` gives it, and the same matching rules."""
    text = names.get(str(token), str(token))
    if isinstance(token, str):
        return text
    return AddedToken(**{**_rules(token), "content": text})


def _rules(token: AddedToken) -> dict[str, Any]:
    return {
        "content": token.content,
        "single_word": token.single_word,
        "lstrip": token.lstrip,
        "rstrip": token.rstrip,
        "normalized": token.normalized,
        "special": token.special,
    }


def load_settings(
    cls: type[PreTrainedTokenizer], name: str | os.PathLike[str], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the constructor's arguments for a checkpoint; ``given`` wins over the files.

    ``checkpoint`` among them is the checkpoint already opened, at one revision.
    """
    options, overrides = HubOptions.split(given)
    for key in NOT_OURS:
        overrides.pop(key, None)
    from_slow = overrides.pop("from_slow", False)
    opened: CheckpointFiles | None = overrides.pop("checkpoint", None)
    if os.path.isfile(name):
        argument = "tokenizer_file" if str(name).endswith(".json") else "vocab_file"
        return {**overrides, argument: os.fspath(name), "name_or_path": os.fspath(name)}

    files = open_checkpoint(name, options) if opened is None else opened
    found = {
        argument: str(path)
        for argument, filename in cls.vocab_files_names.items()
        if argument not in overrides and (path := files.find(filename)) is not None
    }
    if from_slow and len(found) > 1:
        found.pop("tokenizer_file", None)
    if not found and not {*cls.vocab_files_names, "vocab", "tokenizer_object"} & set(overrides):
        wanted = " or ".join(cls.vocab_files_names.values())
        raise CheckpointNotFoundError(
            f"Can't load the tokenizer of {shown(os.fspath(name))}: {cls.__name__} needs {wanted}; "
            f"{files.present()}"
        )
    settings = {key: value for key, value in _config(files).items() if key not in NOT_SETTINGS}
    if "tokenizer_file" in found:
        # The file's own post-processor says what is added.
        settings.pop("add_bos_token", None)
        settings.pop("add_eos_token", None)
    template = _chat_templates(files)
    if template is not None:
        settings["chat_template"] = template
    settings.update(overrides)
    if "added_tokens_decoder" not in settings:
        _read_older_files(files, settings, overrides)
    for key in NAMED_TOKENS:
        if isinstance(settings.get(key), Mapping):
            settings[key] = read_token(settings[key])
    for key in (
        "additional_special_tokens",
        "extra_special_tokens",
        "model_specific_special_tokens",
    ):
        settings[key] = _tokens(settings.get(key))
        if settings[key] is None:
            del settings[key]
    return {**settings, **found, "name_or_path": os.fspath(name)}


def _tokens(value: Any) -> Any:
    """Return a list or a mapping of tokens with objects read; other values as they are."""
    if isinstance(value, list):
        return [read_token(token) if isinstance(token, Mapping) else token for token in value]
    if isinstance(value, Mapping):
        return {
            key: read_token(token) if isinstance(token, Mapping) else token
            for key, token in value.items()
        }
    return value


def _config(files: CheckpointFiles) -> dict[str, Any]:
    path = files.find(CONFIG)
    return {} if path is None else read_json(path)


def _read_older_files(
    files: CheckpointFiles, settings: dict[str, Any], overrides: Mapping[str, Any]
) -> None:
    path = files.find(SPECIAL_TOKENS)
    for key, value in (read_json(path) if path is not None else {}).items():
        if not overrides.get(key):
            settings[key] = value if isinstance(value, list) else _special(value)
    path = files.find(ADDED_TOKENS)
    if path is None:
        return
    special = {str(_special(settings[key])) for key in NAMED_TOKENS if settings.get(key)}
    for key in ("additional_special_tokens", "extra_special_tokens"):
        extra = settings.get(key)
        special.update(str(_special(token)) for token in (extra if isinstance(extra, list) else ()))
    stored = {}
    for text, index in read_json(path).items():
        if isinstance(index, bool) or not isinstance(index, int):
            raise CheckpointFormatError(
                f"{shown(str(path))}: the id of {shown(text)} must be an integer, "
                f"got {shown(index)}"
            )
        stored[index] = AddedToken(text, normalized=text not in special, special=text in special)
    settings["added_tokens_decoder"] = stored


def _special(value: Any) -> Any:
    """Return the token of an entry, a text or an object; a mapping of tokens stays one."""
    if not isinstance(value, Mapping) or "content" not in value:
        return value
    return read_token({**value, "special": True})


def _chat_templates(files: CheckpointFiles) -> str | dict[str, str] | None:
    found = {}
    default = files.find(CHAT_TEMPLATE)
    if default is not None:
        found["default"] = default
    if isinstance(files, LocalFiles):
        for named in sorted((files.folder / CHAT_TEMPLATES).glob("*.jinja")):
            found[named.stem] = named
    try:
        texts = {name: path.read_text(encoding="utf-8") for name, path in found.items()}
    except UnicodeDecodeError as error:
        raise CheckpointFormatError(
            f"A chat template of {files.place} is not UTF-8: {error}"
        ) from error
    return texts["default"] if set(texts) == {"default"} else texts or None


def save(
    tokenizer: PreTrainedTokenizer,
    directory: str | os.PathLike[str],
    prefix: str,
    jinja_files: bool,
) -> tuple[str, ...]:
    """Write every file that transformers of either generation reads, and return the paths."""
    folder = Path(directory)
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{shown(str(folder))} is a file; a folder is needed to save into")
    folder.mkdir(parents=True, exist_ok=True)
    start = f"{plain_name(prefix)}-" if prefix else ""
    written = []

    def place(name: str) -> Path:
        written.append(str(folder / f"{start}{name}"))
        return Path(written[-1])

    settings = _saved_settings(tokenizer)
    template = tokenizer.chat_template
    if isinstance(template, str) and jinja_files:
        place(CHAT_TEMPLATE).write_text(template, encoding="utf-8")
    elif isinstance(template, Mapping):
        settings["chat_template"] = [
            {"name": name, "template": text} for name, text in template.items()
        ]
    elif template is not None:
        settings["chat_template"] = template
    write_json(place(CONFIG), settings)
    write_json(place(SPECIAL_TOKENS), _saved_special(tokenizer.special_tokens_map_extended))
    if TOKENIZER in tokenizer.vocab_files_names.values():
        place(TOKENIZER).write_text(tokenizer._backend.to_json(), encoding="utf-8")
    if tokenizer.can_save_slow_tokenizer:
        written.extend(tokenizer.save_vocabulary(folder, prefix or None))
    return tuple(written)


def _saved_settings(tokenizer: PreTrainedTokenizer) -> dict[str, Any]:
    kept = {
        key: value
        for key, value in tokenizer.init_kwargs.items()
        if key not in NOT_SETTINGS
        and key not in ("added_tokens_decoder", "chat_template", "model_specific_special_tokens")
        and key not in ("extra_special_tokens", "add_bos_token", "add_eos_token")
    }
    kept = {
        key: str(value) if isinstance(value, AddedToken) else value for key, value in kept.items()
    }
    own = {
        name: token
        for name, token in tokenizer.special_tokens_map.items()
        if name not in NAMED_TOKENS
    }
    named = {
        name: token
        for name in NAMED_TOKENS
        if (token := tokenizer.token_named(name)) is not None or name in kept
    }
    settings = {
        **{key: value for key, value in kept.items() if key not in own},
        **named,
        "model_max_length": tokenizer.model_max_length,
        "padding_side": tokenizer.padding_side,
        "truncation_side": tokenizer.truncation_side,
        "model_input_names": list(tokenizer.model_input_names),
        "clean_up_tokenization_spaces": tokenizer.clean_up_tokenization_spaces,
        "added_tokens_decoder": {
            str(index): _rules(token)
            for index, token in sorted(tokenizer.added_tokens_decoder.items())
        },
        # Read by older versions, which know no plain list under extra_special_tokens.
        "additional_special_tokens": tokenizer.additional_special_tokens,
        "tokenizer_class": tokenizer.saved_class_name,
    }
    if own:
        settings["extra_special_tokens"] = own
    if tokenizer._processor_class is not None:
        settings["processor_class"] = tokenizer._processor_class
    if tokenizer.split_special_tokens:
        settings["split_special_tokens"] = True
    return settings


def _saved_special(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _saved_special(token) for key, token in value.items()}
    if isinstance(value, list):
        return [_saved_special(token) for token in value]
    if isinstance(value, AddedToken):
        return {key: rule for key, rule in _rules(value).items() if key != "special"}
    return value


def push(
    tokenizer: PreTrainedTokenizer,
    repo_id: str,
    *,
    commit_message: str | None = None,
    commit_description: str | None = None,
    private: bool | None = None,
    token: str | bool | None = None,
    revision: str | None = None,
    create_pr: bool = False,
) -> str:
    """Upload the files to a hub repository, created if needed; return the commit's address."""
    from huggingface_hub import HfApi

    hub = HfApi(token=token)
    repo_id = hub.create_repo(repo_id, private=private, exist_ok=True).repo_id
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        commit = hub.upload_folder(
            repo_id=repo_id,
            folder_path=folder,
            commit_message=commit_message or "Upload tokenizer",
            commit_description=commit_description,
            revision=revision,
            create_pr=create_pr,
        )
    return str(commit)
