"""The session of a model and a batch: inputs, cache, steps, compiled steps, streams, outputs."""
