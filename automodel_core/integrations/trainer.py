"""transformers' trainers, for models and tokenizers of automodel."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from automodel_core.modeling import PreTrainedModel
from automodel_core.text import PreTrainedTokenizer

if TYPE_CHECKING:
    from transformers import Trainer  # pyright: ignore[reportMissingImports]
else:
    Trainer = object

__all__ = ["TrainerMixin"]

ARGUMENTS_FILE = "training_args.bin"
LARGEST_SHARD = "50GB"
"""As in transformers, so that trainers, which know no hub names of shards, resume from one file."""


class TrainerMixin(Trainer):  # type: ignore[misc]
    """Let a trainer treat what automodel makes as it treats its own.

    ``class HubTrainer(TrainerMixin, Trainer): ...`` saves checkpoints in the hub's names with
    configuration and tokenizer, pads batches by the tokenizer where no collator is given, and gives
    a model the tokenizer's special tokens. A trainer of transformers does so for its classes alone.
    """

    data_collator: Any
    processing_class: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        from transformers import (  # pyright: ignore[reportMissingImports]
            DataCollatorWithPadding,
            default_data_collator,
        )

        if self._has_tokenizer() and self.data_collator is default_data_collator:
            self.data_collator = DataCollatorWithPadding(self.processing_class)

    def train(self, *args: Any, **kwargs: Any) -> Any:
        if self._has_tokenizer():
            self._align_tokens()
        return super().train(*args, **kwargs)

    def _align_tokens(self) -> None:
        """Give the model the tokenizer's special tokens."""
        try:
            from transformers.trainer_utils import (  # pyright: ignore[reportMissingImports]
                align_special_tokens,
            )
        except ImportError:  # before version 5 it is a method
            self._align_special_tokens()
        else:
            align_special_tokens(self.model, self.processing_class)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        adapted = self.model if model is None else model
        if isinstance(adapted, PreTrainedModel) and adapted.peft_settings():
            adapted.reload_adapter(resume_from_checkpoint, *adapted.active_adapters())
        else:
            super()._load_from_checkpoint(resume_from_checkpoint, model)

    def _has_tokenizer(self) -> bool:
        return isinstance(self.processing_class, PreTrainedTokenizer)

    def _save(
        self, output_dir: str | None = None, state_dict: Mapping[str, torch.Tensor] | None = None
    ) -> None:
        model = self.accelerator.unwrap_model(self.model, keep_torch_compile=False)
        if not isinstance(model, PreTrainedModel):
            super()._save(output_dir, state_dict)
        elif self.args.should_save:
            folder, tokenizer = str(output_dir or self.args.output_dir), self.processing_class
            if tokenizer is None:
                tokenizer = getattr(self.data_collator, "tokenizer", None)
            model.save_pretrained(
                folder, state_dict=state_dict, max_shard_size=LARGEST_SHARD, tokenizer=tokenizer
            )
            torch.save(self.args, os.path.join(folder, ARGUMENTS_FILE))
