"""The merge driver, hooks and their configuration, and whether they work."""
