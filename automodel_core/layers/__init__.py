"""Bricks that architectures are wired from; they know nothing of configurations or checkpoints."""
