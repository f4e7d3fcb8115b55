"""The hub: files from repositories, and to them."""
