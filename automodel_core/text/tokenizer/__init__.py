"""The base of all tokenizers, a subject a file."""
