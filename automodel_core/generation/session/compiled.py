"""Decoding by a compiled step: the prompt runs as usual, each token behind it in fixed shapes.

A step belongs to one model and one size of batch and cache. It is compiled once, by code and with
buffers of its own, and kept for the next call while its model lives.
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
from torch import Tensor

from automodel_core.errors import GenerationArgumentError
from automodel_core.generation.session.protocol import GenerativeModel
from automodel_core.generation.settings.compile import CompileConfig, compile_config_of
from automodel_core.generation.settings.generation import GenerationConfig
from automodel_core.layers.caches.base import Cache, SelfAttentionCache
from automodel_core.layers.caches.compiled import CompiledCache
from automodel_core.layers.caches.names import OTHER_NAMES
from automodel_core.layers.caches.static import StaticSelfAttentionCache

__all__ = ["CompiledDecoding", "compiled_decoding"]

BLOCK = 128
"""The room of a cache is a multiple of it, so that texts of about one length share a step."""

KEPT = 4
"""How many steps, each with a cache, are kept for one model."""

Key = tuple[Any, ...]


def write(model: GenerativeModel, arguments: dict[str, Any]) -> Tensor:
    """Run the model on one token a row; return the logits. This is what is compiled."""
    logits: Tensor = model(**arguments).logits
    arguments["past_key_values"].next.add_(1)
    return logits


class CompiledStep:
    """A compiled function with the tensors that it reads and writes, which stay where they are."""

    def __init__(self, config: CompileConfig, cache: CompiledCache) -> None:
        # Torch keeps what it compiles with the code, and gives up after some versions of one.
        own = types.FunctionType(write.__code__.replace(), write.__globals__, write.__name__)
        self._compiled: Callable[..., Tensor] = torch.compile(own, **config.arguments())
        self.cache = cache
        self._given: dict[str, Tensor] = {}
        self._inputs: dict[str, Tensor] = {}
        self._is_new = True
        for tensor in cache.buffers():
            _stays(tensor)

    def __call__(self, model: GenerativeModel, arguments: dict[str, Any]) -> Tensor:
        """Return the logits of a step; the first one of all and one too many are not compiled.

        The first makes what parts of the model make when they are first used, and learns how many
        positions there are. The one too many raises what it raises.
        """
        placed = {name: self._placed(name, value) for name, value in arguments.items()}
        placed["past_key_values"] = self.cache
        if self._is_new or self.cache.length >= self.cache.limit:
            logits = write(model, placed)
            self._is_new = False
        else:
            on_gpu = self.cache.next.device.type == "cuda"
            if on_gpu:
                torch.compiler.cudagraph_mark_step_begin()
            with _told_what_to_do():
                logits = self._compiled(model, placed)
            if on_gpu:
                logits = logits.clone()  # the next step writes there again
        self.cache.advance(1)
        return logits

    def release(self) -> None:
        """Let go of the caller's tensors."""
        self._given.clear()

    def _placed(self, name: str, value: Any) -> Any:
        """Return a tensor's copy that is at the same place at every step."""
        if not isinstance(value, Tensor):
            return value
        place = self._inputs.get(name)
        if place is None or (place.shape, place.dtype) != (value.shape, value.dtype):
            with torch.inference_mode(False):
                place = self._inputs[name] = torch.empty(
                    value.shape, dtype=value.dtype, device=value.device
                )
            _stays(place)
            self._given.pop(name, None)
        if self._given.get(name) is not value:
            place.copy_(value)
            self._given[name] = value
        return place


