"""What `migmerge` exits with."""

from __future__ import annotations

OK = 0  # nothing found, or everything fixed and verified
FOUND = 1  # conflicts found, refused, or not verified
CANNOT_LOOK = 2  # usage, not a repository, an unreadable migration, a bad ref
BUG = 3
INTERRUPTED = 130
