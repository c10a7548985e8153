"""Resolve Django migration conflicts after a git merge, and prove the result."""

__version__ = "0.1.0"
