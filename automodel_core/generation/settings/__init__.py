"""The settings of ``generate``, and the rules about them. No torch."""
