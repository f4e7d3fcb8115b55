"""Adapters of languages: small parts of each layer, in files of their own beside the weights."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import nn

from automodel_core import layers, modeling
from automodel_core.checkpoint import (
    CheckpointFiles,
    HubOptions,
    open_checkpoint,
    open_pickled,
    open_safetensors,
)
from automodel_core.errors import CheckpointNotFoundError, ConfigurationError, InputError, listed

if TYPE_CHECKING:
    from collections.abc import Mapping

READERS: Mapping[str, Any] = {"safetensors": open_safetensors, "bin": open_pickled}
"""How formats of adapters are read, the safe one first; a file is ``adapter.LANG.FORMAT``."""


class LanguageAdapters(modeling.PreTrainedModel):
    """What a model with ``adapter_attn_dim`` does with the adapters of its checkpoint's languages.

    Those of PEFT go on any model, by the same method.
    """

    adapter_class: ClassVar[type[nn.Module]]
    target_lang: str | None = None
    """The language whose adapter was loaded, or is to be loaded with the checkpoint."""

    def ask_for_language(self, target_lang: str | None) -> None:
        """Let a load take the adapter of a language."""
        if target_lang is not None:
            self._require_adapters(target_lang)
        self.target_lang = target_lang

    def read_further(self, files: CheckpointFiles) -> None:
        if self.target_lang is not None:
            self._read_language(files, self.target_lang)

    def load_adapter(
        self,
        peft_model_id: str | os.PathLike[str] | None = None,
        adapter_name: str | None = None,
        *,
        target_lang: str | None = None,
        force_load: bool = True,
        use_safetensors: bool | None = None,
        **options: Any,
    ) -> None:
        """Load the adapter of a language, with its output layer, from the model's checkpoint.

        The language is the first argument, or ``target_lang``; ``options`` say how to find the
        files, as those of ``from_pretrained``. A model without ``adapter_attn_dim`` loads adapters
        of PEFT.
        """
        language = peft_model_id if target_lang is None else target_lang
        if self.config.get("adapter_attn_dim") is None or not isinstance(language, str):
            super().load_adapter(peft_model_id, adapter_name, **options)
            return
        if language == self.target_lang and not force_load:
            return
        where, unknown = HubOptions.split(options)
        if unknown:
            raise TypeError(f"load_adapter has no argument {listed(sorted(unknown))}")
        self._read_language(open_checkpoint(self.name_or_path, where), language, use_safetensors)

    def init_adapter_layers(self) -> None:
        """Draw the adapters and the output layer anew, to train them for another language."""
        for name, module in self.named_modules():
            if isinstance(module, self.adapter_class) or name == "lm_head":
                for part in module.modules():
                    self.init_module(part)

    def _get_adapters(self) -> dict[str, nn.Parameter]:
        """Return the weights of the adapters and of the output layer, by their names on the hub."""
        self._require_adapters("languages")
        names = self.own_names()
        return {
            names.to_hub(f"{path}.{name}").name: parameter
            for path, module in self.named_modules()
            if isinstance(module, self.adapter_class) or path == "lm_head"
            for name, parameter in module.named_parameters()
        }

    def _read_language(
        self, files: CheckpointFiles, language: str, safe: bool | None = None
    ) -> None:
        weights = self._stored(files, language, safe)
        known, modules = self._get_adapters(), dict(self.named_modules())
        missing, unknown = known.keys() - weights.keys(), weights.keys() - known.keys()
        if missing or unknown:
            raise InputError(
                f"the adapter of {language!r} does not fit: it lacks "
                f"{listed(sorted(missing)) or 'nothing'}, and has no place for "
                f"{listed(sorted(unknown)) or 'nothing'}"
            )
        head = modules.get("lm_head")
        if isinstance(head, nn.Linear):
            symbols = weights["lm_head.weight"].shape[0]
            if symbols != self.config.vocab_size:
                new = layers.linear(head.in_features, symbols).to(head.weight)
                self.set_submodule("lm_head", new)
                self.config.vocab_size = symbols
                known = self._get_adapters()
        with torch.no_grad():
            for name, parameter in known.items():
                parameter.copy_(weights[name])
        self.target_lang = language

    def _stored(
        self, files: CheckpointFiles, language: str, safe: bool | None
    ) -> Mapping[str, torch.Tensor]:
        self._require_adapters(language)
        formats = [name for name in READERS if safe is None or safe == (name == "safetensors")]
        for name in formats:
            if (path := files.find(f"adapter.{language}.{name}")) is not None:
                tensors = READERS[name](path)
                return {key: tensors.tensor(key) for key in tensors}
        wanted = " or ".join(f"adapter.{language}.{name}" for name in formats)
        raise CheckpointNotFoundError(
            f"{files.place} has no adapter of {language!r}: {wanted} was expected; "
            f"{files.present()}"
        )

    def _require_adapters(self, language: str) -> None:
        if self.config.get("adapter_attn_dim") is None:
            raise ConfigurationError(
                f"{type(self).__name__} has no adapters, and none of {language!r} fits: its "
                "configuration has no adapter_attn_dim"
            )
