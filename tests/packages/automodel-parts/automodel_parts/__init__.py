"""An extension of every kind."""
