"""An extension that adds an attention kernel."""
