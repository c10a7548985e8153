"""`python -m migmerge`."""

from __future__ import annotations

import sys

from migmerge.cli import main

if __name__ == "__main__":
    sys.exit(main())
