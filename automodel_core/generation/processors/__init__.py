"""Logits processors, which change scores before a token is chosen, and stopping criteria."""
