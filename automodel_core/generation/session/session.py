"""A decoding session: one batch being continued by one model.

A strategy feeds token ids and gets the logits of the next position. The session runs the encoder
once, repeats rows for beams or several sequences an item, and keeps cache, masks and positions.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from automodel_core.errors import GenerationArgumentError
from automodel_core.generation.session.compiled import CompiledDecoding
from automodel_core.generation.session.early_exit import decoder_stack
from automodel_core.generation.session.inputs import DecodingInputs
from automodel_core.generation.session.peers import Peers
from automodel_core.generation.session.protocol import DecoderOutput, GenerativeModel
from automodel_core.generation.session.step_arguments import StepArguments, repeated
from automodel_core.layers.caches.base import Cache, SelfAttentionCache

__all__ = ["DecodingSession"]

TAKES_BACK = "this decoding strategy, which takes back tokens"
CHANGES_ROWS = "this decoding strategy, which changes the number of rows"


class DecodingSession:
    """Run a model token by token.

    ``prompt`` (rows, length) holds the decoder's prompt with each item of the batch repeated
    ``rows_per_item`` times; rows of one item are neighbours. ``cache`` replaces the default growing
    cache. ``flags`` (``output_attentions``, ``output_hidden_states``) are passed to encoder and
    decoder. ``checks_logits`` raises if the first logits are NaN. ``peers`` are processes that run
    as many forwards. ``compiled`` runs the steps after the prompt.
    """

    def __init__(
        self,
        model: GenerativeModel,
        inputs: DecodingInputs,
        *,
        rows_per_item: int = 1,
        use_cache: bool = True,
        prefill_chunk_size: int | None = None,
        cache: Cache | None = None,
        flags: Mapping[str, bool] | None = None,
        checks_logits: bool = False,
        peers: Peers | None = None,
        compiled: CompiledDecoding | None = None,
    ) -> None:
        self.model = model
        self.peers = peers
        self._compiled = compiled
        self._checks_logits = checks_logits
        self.rows_per_item = rows_per_item
        self.is_encoder_decoder = bool(model.config.is_encoder_decoder)
        self.prompt = repeated(inputs.prompt, rows_per_item)
        self.encoder_outputs = inputs.encoder_outputs
        self._inputs = inputs
        self._flags = dict(flags or {})
        self._decoder_flags = self._flags
        self._takes = _Signature(model.forward)
        self._is_replaced = "prepare_inputs_for_generation" in vars(model)
        self._use_cache = (use_cache or bool(inputs.first)) and self._takes("past_key_values")
        fresh = inputs.past_key_values is None and not inputs.first
        self._chunk = prefill_chunk_size if fresh and self._use_cache else None
        self.cache = cache if inputs.past_key_values is None else inputs.past_key_values
        if self._use_cache and self.cache is None:
            self.cache = model.new_cache()
            self.cache.decoding = True
        self._check_cache(model)
        self._was_decoding = _mark_as_decoding(self.cache)
        self._output: DecoderOutput | None = None
        self._fed = 0
        self._is_first = True
        # A decoder reads the prompt once an item; the rows of an item are repeated after it.
        self._shares_prefill = rows_per_item > 1 and not self.is_encoder_decoder and self._use_cache
        # The model's own positions are right if nothing is masked.
        prefix = "decoder_" if self.is_encoder_decoder else ""
        counts = self._takes.by_name(f"{prefix}position_ids")
        self._step_arguments = StepArguments(
            inputs, prefix, first_position=model.first_position if counts else None
        )
        self.prompt_mask = self._step_arguments.prompt_mask
        """The mask over the decoder's prompt (batch, length), None if it hides nothing."""
        self._arguments = self._for_rows(1)
        if not self._shares_prefill:
            self._split_rows()

    def _check_cache(self, model: GenerativeModel) -> None:
        """Raise unless the states of the model's layers can be kept, as far as they are known."""
        found = decoder_stack(model)
        if not isinstance(self.cache, Cache) or found is None:
            return
        found[1].open(self.cache)
        if not self.cache.has_keys and type(self.cache.new_attention()) is not SelfAttentionCache:
            raise GenerationArgumentError(
                f"{type(model).__name__} keeps recurrent states and no keys and values, which is "
                f"all that a {type(self.cache).__name__} is for: leave out cache_implementation, "
                "or give a DynamicCache as past_key_values"
            )
        if self._compiled is not None:
            self._compiled.check_states(model, self.cache)

    # ---- feeding ----

    def start(self) -> Tensor:
        """Feed the prompt and return the logits (rows, vocabulary) of the next position."""
        if self.is_encoder_decoder:
            self._encode()
        ids = self._inputs.prompt if self._shares_prefill else self.prompt
        length = self._new_length()
        for end in range(self._chunk or length, length, self._chunk or length):
            self._forward(ids[:, :end], length=self._chunk or length, positions=1)
        logits = self._forward(ids, self._new_length(), positions=1)[:, -1]
        self._fed = ids.shape[1]
        if self._checks_logits and bool(logits.isnan().any()):
            raise GenerationArgumentError(
                f"the logits of {type(self.model).__name__} are NaN, so there is nothing to choose "
                "by: its weights or its inputs are damaged, or overflow in this precision; "
                "remove_invalid_values=True takes NaN for 0"
            )
        cache = self._used_cache
        if self._shares_prefill and cache is not None:
            cache.repeat_interleave(self.rows_per_item)
            self._split_rows()
            logits = logits.repeat_interleave(self.rows_per_item, dim=0)
        self._is_first = False
        return logits

    def step(self, sequences: Tensor) -> Tensor:
        """Feed the new tokens of ``sequences`` (rows, length); return logits (rows, vocabulary)."""
        return self.feed(sequences)[:, -1]

    def feed(self, sequences: Tensor, positions: int = 1) -> Tensor:
        """Feed the new tokens; return logits (rows, positions, vocabulary) of the last ones."""
        length = sequences.shape[1] - (self._fed if self._use_cache else 0)
        logits = self._forward(sequences, length, positions)
        self._fed = sequences.shape[1]
        return logits if logits.shape[1] == positions else logits[:, -positions:]

    def _forward(self, ids: Tensor, length: int, positions: int) -> Tensor:
        """Feed the last ``length`` tokens; return logits of at least the last ``positions``."""
        arguments = dict(self._arguments)
        arguments.update(self._decoder_flags)
        if self._is_first:
            arguments.update(self._inputs.first)
        arguments.update(self._step_arguments.arguments(ids.shape[1], length))
        if positions != length and self._takes("logits_to_keep"):
            arguments["logits_to_keep"] = positions
        arguments["return_dict"] = True
        if self._takes("use_cache"):
            arguments["use_cache"] = self._use_cache
        if self.is_encoder_decoder:
            arguments["encoder_outputs"] = self.encoder_outputs
        cache = self._used_cache
        if self._is_replaced and cache is not None and not cache.get_seq_length():
            cache = None  # who learns prompts puts them in where nothing is cached
        inputs = self.model.prepare_inputs_for_generation(
            ids,
            next_sequence_length=None if length == ids.shape[1] else length,
            past_key_values=cache,
            is_first_iteration=self._is_first,
            **arguments,
        )
        if cache is None and inputs.get("past_key_values") is None:
            inputs["past_key_values"] = self._used_cache
        if self.peers is not None:
            self.peers.any_running()
        if self._compiled is not None and not self._is_first:
            if length > 1:
                self._require_uncompiled("this decoding strategy, which feeds tokens together")
            return self._compiled.logits(self.model, self.cache, inputs)
        output: DecoderOutput = self.model(**inputs)
        if self._use_cache and output.past_key_values is not None:
            self.cache = output.past_key_values
        self._output = output
        return output.logits

    def close(self) -> None:
        """Leave a cache of the caller's as it was, not marked as decoding."""
        if self._compiled is not None:
            self._compiled.close(self.model, self.cache)
        if self._was_decoding is not None and self.cache is not None:
            self.cache.decoding = self._was_decoding

    def wait_for_peers(self) -> None:
        """Run forwards whose results are not used until all peers are done."""
        while self.peers is not None and self.peers.any_running(running=False):
            name = "decoder_input_ids" if self.is_encoder_decoder else "input_ids"
            context = {"encoder_outputs": self.encoder_outputs} if self.is_encoder_decoder else {}
            self.model(**{name: self.prompt[:, :1]}, **context, return_dict=True)

    def model_arguments(self) -> dict[str, Any]:
        """Return the model's arguments for a custom loop, the encoder's output included."""
        self._require_uncompiled("custom_generate")
        if self.is_encoder_decoder:
            self._encode()
            arguments = {**self._arguments, "encoder_outputs": self.encoder_outputs}
        else:
            mask = self._step_arguments.mask
            mask = torch.ones_like(self.prompt) if mask is None else mask
            arguments = {**self._arguments, "attention_mask": mask, **self._inputs.first}
        if self._use_cache:
            arguments["past_key_values"] = self.cache
        return {**arguments, **self._flags, "use_cache": self._use_cache}

    # ---- the cache ----

    def reorder(self, index: Tensor, since: int = 0) -> None:
        """Let row ``i`` continue the tokens of row ``index[i]``, which is of the same item.

        The tokens before ``since`` are the same in both.
        """
        cache = self._used_cache
        if cache is not None:
            cache.reorder(index, cache.get_seq_length() - (self._fed - since))

    def crop(self, length: int) -> None:
        """Take back the tokens from ``length`` on."""
        self._require_uncompiled(TAKES_BACK)
        cache = self._used_cache
        if cache is not None:
            cache.crop(cache.get_seq_length() - (self._fed - length))
        self._fed = length

    def require_rollback(self) -> None:
        """Raise unless `crop` can take back any tokens."""
        self._require_uncompiled(TAKES_BACK)
        if not isinstance(self.cache, Cache) or self.cache.is_croppable:
            return
        if self.cache.new_attention().is_croppable:
            raise GenerationArgumentError(
                "this decoding strategy takes back tokens, which the recurrent states of "
                f"{type(self.model).__name__} cannot; use another strategy"
            )
        raise GenerationArgumentError(
            f"this decoding strategy takes back tokens, which {type(self.cache).__name__} "
            "cannot; use another cache"
        )

    def _require_uncompiled(self, what: str) -> None:
        if self._compiled is not None:
            raise GenerationArgumentError(
                f"{what}, cannot be compiled: leave out compile_config, or set disable_compile=True"
            )

    @property
    def _used_cache(self) -> Cache | None:
        """The cache of the last step, None if none is used; a compiled step has its own."""
        if not self._use_cache or self.cache is None:
            return None
        return self.cache if self._compiled is None else self._compiled.cache(self.cache)

    @property
    def has_past(self) -> bool:
        """Whether the cache holds positions before anything is fed."""
        return self._inputs.past_key_values is not None and self._cached_length() > 0

    @property
    def source_ids(self) -> Tensor | None:
        """The encoder's tokens (rows, length), None if there are none."""
        if not self.is_encoder_decoder:
            return None
        return repeated(self._inputs.encoder_input_ids, self.rows_per_item)

    def _cached_length(self) -> int:
        cache = self._used_cache
        return 0 if cache is None else cache.get_seq_length()

    def _new_length(self) -> int:
        """Return how many positions of the prompt are not in the cache yet.

        With a cache from an earlier call the prompt is the whole text, unless the mask is longer.
        """
        length, cached = self._inputs.first_length, self._cached_length()
        mask = self._step_arguments.mask
        if mask is not None and mask.shape[1] == cached + length:
            return length
        if length <= cached:
            raise GenerationArgumentError(
                f"past_key_values holds {cached} positions and the prompt only {length}: give "
                "the whole text, or the new tokens with an attention_mask over the whole text"
            )
        return length - cached

    # ---- rows ----

    def _encode(self) -> None:
        if self._inputs.encoder_arguments is None:
            return
        encoder = self.model.get_encoder()
        takes = _Signature(encoder.forward)
        flags = {name: value for name, value in self._flags.items() if takes(name)}
        self.encoder_outputs = encoder(**self._inputs.encoder_arguments, **flags, return_dict=True)

    def _split_rows(self) -> None:
        """Repeat the step's arguments, from one row an item to all rows."""
        self._step_arguments.repeat(self.rows_per_item)
        self._arguments = self._for_rows(self.rows_per_item)

    def expand(self, rows: int) -> None:
        """Go from one row an item to ``rows`` rows."""
        self._require_uncompiled(CHANGES_ROWS)
        self.rows_per_item = rows
        self.prompt = repeated(self.prompt, rows)
        self._split_rows()
        cache = self._used_cache
        if cache is not None:
            # The rows of an item share the encoder's output.
            cache.repeat_interleave(rows, context=not self.is_encoder_decoder)

    def narrow(self, index: Tensor) -> None:
        """Go back to one row an item: the one that ``index`` (batch,) names."""
        self._require_uncompiled(CHANGES_ROWS)
        self.rows_per_item = 1
        self.prompt = self.prompt.index_select(0, index)
        cache = self._used_cache
        if cache is not None:
            cache.select(index, context=not self.is_encoder_decoder)

    def _for_rows(self, rows: int) -> dict[str, Any]:
        """Return the caller's arguments that forward takes, batched tensors repeated to ``rows``.

        The encoder's mask stays as it is: rows of one item share it.
        """
        batch = self._inputs.prompt.shape[0]
        ready = {}
        for name, value in self._inputs.arguments.items():
            shared = self.is_encoder_decoder and name == "attention_mask"
            if isinstance(value, Tensor) and value.dim() and value.shape[0] == batch and not shared:
                value = repeated(value, rows)
            if self._takes(name):
                ready[name] = value
        return ready

    def watch_hidden_states(self) -> None:
        """Let every forward of the decoder return hidden states; read the prompt in one chunk."""
        self._require_uncompiled("this decoding strategy, which reads hidden states")
        if not self._takes("output_hidden_states"):
            raise GenerationArgumentError(
                f"{type(self.model).__name__} does not return hidden states, which this decoding "
                "strategy needs"
            )
        self._decoder_flags = {**self._flags, "output_hidden_states": True}
        self._chunk = None

    # ---- outputs of the last forward: one tensor a layer, with all rows ----

    @property
    def attentions(self) -> tuple[Tensor, ...]:
        name = "decoder_attentions" if self.is_encoder_decoder else "attentions"
        return self._layers(name)

    @property
    def cross_attentions(self) -> tuple[Tensor, ...]:
        return self._layers("cross_attentions")

    @property
    def hidden_states(self) -> tuple[Tensor, ...]:
        name = "decoder_hidden_states" if self.is_encoder_decoder else "hidden_states"
        return self._layers(name)

    def _layers(self, name: str) -> tuple[Tensor, ...]:
        layers: tuple[Tensor, ...] = () if self._output is None else self._output[name]
        rows = self.prompt.shape[0]
        return tuple(repeated(layer, rows // layer.shape[0]) for layer in layers)


def _mark_as_decoding(cache: Cache | None) -> bool | None:
    """Set ``decoding`` of a cache; return what it was, or None if nothing was changed."""
    if not isinstance(cache, Cache) or (cache.decoding and not cache.memo):
        return None
    was = cache.decoding
    cache.decoding = True
    cache.memo.clear()  # the model's weights may have changed since
    return was


class _Signature:
    """Which arguments a forward takes, by name or as ``**kwargs``."""

    def __init__(self, forward: Callable[..., Any]) -> None:
        parameters = inspect.signature(forward).parameters
        self._names = frozenset(parameters)
        self._takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters.values())

    def __call__(self, name: str) -> bool:
        return self._takes_all or name in self._names

    def by_name(self, name: str) -> bool:
        return name in self._names
