"""Decoding with drafts that the model checks: assistants, prompt look-up."""
