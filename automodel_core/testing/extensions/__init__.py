"""Checks of what extensions add: strategies, formats, kernels, quantizers, sources and tasks."""
