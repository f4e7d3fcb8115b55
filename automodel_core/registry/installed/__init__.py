"""The installed plugins: found in metadata, filtered by the environment, imported when needed."""
