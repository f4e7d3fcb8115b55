"""Speculative decoding: drafts by assistants and prompt lookup, verified by the model."""
