"""SARIF 2.1.0, which code scanning reads: https://docs.oasis-open.org/sarif/sarif/v2.1.0/"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from urllib.parse import quote

from migmerge import __version__
from migmerge.conflicts.conflict import Place
from migmerge.report.annotations import Mark, fingerprint, marks
from migmerge.report.checked import Checked
from migmerge.report.messages import BY_KIND, MESSAGES, id_of

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_HOME = "https://github.com/migmerge/migmerge"


def sarif(checked: Sequence[Checked]) -> str:
    """One run, with a result for each finding; empty results where there are none."""
    driver = {
        "name": "migmerge",
        "version": __version__,
        "informationUri": _HOME,
        "rules": [
            {
                "id": message.id,
                "name": message.kind,
                "shortDescription": {"text": message.title},
                "fullDescription": {"text": message.means},
                "help": {"text": message.todo},
                "helpUri": f"{_HOME}/blob/main/docs/messages.md#{message.id.lower()}",
            }
            for message in MESSAGES
        ],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(mark) for mark in marks(checked)],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1)


def _result(mark: Mark) -> dict[str, object]:
    return {
        "ruleId": id_of(mark.kind),
        "ruleIndex": list(BY_KIND).index(mark.kind),
        "level": mark.level,
        "message": {"text": mark.text},
        "locations": [{"physicalLocation": _location(mark.place)}],
        "relatedLocations": [{"physicalLocation": _location(place)} for place in mark.others],
        "partialFingerprints": {"migmerge/v1": fingerprint(mark)},
    }


def _location(place: Place) -> dict[str, object]:
    uri = quote(os.fsencode(place.path))
    artifact = {"uri": uri, "uriBaseId": "%SRCROOT%"}
    return {"artifactLocation": artifact, "region": {"startLine": place.line}}
