"""A check as a document for other programs, in the format that was asked for."""

from __future__ import annotations

from collections.abc import Sequence

from migmerge.report.checked import Checked


def document(form: str, checked: Sequence[Checked]) -> str:
    """The text of the document; each format pays for its own imports."""
    if form == "github":
        from migmerge.report.github import workflow_commands

        return workflow_commands(checked)
    if form == "sarif":
        from migmerge.report.sarif import sarif

        return sarif(checked)
    if form == "gitlab":
        from migmerge.report.gitlab import code_quality

        return code_quality(checked)

    from migmerge.report.as_json import findings_json

    return findings_json(checked)
