"""Look-up: from names to architectures and to the other parts that plugins provide."""
