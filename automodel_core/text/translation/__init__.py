"""Tokenizers of translation models: source and target sides, language codes."""
