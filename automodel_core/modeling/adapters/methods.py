"""`AdapterMethods`: put adapters on a model itself, under the names that transformers has."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from automodel_core.checkpoint.places.options import HubOptions
from automodel_core.checkpoint.places.source import open_checkpoint
from automodel_core.errors import InputError, listed, shown
from automodel_core.modeling.adapters.files import StoredAdapter, fill, read
from automodel_core.modeling.adapters.merging import remove_adapters
from automodel_core.modeling.adapters.targets import Adaptable, own_settings, peft_package
from automodel_core.modeling.adapters.weights import Blocks

__all__ = ["AdapterMethods"]


class AdapterMethods(Adaptable):
    """Adapters of the PEFT package inside a model, which keeps its class.

    Their settings name modules as the hub does or as the model does. ``save_pretrained`` of a model
    with adapters writes the active one, under the hub's names. Prompts that are learnt are no such
    adapters: ``peft.get_peft_model`` puts them around a model.
    """

    def add_adapter(self, adapter_config: Any, adapter_name: str | None = None) -> None:
        """Put a new adapter on the model, use it, and train nothing else."""
        self._add(adapter_config, adapter_name or "default", None)

    def _add(self, settings: Any, name: str, blocks: Blocks | None) -> None:
        package = peft_package()
        if not isinstance(settings, package.PeftConfig):
            raise TypeError(
                "an adapter needs a configuration of PEFT, such as peft.LoraConfig(), got "
                f"{shown(settings)}"
            )
        if name in self.peft_settings():
            raise InputError(f"there is an adapter {shown(name)} already: give another name")
        settings = own_settings(self, settings, blocks)
        settings.base_model_name_or_path = self.name_or_path or None
        package.inject_adapter_in_model(settings, self, name)
        self.set_adapter(name)

    def load_adapter(
        self,
        peft_model_id: str | os.PathLike[str] | None = None,
        adapter_name: str | None = None,
        *,
        peft_config: Any = None,
        adapter_state_dict: Mapping[str, Tensor] | None = None,
        is_trainable: bool = False,
        hotswap: bool | str = "auto",
        adapter_kwargs: Mapping[str, Any] | None = None,
        **hub: Any,
    ) -> None:
        """Put an adapter of a folder or hub repository on the model, and use it.

        It may have been trained here or with transformers. ``peft_config`` and
        ``adapter_state_dict`` stand in for the files; ``hub`` and ``adapter_kwargs`` say how to
        find these, as ``from_pretrained`` does. ``low_cpu_mem_usage`` has no effect.
        """
        if hotswap is True:
            raise InputError("hotswap=True is not supported: call delete_adapter(name) first")
        where, others = HubOptions.split({**hub, **(adapter_kwargs or {})})
        if unknown := others.keys() - {"low_cpu_mem_usage"}:
            raise TypeError(f"load_adapter has no argument {listed(sorted(unknown))}")
        if peft_model_id is not None:
            stored = read(open_checkpoint(peft_model_id, where))
            if peft_config is not None:
                stored = replace(stored, settings=peft_config)
        elif peft_config is not None and adapter_state_dict is not None:
            stored = StoredAdapter(peft_config, adapter_state_dict)
        else:
            raise InputError("give peft_model_id=, or peft_config= and adapter_state_dict=")
        self.attach_adapter(stored, adapter_name or "default", is_trainable=is_trainable)

    def attach_adapter(
        self, stored: StoredAdapter, name: str, *, is_trainable: bool = False
    ) -> None:
        """Put an adapter that was read on the model, and use it."""
        self._add(stored.settings, name, stored.blocks)
        fill(self, self, stored, name)
        self.peft_settings()[name].inference_mode = not is_trainable
        if not is_trainable:
            self.eval()
            for layer in self._adapter_layers():
                layer.requires_grad_(False)

    def reload_adapter(self, name: str | os.PathLike[str], adapter_name: str) -> None:
        """Give an adapter that is on the model the weights of a folder or hub repository."""
        self._require([adapter_name])
        fill(self, self, read(open_checkpoint(name)), adapter_name)

    def set_adapter(self, adapter_name: str | Sequence[str]) -> None:
        """Use these adapters, and no others."""
        names = [adapter_name] if isinstance(adapter_name, str) else list(adapter_name)
        self._require(names)
        for layer in self._adapter_layers():
            layer.set_adapter(adapter_name)

    def enable_adapters(self) -> None:
        """Use the active adapters again."""
        self._enable(True)

    def disable_adapters(self) -> None:
        """Let the model run as if no adapter were there."""
        self._enable(False)

    def active_adapters(self) -> list[str]:
        """Return the names of the adapters in use."""
        self._require([])
        active = next(layer.active_adapter for layer in self._adapter_layers())
        return [active] if isinstance(active, str) else list(active)

    def get_adapter_state_dict(
        self, adapter_name: str | None = None, state_dict: Mapping[str, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """Return the weights of an adapter, by the model's own names."""
        name = adapter_name or self.active_adapters()[0]
        self._require([name])
        found: dict[str, Tensor] = peft_package().get_peft_model_state_dict(
            self, state_dict=state_dict, adapter_name=name
        )
        return found

    def delete_adapter(self, adapter_names: str | Sequence[str]) -> None:
        """Take adapters off the model."""
        from peft.functional import delete_adapter
        from peft.mapping import PEFT_TYPE_TO_PREFIX_MAPPING

        names = [adapter_names] if isinstance(adapter_names, str) else list(adapter_names)
        self._require(names)
        for name in names:
            settings = self.peft_settings().pop(name)
            prefix = PEFT_TYPE_TO_PREFIX_MAPPING[settings.peft_type]
            delete_adapter(self, adapter_name=name, prefix=prefix)
        if not self.peft_settings():
            remove_adapters(self)

    def peft_settings(self) -> dict[str, Any]:
        """Return the settings of the adapters on the model, where PEFT keeps them."""
        found: dict[str, Any] = vars(self).get("peft_config", {})
        return found

    @property
    def _hf_peft_config_loaded(self) -> bool:
        """Whether there are adapters, as trainers ask."""
        return bool(self.peft_settings())

    def _require(self, names: Sequence[str]) -> None:
        known = self.peft_settings()
        if not known:
            raise InputError(
                "there is no adapter on the model: model.add_adapter(config) makes one, "
                "model.load_adapter(name) loads one"
            )
        if missing := [name for name in names if name not in known]:
            there = listed(list(known))
            raise InputError(f"there is no adapter {listed(missing)}; there are {there}")

    def _adapter_layers(self) -> list[Any]:
        from peft.tuners.tuners_utils import BaseTunerLayer
        from peft.utils import ModulesToSaveWrapper

        kinds = (BaseTunerLayer, ModulesToSaveWrapper)
        return [layer for layer in self.modules() if isinstance(layer, kinds)]

    def _enable(self, on: bool) -> None:
        self._require([])
        for layer in self._adapter_layers():
            layer.enable_adapters(enabled=on)
