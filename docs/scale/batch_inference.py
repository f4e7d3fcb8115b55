"""Answer the texts of Parquet files with models in many processes, on one machine or a cluster.

    python docs/scale/batch_inference.py docs/demo/checkpoint questions answers --processes 1

``questions`` is a folder of Parquet files with the columns ``id`` and ``text``; ``answers`` gets
files with a column ``answer`` too. Each process of Ray loads the model once and keeps it; it takes
a CPU, and reading takes another. When a worker is lost, Ray starts another and gives it the batches
that were not finished; when the whole run is lost, the same command goes on where it stopped, as
the ids that were answered are noted beside the answers.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import ray
from ray.data import DataContext
from ray.data.checkpoint import CheckpointConfig

from automodel_core import AutoModelForSeq2SeqLM, AutoTokenizer


class Answers:
    """A process that holds a model and a tokenizer."""

    def __init__(self, checkpoint: str) -> None:
        self.model = AutoModelForSeq2SeqLM.from_pretrained(checkpoint, device_map="auto")
        self.tokenizer = AutoTokenizer.from_pretrained(checkpoint)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Add the answers to a batch of rows."""
        inputs = self.tokenizer(batch["text"].tolist(), padding=True, return_tensors="pt")
        tokens = self.model.generate(**inputs)
        return {**batch, "answer": self.tokenizer.batch_decode(tokens, skip_special_tokens=True)}


def answer(
    checkpoint: Path,
    questions: Path,
    answers: Path,
    processes: int,
    *,
    batch_size: int = 64,
    block_size: int = 1024,
    worker: type[Answers] = Answers,
) -> None:
    """Write an answer to each question that has none yet; answers of a block are noted together."""
    DataContext.get_current().checkpoint_config = CheckpointConfig(
        id_column="id",
        checkpoint_path=str(answers / "done"),
        delete_checkpoint_on_success=False,
    )
    rows = ray.data.read_parquet(str(questions))
    answered = rows.repartition(target_num_rows_per_block=block_size).map_batches(
        worker,
        fn_constructor_args=(str(checkpoint),),
        compute=ray.data.ActorPoolStrategy(size=processes),
        batch_size=batch_size,
    )
    answered.write_parquet(str(answers / "rows"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("answers", type=Path)
    parser.add_argument("--processes", type=int, default=1)
    chosen = parser.parse_args()
    answer(
        chosen.checkpoint.absolute(),
        chosen.questions.absolute(),
        chosen.answers.absolute(),
        chosen.processes,
    )
