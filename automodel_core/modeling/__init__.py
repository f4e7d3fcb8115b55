"""Models: their base class, what they return, their losses, and wiring that architectures share."""
