"""Models: their base class, what they return, their losses and the wiring that architectures share."""
