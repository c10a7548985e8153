"""What an app's earlier migrations settled that later ones don't repeat."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from migmerge.migrations.definitions import is_computed, model_key, names_in, read_field
from migmerge.migrations.operations import SIGNATURES, Call, Script, called


class Facts(NamedTuple):
    """Of all migrations of an app, whatever their order.

    `tables` and `columns` are names that were ever given explicitly, columns as
    `label.model.column`; `tables_of` those of a model (`label.model`); `unmanaged` the models
    that ever had `managed`; `relatives` the models that share rows or a primary key with a model:
    its bases, children and one-to-one keys; `handles` the names by which a relation reaches a
    model; `pointing` the models with a relation to a model; `copied` the fields
    (`label.model.field`) that some `to_field` names; `indexed` the fields of a model that an
    index or constraint names, `*` for one that is computed; `tables_between` the explicit tables of
    a many-to-many field (`label.model.field`); `bases` the models that a model inherits from.
    """

    tables: frozenset[str] = frozenset()
    columns: frozenset[str] = frozenset()
    tables_of: Mapping[str, frozenset[str]] = {}
    unmanaged: frozenset[str] = frozenset()
    relatives: Mapping[str, frozenset[str]] = {}
    handles: Mapping[str, frozenset[str]] = {}
    pointing: Mapping[str, frozenset[str]] = {}
    copied: frozenset[str] = frozenset()
    indexed: Mapping[str, frozenset[str]] = {}
    tables_between: Mapping[str, frozenset[str]] = {}
    bases: Mapping[str, frozenset[str]] = {}

    def line(self, model: str) -> frozenset[str]:
        """The model itself with all that it inherits from, and all that inherits from it: no two
        of these may have a field of one name (models.E006)."""
        return self.ancestors(model) | {
            other for other in self.bases if model in self.ancestors(other)
        }

    def ancestors(self, model: str) -> frozenset[str]:
        """The model itself with all that it inherits from."""
        return _reached(self.bases, model)

    def family(self, model: str) -> frozenset[str]:
        """The model itself with its relatives, to any distance."""
        return _reached(self.relatives, model)


def _reached(edges: Mapping[str, frozenset[str]], start: str) -> frozenset[str]:
    reached, waiting = {start}, [start]
    while waiting:
        fresh = edges.get(waiting.pop(), frozenset()) - reached
        reached |= fresh
        waiting += fresh
    return frozenset(reached)


_MARKS = (b"db_table", b"db_column", b"managed", b"primary_key", b"bases", b"RenameModel",
          b"RenameField", b"AlterModelTable", b"proxy", b"Foreign", b"OneToOne", b"ManyToMany",
          b"to=", b"ndex", b"onstraint")  # fmt: skip


def may_matter(source: bytes) -> bool:
    """Whether a migration can hold a fact; most can't, and need no parsing."""
    return any(mark in source for mark in _MARKS)


def gather(settled: Iterable[Script], fresh: Iterable[Script] = ()) -> Facts:
    """The facts of an app, from migrations in any order.

    Names that a `fresh` one gives are left out: whoever takes such a name meets its giver.
    """
    facts = _gather(settled)
    fresh_facts = _gather(fresh)
    return facts._replace(
        tables_of=_united(facts.tables_of, fresh_facts.tables_of),
        unmanaged=facts.unmanaged | fresh_facts.unmanaged,
        relatives=_united(facts.relatives, fresh_facts.relatives),
        handles=_united(facts.handles, fresh_facts.handles),
        pointing=_united(facts.pointing, fresh_facts.pointing),
        copied=facts.copied | fresh_facts.copied,
        indexed=_united(facts.indexed, fresh_facts.indexed),
        tables_between=_united(facts.tables_between, fresh_facts.tables_between),
        bases=_united(facts.bases, fresh_facts.bases),
    )


def _united(
    one: Mapping[str, frozenset[str]], other: Mapping[str, frozenset[str]]
) -> dict[str, frozenset[str]]:
    nothing: frozenset[str] = frozenset()
    return {k: one.get(k, nothing) | other.get(k, nothing) for k in one.keys() | other.keys()}


def _gather(scripts: Iterable[Script]) -> Facts:
    notes = _Notes()
    for script in scripts:
        for call in script.calls:
            notes.take(script, call)
    return notes.facts()


