"""The JSON of `check`; keys are only ever added."""

from __future__ import annotations

import json
from collections.abc import Mapping

from migmerge.conflicts.model import Branch, Conflict
from migmerge.git.findings import Findings
from migmerge.git.snapshot import Snapshot
from migmerge.migrations.model import Migration, NodeKey


def findings_json(snapshot: Snapshot, findings: Findings) -> str:
    """One line of JSON a document, as DESIGN section 4 shows it."""
    return json.dumps(findings_document(snapshot, findings), indent=1)


def findings_document(snapshot: Snapshot, findings: Findings) -> dict[str, object]:
    """The document as plain values."""
    return {
        "version": 1,
        "source": snapshot.source,
        "base": findings.base.name if findings.base else None,
        "migrations": len(snapshot.graph.nodes),
        "apps": len(snapshot.apps),
        "conflicts": [conflict_document(c, snapshot.graph.nodes) for c in findings.conflicts],
        "notices": [
            {"path": n.place.path, "line": n.place.line, "text": n.text} for n in findings.notices
        ],
        "errors": [],
    }


def conflict_document(conflict: Conflict, nodes: Mapping[NodeKey, Migration]) -> dict[str, object]:
    """One finding."""
    ancestor = conflict.common_ancestor
    return {
        "app": conflict.app.label,
        "directory": conflict.app.directory,
        "kind": conflict.kind,
        "common_ancestor": ancestor.name if ancestor else None,
        "path": conflict.place.path if conflict.place else None,
        "line": conflict.place.line or None if conflict.place else None,
        "branches": [_branch(branch, nodes) for branch in conflict.branches],
        "verdict": conflict.verdict,
        "reasons": list(conflict.reasons),
        "recommendation": conflict.recommendation,
        "commands": list(conflict.commands),
    }


def _branch(branch: Branch, nodes: Mapping[NodeKey, Migration]) -> dict[str, object]:
    return {
        "side": branch.side,
        "published": branch.published,
        "applied": None,
        "migrations": [key.name for key in branch.nodes],
        "paths": [nodes[key].path for key in branch.nodes],
    }
