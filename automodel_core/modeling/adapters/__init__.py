"""Adapters of the PEFT package on a model: their names, weights and files, here and on the hub."""
