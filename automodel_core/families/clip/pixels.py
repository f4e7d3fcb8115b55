"""The numbers that the family normalises pixels by."""

from __future__ import annotations

from automodel_core.vision.settings import ChannelValues

__all__ = ["OPENAI_CLIP_MEAN", "OPENAI_CLIP_STD"]

OPENAI_CLIP_MEAN: ChannelValues = [0.48145466, 0.4578275, 0.40821073]
OPENAI_CLIP_STD: ChannelValues = [0.26862954, 0.26130258, 0.27577711]
