"""The base branch's migrations that this branch has seen, against those of this tree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from migmerge.analysis.published import published_files
from migmerge.analysis.snapshot import Snapshot, members_of
from migmerge.analysis.workspace import Workspace
from migmerge.git.base import Base
from migmerge.git.trees import File
from migmerge.migrations.model import NodeKey


class Published(NamedTuple):
    """Migrations of the base branch that this branch has seen, by their paths in this tree: as the
    base branch has them now, and as it had them then; `tip` is all that the base branch has."""

    base: Base
    now: Mapping[str, File]
    then: tuple[Mapping[str, File], ...]
    tip: Mapping[str, File]

    def versions(self, path: str) -> list[str]:
        """Object ids of what the base branch has at a path, and of what it had."""
        return [files[path].oid for files in (self.now, *self.then) if path in files]

    def has(self, path: str, file: File | None) -> bool:
        """Whether a file of this tree is one of these."""
        return file is not None and not file.changed and file.oid in self.versions(path)

    def is_changed(self, snapshot: Snapshot) -> bool:
        """Whether anything in this tree may be other than published; cheap, since nearly always it
        is not."""
        files, unmerged = snapshot.listing.files, snapshot.listing.unmerged
        as_published = (path in unmerged or self.has(path, files.get(path)) for path in self.now)
        return not all(as_published) or bool(self.early(snapshot))

    def early(self, snapshot: Snapshot) -> dict[NodeKey, set[NodeKey]]:
        """Published migrations with what they depend on that is not published, nor a squash."""
        graph, files = snapshot.graph, snapshot.listing.files
        nodes = graph.nodes
        early = {}
        for key, parents in graph.parents.items():
            path = nodes[key].path
            if path not in self.tip or path in snapshot.theirs:
                continue
            new = {
                parent
                for parent in parents
                if nodes[parent].path not in self.tip and not nodes[parent].header.replaces
            }
            if new and self.has(path, files.get(path)):
                # the base branch may well lack what its file names; only a run_before is news
                references = nodes[key].header.dependencies
                new -= {snapshot.resolve(nodes[key], reference) for reference in references}
            if new:
                early[key] = new

        return early


def find_published(workspace: Workspace, snapshot: Snapshot) -> Published | None:
    """None where there is no base branch, nothing in common with it, or nobody wants to know."""
    if workspace.config.published_changes == "off":
        return None
    if not workspace.repository.git_dir or workspace.base_or_none is None:
        return None

    base, stopped = workspace.base_or_none, workspace.stopped
    heads = snapshot.listing.commits or (workspace.head, stopped.theirs if stopped else None)
    forks = {workspace.merge_base(head, base.commit) for head in heads if head}
    then = [
        published_files(snapshot, workspace.list_commit(fork))
        for fork in sorted(filter(None, forks))
    ]
    seen = set[str]().union(*then)
    tip = published_files(snapshot, workspace.list_commit(base.commit)) if seen else {}
    directories = {app.directory for app in snapshot.apps.values()}
    known = members_of([path for path in tip if path in seen], directories, workspace.config)
    now = {path: tip[path] for path in known}
    return Published(base, now, tuple(then), tip) if known else None