class CompiledDecoding:
    """Decode one batch by a compiled step, at most ``new_tokens`` behind the prompt.

    ``shows_cache`` says that the caller will see the cache of the prompt, which then holds all that
    was written.
    """

    def __init__(self, config: CompileConfig, new_tokens: int, *, shows_cache: bool) -> None:
        self._config = config
        self._new_tokens = new_tokens
        self._shows_cache = shows_cache
        self._key: Key = ()
        self._step: CompiledStep | None = None
        self._constant: dict[str, Any] = {}

    def cache(self, prefilled: Cache) -> Cache:
        """Return the cache that holds the text so far; ``prefilled`` is the prompt's."""
        return prefilled if self._step is None else self._step.cache

    def logits(self, model: GenerativeModel, cache: Cache, arguments: dict[str, Any]) -> Tensor:
        """Return the logits (rows, 1, vocabulary) of one new token a row."""
        if self._step is None:
            self._step = self._begin(model, cache, arguments)
        return self._step(model, {**arguments, **self._constant})

    def close(self, model: GenerativeModel, prefilled: Cache) -> None:
        """Keep the step for the next call, and hand over what its cache holds."""
        if self._step is None:
            return
        if self._shows_cache:
            self._step.cache.store(prefilled)
        self._step.release()
        with _lock:
            steps = _idle.setdefault(model, {})
            steps[self._key] = self._step
            for oldest in list(steps)[:-KEPT]:
                del steps[oldest]
        self._step = None

    def _begin(
        self, model: GenerativeModel, cache: Cache, arguments: dict[str, Any]
    ) -> CompiledStep:
        """Return a step whose cache holds what was read so far."""
        if not isinstance(cache, Cache) or len(cache) == 0:
            raise GenerationArgumentError(
                f"{type(model).__name__} keeps no keys and values in a cache of automodel_core, so "
                "its steps have no fixed shapes: leave out compile_config"
            )
        if len({layer.keys.device for layer in cache.layers if layer.keys is not None}) > 1:
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
        if not self._shows_cache:
            cache.reset()
        return step

    def _fix_shapes(
        self, model: GenerativeModel, cache: Cache, arguments: dict[str, Any], room: int
    ) -> int:
        """Find what is the same at every step, as wide as it gets; return the room of a context."""
        is_pair = "encoder_outputs" in arguments
        name = "decoder_attention_mask" if is_pair else "attention_mask"
        if arguments.get(name) is not None:
            mask = arguments[name]
            self._constant[name] = F.pad(mask, (0, room - mask.shape[1]), value=1)
        context = cache.layers[0].cross_attn.tensors
        length = 0 if context is None else context[0].shape[2]
        mask = arguments.get("attention_mask")
        can_hide = "attention_mask" in inspect.signature(model.forward).parameters
        if not is_pair or not length or not can_hide or (mask is not None and mask.dim() > 2):
            return length
        wide = _rounded(length)
        outputs = arguments["encoder_outputs"]
        is_tuple = isinstance(outputs, (tuple, list))
        states = outputs[0] if is_tuple else outputs.last_hidden_state
        if mask is None:
            mask = torch.ones(states.shape[:2], dtype=torch.long, device=states.device)
        self._constant["attention_mask"] = F.pad(mask, (0, wide - length))
        # What the states say is in the cache, as keys and values.
        states = states.new_zeros(1, 1, 1).expand(len(states), wide, states.shape[2])
        self._constant["encoder_outputs"] = (
            (states,) if is_tuple else type(outputs)(last_hidden_state=states)
        )
        return wide


def compiled_decoding(
    config: GenerationConfig, past_key_values: Any, new_tokens: int
) -> CompiledDecoding | None:
    """Return the compiled decoding that the settings ask for, if they do.

    Raises `GenerationArgumentError` for settings that a compiled step cannot follow.
    """
    if config.compile_config is None or config.disable_compile:
        return None
    compile_config = compile_config_of(config.compile_config)
    if not config.use_cache:
        raise GenerationArgumentError("compile_config needs use_cache=True")
    name = config.cache_implementation
    if OTHER_NAMES.get(str(name), name) not in KINDS:
        raise GenerationArgumentError(
            "compile_config decodes with a static cache: leave out "
            f"cache_implementation={name!r}, or compile_config"
        )
    if past_key_values is not None and not _can_copy(past_key_values):
        raise GenerationArgumentError(
            "compile_config can go on with a DynamicCache or a StaticCache, not with a "
            f"{type(past_key_values).__name__}; leave out compile_config"
        )
    shows = bool(config.return_dict_in_generate)
    if shows and (config.output_attentions or config.output_hidden_states):
        raise GenerationArgumentError(
            "a compiled step returns neither attentions nor hidden states: leave out "
            "output_attentions and output_hidden_states, or compile_config"
        )
    return CompiledDecoding(
        compile_config, new_tokens, shows_cache=shows or past_key_values is not None
    )


KINDS = (None, "dynamic", "static")
"""Caches that the prompt may be read into."""

_idle: WeakKeyDictionary[Any, dict[Key, CompiledStep]] = WeakKeyDictionary()
_lock = threading.Lock()


def _can_copy(cache: Any) -> bool:
    """Return whether a cache holds keys and values as they are, of all positions."""
    plain = (SelfAttentionCache, StaticSelfAttentionCache)
    return isinstance(cache, Cache) and type(cache.new_attention()) in plain


def _rounded(length: int) -> int:
    return length + -length % BLOCK


def _stays(tensor: Tensor) -> None:
    """Let CUDA graphs read and write a tensor where it is."""
    from torch._dynamo import mark_static_address

    mark_static_address(tensor, guard=False)


@contextmanager
def _told_what_to_do() -> Iterator[None]:
    """Turn torch's errors about compiling into ours."""
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
