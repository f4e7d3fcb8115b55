"""Benchmarks against the peers: ratios of interleaved rounds, because machines are noisy."""
