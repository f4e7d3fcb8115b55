"""From named tensors to the weights of a model."""
