"""Subword algorithms: byte-level BPE, WordPiece, SentencePiece, and ids of another vocabulary."""
