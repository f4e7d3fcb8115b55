"""What models of images must share with the reference: the common story, told with images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from support.images import ImageFamily
from support.parity import ROWS, ArchitectureParity, Case

__all__ = ["ImageParity"]


class ImageParity(ArchitectureParity):
    """The story, told with images."""

    family: ImageFamily
    # Nothing here writes text.
    test_cached_steps_equal_one_pass = None
    test_generated_ids = None

    def arguments(
        self, case: Case, head: str, config: Any = None, rows: int = ROWS
    ) -> dict[str, Any]:
        given = self.family.batch(case, head, rows)
        return given if config is None else given | self.family.labels(head, given, config)

    def test_embeddings_may_be_given(self, head: str) -> None:
        """There are none: what a patch becomes, only the model knows."""
        model = self.family.pair(self.first_case(), head)[1]
        with pytest.raises(TypeError, match="inputs_embeds"):
            model(**self.arguments(self.first_case(), head), inputs_embeds=torch.zeros(1, 4, 24))

    def test_files_hold_the_names_of_the_reference(self, head: str, tmp_path: Path) -> None:
        reference, model = self.family.pair(self.first_case(), head)
        reference.save_pretrained(tmp_path / "theirs")
        model.save_pretrained(tmp_path / "ours")
        names = []
        for side in ("theirs", "ours"):
            with safe_open(tmp_path / side / "model.safetensors", "pt") as file:
                names.append(sorted(file.keys()))
        assert names[0] == names[1]
