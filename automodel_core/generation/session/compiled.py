"""Decoding by a compiled step: the prompt runs uncompiled, each later token in fixed shapes.

A step belongs to one model and one size of batch and cache. It is compiled once, as a function and
with buffers of its own, and kept for the next call while its model lives.
"""

from __future__ import annotations

import inspect
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core.errors import GenerationArgumentError
from automodel_core.generation.session.checks import cache_kind
from automodel_core.generation.session.protocol import GenerativeModel
from automodel_core.generation.settings.compile import CompileConfig, compile_config_of
from automodel_core.generation.settings.generation import GenerationConfig
from automodel_core.layers.caches.base import Cache
from automodel_core.layers.caches.compiled import CompiledCache, why_not_compiled
from automodel_core.layers.kernels.linear import make_contiguous

__all__ = ["CompiledDecoding", "compiled_decoding"]

BLOCK = 128
"""A cache's size is a multiple of it, so that texts of about one length share a step."""

KEPT = 4
"""How many steps, each with a cache, are kept for one model."""

Key = tuple[Any, ...]


def run_step(model: GenerativeModel, arguments: dict[str, Any]) -> Tensor:
    """Run the model on one token a row and return the logits: the function that is compiled."""
    logits: Tensor = model(**arguments).logits
    arguments["past_key_values"].next.add_(1)
    return logits


class CompiledStep:
    """A compiled function with the tensors that it reads and writes, at fixed addresses."""

    def __init__(self, config: CompileConfig, cache: CompiledCache) -> None:
        # Torch keeps compiled versions with the code object, and only some for each: take a copy.
        copy = types.FunctionType(
            run_step.__code__.replace(), run_step.__globals__, run_step.__name__
        )
        self._compiled: Callable[..., Tensor] = torch.compile(copy, **config.arguments())
        self.cache = cache
        self._copied: dict[str, Tensor] = {}
        self._inputs: dict[str, Tensor] = {}
        self._is_new = True
        for tensor in cache.buffers():
            _mark_static(tensor)

    def __call__(self, model: GenerativeModel, arguments: dict[str, Any]) -> Tensor:
        """Return the logits of a step.

        Two steps run uncompiled: the first, which initialises lazy state and learns the position
        limit, and one past the limit, so that the model raises its own error.
        """
        inputs = {name: self._static_input(name, value) for name, value in arguments.items()}
        inputs["past_key_values"] = self.cache
        if self._is_new and isinstance(model, nn.Module):
            for part in model.modules():
                if isinstance(part, nn.Linear):
                    make_contiguous(part)
        if self._is_new or self.cache.length >= self.cache.limit:
            logits = run_step(model, inputs)
            self._is_new = False
        else:
            on_gpu = self.cache.next.device.type == "cuda"
            if on_gpu:
                torch.compiler.cudagraph_mark_step_begin()
            with _compile_errors():
                logits = self._compiled(model, inputs)
            if on_gpu:
                logits = logits.clone()  # the next step overwrites them
        self.cache.advance(1)
        return logits

    def release(self) -> None:
        """Drop references to the caller's tensors."""
        self._copied.clear()

    def _static_input(self, name: str, value: Any) -> Any:
        """Return a copy of a tensor that has the same address at every step."""
        if not isinstance(value, Tensor):
            return value
        buffer = self._inputs.get(name)
        if buffer is None or (buffer.shape, buffer.dtype) != (value.shape, value.dtype):
            with torch.inference_mode(False):
                buffer = self._inputs[name] = torch.empty(
                    value.shape, dtype=value.dtype, device=value.device
                )
            _mark_static(buffer)
            self._copied.pop(name, None)
        if self._copied.get(name) is not value:
            buffer.copy_(value)
            self._copied[name] = value
        return buffer


