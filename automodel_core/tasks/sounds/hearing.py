"""The base of pipelines that hear sounds."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor

from automodel_core.tasks.base.pipeline import Pipeline
from automodel_core.tasks.inputs.sounds import recording

__all__ = ["SoundPipeline"]


class SoundPipeline(Pipeline):
    """A pipeline whose inputs are sounds: paths, addresses, bytes, arrays, dicts with their rate.

    Those at another rate than the model's are resampled; arrays without a rate have the model's.
    """

    needs: ClassVar[tuple[str, ...]] = ("feature_extractor",)

    @property
    def sampling_rate(self) -> int:
        """Samples in a second, of what the model hears."""
        rate: int = self.feature_extractor.sampling_rate
        return rate

    def heard(self, source: Any, timeout: float | None = None) -> Tensor:
        """Return a sound ``(samples,)`` at the model's rate."""
        found = recording(source, self.sampling_rate, timeout=timeout)
        return found.resampled(self.sampling_rate).waveform

    def prepared(self, waveform: Tensor, **options: Any) -> dict[str, Any]:
        """Return the model's inputs for a sound, each a batch of one."""
        found = self.feature_extractor(
            waveform, sampling_rate=self.sampling_rate, return_tensors="pt", **options
        )
        return dict(found)
