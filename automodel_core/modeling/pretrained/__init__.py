"""The base of all models: build, load, save, resize, quantise."""
