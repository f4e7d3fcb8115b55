"""Chat templates, and the schemas of tools in them."""
