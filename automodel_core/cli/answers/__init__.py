"""The commands that answer inputs with a model: ``generate`` and ``run``."""
