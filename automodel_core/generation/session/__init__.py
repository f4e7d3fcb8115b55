"""The loop around a model: inputs, cache, one step, compiled steps, streams, outputs."""
