"""What bodies that see images share."""

from __future__ import annotations

import torch
from torch import Tensor

from automodel_core.errors import InputError

__all__ = ["hidden_patches"]


def hidden_patches(
    patches: Tensor, bool_masked_pos: Tensor | None, mask_token: Tensor | None
) -> Tensor:
    """Return embedded patches ``(batch, patches, size)``, the mask in place of those hidden."""
    if bool_masked_pos is None:
        return patches
    if mask_token is None:
        raise InputError("bool_masked_pos needs a model with use_mask_token=True")
    if bool_masked_pos.shape != patches.shape[:2]:
        raise InputError(
            f"bool_masked_pos has shape {tuple(bool_masked_pos.shape)}, expected "
            f"{tuple(patches.shape[:2])}: one for each patch of each image"
        )
    return torch.where(bool_masked_pos.bool().unsqueeze(-1), mask_token, patches)
