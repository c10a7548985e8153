"""The JSON of `check`; keys are only ever added."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from migmerge.conflicts.conflict import Branch, Conflict
from migmerge.migrations.model import Migration, NodeKey
from migmerge.report.checked import Checked
from migmerge.report.documents import VERSION, BranchDocument, CheckDocument, FindingDocument
from migmerge.report.messages import id_of


def findings_json(checked: Sequence[Checked]) -> str:
    """The document as DESIGN section 4 shows it; of several merges, what was found in any."""
    first = checked[0]
    base = first.findings.base
    document: CheckDocument = {
        "version": VERSION,
        "source": first.snapshot.source,
        "against": [one.against for one in checked if one.against],
        "base": base.name if base else None,
        "migrations": max(one.size[0] for one in checked),
        "apps": max(one.size[1] for one in checked),
        "conflicts": [
            conflict_document(conflict, one.snapshot.graph.nodes, one.against)
            for one in checked
            for conflict in one.findings.conflicts
        ],
        "notices": [
            {"id": id_of(n.kind), "path": n.place.path, "line": n.place.line, "text": n.text}
            for one in checked
            for n in one.findings.notices
        ],
        "errors": [],
    }
    return json.dumps(document, indent=1)


def conflict_document(
    conflict: Conflict, nodes: Mapping[NodeKey, Migration], against: str = ""
) -> FindingDocument:
    """One finding."""
    ancestor = conflict.common_ancestor
    return {
        "id": id_of(conflict.kind),
        "app": conflict.app.label,
        "directory": conflict.app.directory,
        "kind": conflict.kind,
        "common_ancestor": ancestor.name if ancestor else None,
        "path": conflict.place.path if conflict.place else None,
        "line": conflict.place.line or None if conflict.place else None,
        "branches": [_branch(branch, nodes) for branch in conflict.branches],
        "verdict": conflict.assessment.verdict,
        "reasons": list(conflict.reasons),
        "recommendation": conflict.advice.recommendation,
        "commands": list(conflict.advice.commands),
        "against": against,
    }


def _branch(branch: Branch, nodes: Mapping[NodeKey, Migration]) -> BranchDocument:
    return {
        "side": branch.side,
        "published": branch.published,
        "published_on": branch.published_on,
        "applied": None,
        "refs": list(branch.refs),
        "migrations": [key.name for key in branch.nodes],
        "paths": [nodes[key].path for key in branch.nodes],
    }
