"""The base of all pipelines: from inputs as users have them to answers as they read them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from automodel_core.errors import BackendUnavailableError, InputError, shown
from automodel_core.generation.session.progress import ProgressLine
from automodel_core.tasks.base.chunks import Chunk, Padding, batch_of, share_out
from automodel_core.tasks.base.devices import device_of, on_cpu
from automodel_core.tasks.base.failures import Failed, checked_reaction, results_or_raise
from automodel_core.tasks.base.lengths import Bounds
from automodel_core.tasks.base.options import sorted_options
from automodel_core.tasks.base.running import Results, Run
from automodel_core.tasks.inputs.series import is_lazy, items_of, length_of

if TYPE_CHECKING:
    from automodel_core.modeling.pretrained.base import PreTrainedModel

__all__ = ["COMPONENTS", "Pipeline"]

COMPONENTS = ("tokenizer", "feature_extractor", "image_processor", "processor")
WINDOW = 1024
"""How many inputs of a list are sorted by length at a time."""
IGNORED = ("args_parser", "binary_output", "dtype", "modelcard", "torch_dtype")
"""Keywords of constructors that transformers' pipelines have, and that mean nothing here."""
AHEAD = 8
"""How many batches of a generator are read ahead, if ``batch_size`` is given."""


class Pipeline:
    """Answers inputs with a model: `preprocess`, `forward` and `postprocess` say how.

    Keyword-only arguments of these three are the options of the pipeline, for its constructor and
    for each call. A subclass may change what a call takes in `arrange`, and check or complete
    options in `settled`. A call of a list returns a list; one of a generator or dataset returns an
    iterator.
    """

    needs: ClassVar[tuple[str, ...]] = ()
    """Which of `COMPONENTS` are loaded with the model."""
    may_need: ClassVar[tuple[str, ...]] = ()
    """Which are loaded if the checkpoint has them."""
    per_token: ClassVar[tuple[str, ...]] = ()
    """The outputs of `forward` whose first dimension, behind the batch's, are the tokens."""
    tokens: ClassVar[int | None] = None
    """How many tokens a batch holds if no ``batch_size`` is given; ``None``: one input each."""
    file_suffix: ClassVar[str] = ".png"
    """How the names of the files end that `write` makes."""

    tokenizer: Any
    image_processor: Any
    feature_extractor: Any
    processor: Any

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: Any = None,
        feature_extractor: Any = None,
        image_processor: Any = None,
        processor: Any = None,
        *,
        task: str = "",
        framework: str | None = None,
        device: int | str | torch.device | None = None,
        batch_size: int | None = None,
        num_workers: int | None = None,
        progress: bool = False,
        on_error: str = "raise",
        **options: Any,
    ) -> None:
        if framework not in (None, "pt"):
            raise BackendUnavailableError(
                f"framework={shown(framework)} is not served: models are torch's, 'pt'"
            )
        self.task = task
        self.model = model
        self.framework = "pt"
        self._take(tokenizer, feature_extractor, image_processor, processor)
        self.device = device_of(model, device)
        if self.device != model.device and device is not None:
            model.to(self.device)
        self._batch_size = batch_size
        self._progress = progress
        self._on_error = checked_reaction(on_error)
        self._given = self.constructed({k: v for k, v in options.items() if k not in IGNORED})
        self._options({})

    def _take(
        self, tokenizer: Any, feature_extractor: Any, image_processor: Any, both: Any
    ) -> None:
        """Set the components; those of a processor stand in for what is not given."""
        parts = {} if both is None else vars(both)
        self.processor = both
        self.tokenizer = parts.get("tokenizer") if tokenizer is None else tokenizer
        self.feature_extractor = (
            parts.get("feature_extractor") if feature_extractor is None else feature_extractor
        )
        given = image_processor or parts.get("image_processor") or self.feature_extractor
        self.image_processor = given
        missing = [name for name in self.needs if vars(self)[name] is None]
        if missing:
            raise InputError(
                f"{type(self).__name__} needs {' and '.join(missing)}: give "
                f"{', '.join(f'{name}=' for name in missing)} with the model"
            )

    # ---- what a subclass says ----

    def preprocess(self, item: Any) -> Chunk | Iterable[Chunk]:
        """Return the model's inputs for one input of a call, or those of each part of it."""
        raise TypeError(f"{type(self).__name__} does not say how it reads {type(item).__name__}")

    def forward(self, inputs: dict[str, Tensor]) -> Mapping[str, Any]:
        """Run the model on a batch; each output has one entry for each row."""
        return dict(self.model(**inputs))

    def postprocess(self, chunks: Sequence[Chunk]) -> Any:
        """Return the answer to one input from its chunks, which have outputs now."""
        raise TypeError(f"{type(self).__name__} does not say what {len(chunks)} chunks mean")

    def arrange(self, *args: Any, **options: Any) -> tuple[Any, dict[str, Any]]:
        """Return the inputs and the options of a call's arguments."""
        if len(args) != 1:
            raise InputError(
                f"{type(self).__name__} takes one input, or one list of them; got {len(args)} "
                "arguments"
            )
        return args[0], options

    def constructed(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the options that a constructor's keywords mean for all calls."""
        return options

    def settled(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return options checked and complete, those of a call over those of the constructor."""
        return options

    def listed(self, results: list[Any]) -> list[Any]:
        """Return the results of a list as the task returns them; failed ones are `Failed`."""
        return results

    @property
    def padding(self) -> Padding:
        """How token ids of one batch are padded."""
        if self.tokenizer is None:
            return Padding(None)
        return Padding(self.tokenizer.pad_token_id, self.tokenizer.padding_side)

    # ---- calls ----

    def __call__(
        self,
        *args: Any,
        batch_size: int | None = None,
        num_workers: int | None = None,
        progress: bool | None = None,
        on_error: str | None = None,
        **options: Any,
    ) -> Any:
        """Answer one input, a list of them, or lazily those of a generator or dataset.

        ``batch_size`` bounds the rows of a batch; ``progress`` shows a line on stderr. An input
        that cannot be used does not stop the others of a list: with ``on_error="raise"`` the error
        at the end names it and holds the other results, with ``"return"`` the error is its result.
        """
        inputs, options = self.arrange(*args, **options)
        on_error = self._on_error if on_error is None else checked_reaction(on_error)
        shows = self._progress if progress is None else progress
        many = isinstance(inputs, list) or is_lazy(inputs)
        run = self._run(inputs if many else [inputs], options, batch_size)
        with_line = _shown(run.results(items_of(inputs) if many else [inputs]), inputs, shows)
        if isinstance(inputs, list):
            return results_or_raise(self.listed(list(with_line)), on_error)
        if many:
            return Results(with_line, length_of(inputs), on_error)
        (result,) = with_line
        if isinstance(result, Failed):
            raise result.error
        return result

    def _run(self, inputs: Any, options: Mapping[str, Any], batch_size: int | None) -> Run:
        rows = self._batch_size if batch_size is None else batch_size
        if rows is not None and (not isinstance(rows, int) or rows < 1):
            raise InputError(f"batch_size={shown(rows)}: expected a whole number from 1 on")
        window = WINDOW if rows is None else max(WINDOW, AHEAD * rows)
        if length_of(inputs) is None:
            window = 1 if rows is None else AHEAD * rows
        tokens = self.tokens if rows is None and self.padding.token is not None else None
        if tokens is not None and self.device.type != "cpu":
            tokens *= 8
        bounds = Bounds(rows or (None if tokens else 1), tokens)
        return Run(self, self._options(options), bounds, window)

    def _options(self, given: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        return sorted_options(type(self), self.settled({**self._given, **given}))

    def run_batch(self, chunks: Sequence[Chunk], options: Mapping[str, Any]) -> None:
        """Run the model on chunks of one form, and set their outputs."""
        padding = self.padding
        inputs = {
            name: value.to(self.device, self.model.dtype if value.is_floating_point() else None)
            for name, value in batch_of(chunks, padding).items()
        }
        with torch.no_grad(), _evaluating(self.model):
            outputs = on_cpu(self.forward(inputs, **options))
        shares = share_out(outputs, chunks, padding.side, self.per_token)
        for chunk, share in zip(chunks, shares, strict=True):
            chunk.outputs = share

    def output(self, outputs: Mapping[str, Any], name: str) -> Tensor:
        """Return an output of the model; the error for one that it has not names the task."""
        if name not in outputs:
            raise InputError(
                f"{type(self.model).__name__} gives no {name}, which {type(self).__name__} needs: "
                "load the checkpoint with pipeline(task, model=its name), or with the task's Auto "
                "class"
            )
        found: Tensor = outputs[name]
        return found

    def painted(self, source: Any, result: Any) -> Any:
        """Return a Pillow image with the answer to an input painted into it.

        Raises `InputError` where there is no picture to paint into.
        """
        raise InputError(f"{type(self).__name__} answers {type(source).__name__}: nothing to paint")

    def write(self, source: Any, result: Any, place: Path) -> None:
        """Write the answer to an input into a file: by default, the picture with it."""
        self.painted(source, result).save(place)

    # ---- the rest of what users call ----

    @property
    def dtype(self) -> torch.dtype:
        return self.model.dtype

    @property
    def torch_dtype(self) -> torch.dtype:
        return self.model.dtype

    def predict(self, inputs: Any, **options: Any) -> Any:
        """Answer inputs, under the name that scikit-learn calls."""
        return self(inputs, **options)

    transform = predict

    def save_pretrained(self, save_directory: str | os.PathLike[str], **kwargs: Any) -> None:
        """Save the model and what prepares its inputs; keywords are those of the model's."""
        self.model.save_pretrained(save_directory, **kwargs)
        parts = (self.tokenizer, self.feature_extractor, self.image_processor)
        for part in (self.processor,) if self.processor is not None else dict.fromkeys(parts):
            if part is not None:
                part.save_pretrained(save_directory)


@contextmanager
def _evaluating(model: torch.nn.Module) -> Iterator[None]:
    """Let a model that is being trained answer without dropout."""
    was_training = model.training
    if was_training:
        model.eval()
    try:
        yield
    finally:
        if was_training:
            model.train()


def _shown(results: Iterator[Any], inputs: Any, shows: bool) -> Iterator[Any]:
    """Yield results, with a line that counts them if it is asked for."""
    if not shows:
        yield from results
        return
    line = ProgressLine(length_of(inputs) or 0, unit="inputs")
    try:
        for result in results:
            line.advance()
            yield result
    finally:
        line.close()
