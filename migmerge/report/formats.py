"""A check as a document for programs, in the format that was asked for."""

from __future__ import annotations

from collections.abc import Sequence

from migmerge.report.checked import Checked


def document(form: str, checked: Sequence[Checked]) -> str:
    """The text of the document; each format pays for its own imports."""
    from migmerge.report.as_json import findings_json

    return findings_json(checked)
