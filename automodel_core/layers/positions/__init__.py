"""Positions: added to embeddings or to scores, or turning queries and keys."""
