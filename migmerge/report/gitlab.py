"""GitLab's code quality report: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format"""

from __future__ import annotations

import json
from collections.abc import Sequence

from migmerge.report.annotations import Mark, fingerprint, marks
from migmerge.report.checked import Checked
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