class CompiledDecoding:
    """Decode one batch by a compiled step, at most ``new_tokens`` after the prompt.

    With ``returns_cache`` the prompt's cache, which the caller will see, is filled in the end with
    the keys and values of all tokens.
    """

    def __init__(self, config: CompileConfig, new_tokens: int, *, returns_cache: bool) -> None:
        self._config = config
        self._new_tokens = new_tokens
        self._returns_cache = returns_cache
        self._key: Key = ()
        self._step: CompiledStep | None = None
        self._constant: dict[str, Any] = {}

    @staticmethod
    def check_states(model: GenerativeModel, cache: Cache) -> None:
        """Raise if a layer keeps something that a compiled step cannot."""
        kind = why_not_compiled(cache)
        if kind is not None:
            raise GenerationArgumentError(
                f"a compiled step cannot keep a {kind}, as {type(model).__name__} does: leave out "
                "compile_config"
            )

    def cache(self, prefilled: Cache) -> Cache:
        """Return the step's cache, or before the first step the prompt's, ``prefilled``."""
        return prefilled if self._step is None else self._step.cache

    def logits(
        self, model: GenerativeModel, cache: Cache | None, arguments: dict[str, Any]
    ) -> Tensor:
        """Return the logits (rows, 1, vocabulary) of one new token a row."""
        if self._step is None:
            self._step = self._prepare(model, cache, arguments)
        return self._step(model, {**arguments, **self._constant})

    def close(self, model: GenerativeModel, prefilled: Cache | None) -> None:
        """Keep the step for the next call, and copy its cache back if the caller will see it."""
        if self._step is None:
            return
        if self._returns_cache and prefilled is not None:
            self._step.cache.store(prefilled)
        self._step.release()
        with _lock:
            steps = _idle.setdefault(model, {})
            steps[self._key] = self._step
            for oldest in list(steps)[:-KEPT]:
                del steps[oldest]
        self._step = None

    def _prepare(
        self, model: GenerativeModel, cache: Cache | None, arguments: dict[str, Any]
    ) -> CompiledStep:
        """Return a step, kept or new, with a copy of the cache so far."""
        if not isinstance(cache, Cache) or cache.get_seq_length() == 0:
            raise GenerationArgumentError(
                f"{type(model).__name__} keeps nothing in a cache of automodel_core, so its steps "
                "have no fixed shapes: leave out compile_config"
            )
        self.check_states(model, cache)
        if len(cache.devices) > 1:
            raise GenerationArgumentError(
                "a compiled step runs on one device, and the model's layers are on several: leave "
                "out compile_config"
            )
        room = _rounded(cache.get_seq_length() + self._new_tokens)
        context_room = self._fix_shapes(model, cache, arguments, room)
        given = {**arguments, **self._constant}
        shapes = {name: tuple(t.shape) for name, t in given.items() if isinstance(t, Tensor)}
        self._key = repr(self._config), room, context_room, *given, *shapes.items()
        with _lock:
            step = _idle.get(model, {}).pop(self._key, None)
        if step is None or not step.cache.takes(cache):
            with torch.inference_mode(False):
                step = CompiledStep(self._config, CompiledCache(cache, room, context_room))
        step.cache.load(cache)
        if not self._returns_cache:
            cache.reset()
        return step

    def _fix_shapes(
        self, model: GenerativeModel, cache: Cache, arguments: dict[str, Any], room: int
    ) -> int:
        """Pad masks and encoder outputs to their final width; return the context's width."""
        is_pair = "encoder_outputs" in arguments
        name = "decoder_attention_mask" if is_pair else "attention_mask"
        if arguments.get(name) is not None:
            mask = arguments[name]
            self._constant[name] = F.pad(mask, (0, room - mask.shape[1]), value=1)
        length = cache.context_length
        mask = arguments.get("attention_mask")
        if not is_pair or not length or not _hides_states(model):
            return length
        if mask is not None and tuple(mask.shape[1:]) != (length,):
            return length  # a mask of the model's own shape, which only the model can pad
        wide = _rounded(length)
        outputs = arguments["encoder_outputs"]
        is_tuple = isinstance(outputs, (tuple, list))
        states = outputs[0] if is_tuple else outputs.last_hidden_state
        if mask is None:
            mask = torch.ones(states.shape[:2], dtype=torch.long, device=states.device)
        self._constant["attention_mask"] = F.pad(mask, (0, wide - length))
        # The context's keys and values are cached, so the states are not read again.
        states = states.new_zeros(1, 1, 1).expand(len(states), wide, states.shape[2])
        self._constant["encoder_outputs"] = (
            (states,) if is_tuple else type(outputs)(last_hidden_state=states)
        )
        return wide


def compiled_decoding(
    config: GenerationConfig, past_key_values: Any, new_tokens: int
) -> CompiledDecoding | None:
    """Return the compiled decoding that the settings ask for, if they do.

    Raises `GenerationArgumentError` for caches that a compiled step cannot copy.
    """
    if config.compile_config is None or config.disable_compile:
        return None
    if cache_kind(config) not in PREFILL_CACHES:
        raise GenerationArgumentError(
            "compile_config decodes with a static cache: leave out "
            f"cache_implementation={config.cache_implementation!r}, or compile_config"
        )
    if past_key_values is not None and not (
        isinstance(past_key_values, Cache) and why_not_compiled(past_key_values) is None
    ):
        raise GenerationArgumentError(
            "compile_config can go on with a DynamicCache or a StaticCache, not with a "
            f"{type(past_key_values).__name__}; leave out compile_config"
        )
    returns_cache = bool(config.return_dict_in_generate) or past_key_values is not None
    return CompiledDecoding(
        compile_config_of(config.compile_config), new_tokens, returns_cache=returns_cache
    )


PREFILL_CACHES = ("dynamic", "static")
"""The kinds of caches that the prompt may be read into."""

_idle: WeakKeyDictionary[Any, dict[Key, CompiledStep]] = WeakKeyDictionary()
_lock = threading.Lock()


def _hides_states(model: GenerativeModel) -> bool:
    """Return whether the model's mask hides states of its encoder, one by one.

    That of a text does; that of a sound is of samples or frames, which are more.
    """
    reads_text = model.main_input_name == "input_ids"
    return reads_text and "attention_mask" in inspect.signature(model.forward).parameters


def _rounded(length: int) -> int:
    return length + -length % BLOCK


def _mark_static(tensor: Tensor) -> None:
    """Tell CUDA graphs that a tensor keeps its address."""
    from torch._dynamo import mark_static_address

    mark_static_address(tensor, guard=False)


@contextmanager
def _compile_errors() -> Iterator[None]:
    """Raise torch's compile errors as `GenerationArgumentError`, with a remedy."""
    from torch._dynamo.exc import TorchDynamoException

    try:
        yield
    except TorchDynamoException as error:
        text = str(error)
        if "C++ compiler" in text:
            problem = "compiling needs a C++ compiler, and none works here: install g++ or clang++"
        else:
            problem = f"the decoding step cannot be compiled: {text.strip().splitlines()[0]}"
        raise GenerationArgumentError(f"{problem}; or leave out compile_config") from error
