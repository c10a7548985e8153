"""GitLab's code quality report: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from migmerge.report.checked import Checked
from migmerge.report.marks import Mark, marks
from migmerge.report.messages import id_of


def code_quality(checked: Sequence[Checked]) -> str:
    """A list of issues, empty where nothing is found."""
    return json.dumps([_issue(mark) for mark in marks(checked)], indent=1)


def _issue(mark: Mark) -> dict[str, object]:
    return {
        "description": mark.text,
        "check_name": f"migmerge-{id_of(mark.kind)}-{mark.kind}",
        "fingerprint": fingerprint(mark),
        "severity": "info" if mark.level == "note" else "critical",
        "location": {"path": mark.place.path, "lines": {"begin": mark.place.line}},
    }


def fingerprint(mark: Mark) -> str:
    """The same for the same finding in another run."""
    parts = mark.identity or (mark.kind, mark.place.path, mark.text)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()