class _Notes:
    """Facts as they are collected."""

    def __init__(self) -> None:
        self.columns: set[str] = set()
        self.unmanaged: set[str] = set()
        self.tables: defaultdict[str, set[str]] = defaultdict(set)
        self.relatives: defaultdict[str, set[str]] = defaultdict(set)
        self.handles: defaultdict[str, set[str]] = defaultdict(set)
        self.pointing: defaultdict[str, set[str]] = defaultdict(set)
        self.copied: set[str] = set()
        self.indexed: defaultdict[str, set[str]] = defaultdict(set)
        self.tables_between: defaultdict[str, set[str]] = defaultdict(set)
        self.bases: defaultdict[str, set[str]] = defaultdict(set)
        self.renamed_models: list[tuple[str, str]] = []
        self.renamed_fields: list[tuple[str, str]] = []

    def take(self, script: Script, call: Call) -> None:
        def text(key: str) -> str:
            return (script.text(call.arguments.get(key)) or "").lower()

        first = SIGNATURES.get(call.name, ())[:1]
        model = f"{script.label}.{text(first[0]) if first else ''}"
        if call.name == "RenameModel":
            self.renamed_models.append((model, f"{script.label}.{text('new_name')}"))
        elif call.name == "RenameField":
            self.renamed_fields.append((text("old_name"), text("new_name")))
        elif call.name == "AlterModelTable":
            self.tables[model].add(text("table"))

        for name, node in defined_fields(script, call):
            self.field(script, model, name, node)

        for argument in call.arguments.values():
            self.explicit(script, model, argument)

        for key in ("index", "constraint"):
            if key in call.arguments:
                self.object(script, model, call.arguments[key])

        bases, sharing = _bases(script, call.arguments), _shared_keys(script, call.arguments, model)
        parents = sharing if bases is None else {model_key(script, base, model) for base in bases}
        self.bases[model] |= parents - {model}
        for relative in self.bases[model] | sharing:
            self.relatives[model].add(relative)
            self.relatives[relative].add(model)

    def field(self, script: Script, model: str, name: str, node: ast.expr) -> None:
        definition = read_field(script, node, model, name)
        if definition and definition.relation:
            self.handles[definition.relation.to].add(name)
            self.handles[model] |= definition.relation.reverse
            self.handles[definition.relation.through] |= {name, *definition.relation.reverse}
            self.copied |= {f"{definition.relation.to}.{f}" for f in definition.relation.to_fields}
            self.pointing[definition.relation.to].add(model)
            if definition.relation.many and definition.table:
                self.tables_between[f"{model}.{name}"].add(definition.table)

    def object(self, script: Script, model: str, node: ast.expr) -> None:
        """An index or constraint, or a list of them."""
        self.indexed[model] |= {"*"} if is_computed(script, node) else names_in(script, node)

    def explicit(self, script: Script, model: str, argument: ast.expr) -> None:
        for node in ast.walk(argument):
            for key, value in named_values(node):
                text = (script.text(value) or "").lower()
                if key == "db_column" and text:
                    self.columns.add(f"{model}.{text}")
                elif key == "db_table" and text:
                    self.tables[model].add(text)
                elif key == "managed":
                    self.unmanaged.add(model)
                elif key in ("indexes", "constraints"):
                    self.object(script, model, value)

    def facts(self) -> Facts:
        for old, new in self.renamed_models:  # one model under two names
            self.relatives[old].add(new)
            self.relatives[new].add(old)
            self.tables[new] |= self.tables[old]
            self.bases[new] |= self.bases[old]
            for names in self.bases.values():
                names |= {new} if old in names else set()

        for old, new in self.renamed_fields:
            for names in self.handles.values():
                names |= {new} if old in names else set()

        named = {model: names - {""} for model, names in self.tables.items()}
        return Facts(
            frozenset(name for names in named.values() for name in names),
            frozenset(self.columns),
            _frozen(named),
            frozenset(self.unmanaged),
            _frozen(self.relatives),
            _frozen(self.handles),
            _frozen(self.pointing),
            frozenset(self.copied),
            _frozen(self.indexed),
            _frozen(self.tables_between),
            _frozen(self.bases),
        )


def _frozen(sets: Mapping[str, set[str]]) -> dict[str, frozenset[str]]:
    return {key: frozenset(names) for key, names in sets.items()}


def defined_fields(script: Script, call: Call) -> list[tuple[str, ast.expr]]:
    """Names and definitions of the fields that an operation defines."""
    collected = []
    if call.name in ("AddField", "AlterField") and "field" in call.arguments:
        collected.append((script.text(call.arguments.get("name")), call.arguments["field"]))
    fields = call.arguments.get("fields")
    if isinstance(fields, (ast.List, ast.Tuple)):
        for pair in fields.elts:
            if isinstance(pair, (ast.Tuple, ast.List)) and len(pair.elts) == 2:
                collected.append((script.text(pair.elts[0]), pair.elts[1]))
    return [(name.lower(), node) for name, node in collected if name]


def _bases(script: Script, arguments: Mapping[str, ast.expr]) -> list[ast.expr] | None:
    """The names of models that a new model inherits from; None where they can't be read."""
    bases = arguments.get("bases")
    if bases is None:
        return []
    if not isinstance(bases, (ast.Tuple, ast.List)):
        return None
    return [base for base in bases.elts if script.text(base) is not None]


def _shared_keys(script: Script, arguments: Mapping[str, ast.expr], model: str) -> set[str]:
    """Models whose key is a model's own key."""
    collected = set()
    for argument in arguments.values():
        for node in ast.walk(argument):
            if isinstance(node, ast.Call) and any(k.arg == "primary_key" for k in node.keywords):
                keywords = {k.arg: k.value for k in node.keywords}
                target = keywords.get("to", node.args[0] if node.args else None)
                if called(node)[0].endswith(("OneToOneField", "ForeignKey")):
                    collected.add(model_key(script, target, model))

    return collected - {model}


def named_values(node: ast.AST) -> list[tuple[str, ast.expr]]:
    """`key=value` of a call and `"key": value` of a dictionary."""
    if isinstance(node, ast.keyword) and node.arg:
        return [(node.arg, node.value)]
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return [(str(k.value), v) for k, v in pairs if isinstance(k, ast.Constant)]
    return []
