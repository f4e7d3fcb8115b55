"""The configuration of Donut's encoder."""

from __future__ import annotations

from automodel_core.errors import ConfigurationError
from automodel_core.families.swin import SwinFamilyConfig


class DonutSwinConfig(SwinFamilyConfig):
    """The Swin encoder of Donut (https://arxiv.org/abs/2111.15664), one number a stage."""

    model_type = "donut-swin"

    def validate(self) -> None:
        super().validate()
        if self.use_absolute_embeddings:
            raise ConfigurationError(
                "DonutSwinConfig: use_absolute_embeddings=True cannot be used: no checkpoint has "
                "such embeddings, and the reference one more of them than there are patches"
            )

    @property
    def prompts_start_themselves(self) -> bool:
        """Donut's prompts are tokens that name its task, and nothing stands before them."""
        return True
