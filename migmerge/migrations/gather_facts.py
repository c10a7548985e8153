"""The facts of an app, gathered from the text of its migrations."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from migmerge.migrations.definitions import (
    is_computed,
    model_key,
    names_in,
    plain_table,
    read_field,
)
from migmerge.migrations.facts import Facts
from migmerge.migrations.operations import SIGNATURES, Call, Script, called, read_script

_MARKS = (b"db_table", b"db_column", b"managed", b"primary_key", b"bases", b"RenameModel",
          b"RenameField", b"AlterModelTable", b"proxy", b"Foreign", b"OneToOne", b"ManyToMany",
          b"to=", b"ndex", b"onstraint")  # fmt: skip


def gather_all(sources: Iterable[tuple[bytes, str]], fresh: Collection[Script]) -> Facts:
    """The facts of the apps of these migrations, from the bytes and the app labels of all others.

    Most can't hold a fact, and are not parsed.
    """
    labels = {script.label for script in fresh}
    fields = {name for script in fresh for name in _defined_before(script)}
    quoted = [quote + name.encode() + quote for name in fields for quote in (b"'", b'"')]
    pointing = [quote + label.encode() + b"." for label in labels for quote in (b"'", b'"')]
    pointing.append(b"AUTH_USER_MODEL")

    def may_matter(source: bytes, label: str) -> bool:
        marks = (*_MARKS, *quoted) if label in labels else pointing
        return any(mark in source for mark in marks)

    return gather((read_script(s, label) for s, label in sources if may_matter(s, label)), fresh)


def runs_code(scripts: Iterable[Script]) -> bool:
    """Whether relations of other apps matter: code may follow them, and so do rows that go."""
    return any(call.name in ("RunPython", "RunSQL") for s in scripts for call in s.calls)


def _defined_before(script: Script) -> set[str]:
    """Fields whose earlier definitions matter: those that are altered or indexed."""
    names: set[str] = set()
    for call in script.calls:
        if call.name == "AlterField":
            names.add(script.text(call.arguments.get("name")) or "")
        if "index" in call.arguments:
            names |= names_in(script, call.arguments["index"])
    return names - {""}


def gather(settled: Iterable[Script], fresh: Iterable[Script] = ()) -> Facts:
    """The facts of an app, from migrations in any order.

    Names that a `fresh` one gives are left out: whoever takes such a name meets its giver.
    """
    notes = _Notes()
    notes.take_all(settled)
    before = notes.facts()
    fresh = list(fresh)
    notes.take_all(fresh)
    return notes.facts()._replace(
        tables=before.tables,
        columns=before.columns,
        settled_fields=frozenset(before.definitions),
        labels=frozenset(script.label for script in fresh),
    )


# first arguments of operations that name a model
_MODEL_NAMES = ("name", "model_name", "old_name")


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
        self.through: set[str] = set()
        self.models: set[str] = set()
        self.default_names: defaultdict[str, set[str]] = defaultdict(set)
        self.keys: set[str] = {"id", "pk"}
        self.definitions: defaultdict[str, list[Mapping[str, str]]] = defaultdict(list)
        self.renamed_models: list[tuple[str, str]] = []
        self.renamed_fields: list[tuple[str, str]] = []

    def take_all(self, scripts: Iterable[Script]) -> None:
        for script in scripts:
            for call in script.calls:
                self.take(script, call)

    def take(self, script: Script, call: Call) -> None:
        def text(key: str) -> str:
            return (script.text(call.arguments.get(key)) or "").lower()

        first = SIGNATURES.get(call.name, ())[:1]
        model = f"{script.label}.{text(first[0]) if first else ''}"
        self.models |= {model} if first and first[0] in _MODEL_NAMES else set()
        if call.name == "RenameModel":
            new = f"{script.label}.{text('new_name')}"
            self.models.add(new)
            self.renamed_models.append((model, new))
        elif call.name == "RenameField":
            self.renamed_fields.append((text("old_name"), text("new_name")))
        elif call.name == "AlterModelTable":
            self.tables[model].add(plain_table(text("table")))

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
        readable = definition is not None and not definition.own_class
        keywords = definition.keywords if definition and readable else {"type": ""}
        self.definitions[f"{model}.{name}"].append(keywords)
        if definition and definition.primary_key:
            self.keys.add(name)
        if definition and definition.relation:
            self.handles[definition.relation.to].add(name)
            self.handles[model] |= definition.relation.reverse
            if definition.relation.through:
                self.handles[definition.relation.through] |= {name, *definition.relation.reverse}
                self.through.add(definition.relation.through)
            self.copied |= {f"{definition.relation.to}.{f}" for f in definition.relation.to_fields}
            self.pointing[definition.relation.to].add(model)
            if definition.relation.many and definition.table:
                self.tables_between[f"{model}.{name}"].add(definition.table)

    def object(self, script: Script, model: str, node: ast.expr) -> None:
        """An index or constraint, or a list of them."""
        names = {"*"} if is_computed(script, node) else names_in(script, node)
        self.indexed[model] |= {part for name in names for part in (name, name.removesuffix("_id"))}

    def explicit(self, script: Script, model: str, argument: ast.expr) -> None:
        for node in ast.walk(argument):
            for key, value in named_values(node):
                text = (script.text(value) or "").lower()
                if key == "db_column" and text:
                    self.columns.add(f"{model}.{text}")
                elif key == "db_table" and text:
                    self.tables[model].add(plain_table(text))
                elif key == "default_related_name" and text:
                    label, _, name = model.partition(".")
                    text = text.replace("%(model_name)s", name).replace("%(app_label)s", label)
                    self.default_names[model].add(text)
                elif key == "order_with_respect_to":
                    name = model.partition(".")[2]
                    self.handles[model] |= {f"get_{name}_order", f"set_{name}_order"}
                elif key == "managed":
                    self.unmanaged.add(model)
                elif key in ("indexes", "constraints"):
                    self.object(script, model, value)

    def facts(self) -> Facts:
        for model, names in self.default_names.items():
            self.handles[model] |= names
        for old, new in self.renamed_models:
            self.rename_model(old, new)

        later: defaultdict[str, set[str]] = defaultdict(set)
        for old, new in self.renamed_fields:
            later[old].add(new)
        for names in (*self.handles.values(), self.keys):
            waiting = [name for name in names if name in later]
            while waiting:  # a name may be renamed again
                fresh = later.get(waiting.pop(), set()) - names
                names |= fresh
                waiting += fresh
        self.relate_by_table()

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
            frozenset(self.through - {""}),
            frozenset(self.models),
            definitions={place: tuple(several) for place, several in self.definitions.items()},
            renamed=frozenset(n for p in (*self.renamed_models, *self.renamed_fields) for n in p),
            keys=frozenset(self.keys),
            default_names=_frozen(self.default_names),
        )

    def rename_model(self, old: str, new: str) -> None:
        """One model under two names."""
        self.relatives[old].add(new)
        self.relatives[new].add(old)
        name, former = new.partition(".")[2], old.partition(".")[2]
        order = {n.replace(former, name) for n in self.handles[old] if n.endswith("_order")}
        self.handles[new] |= {*self.handles[old], *order, name, f"{name}_set"}
        self.tables[new] |= self.tables[old]
        self.bases[new] |= self.bases[old]
        for names in self.bases.values():
            names |= {new} if old in names else set()

    def relate_by_table(self) -> None:
        """Models on one table share its rows."""
        models: defaultdict[str, set[str]] = defaultdict(set)
        for model in self.models:
            for table in {model.replace(".", "_"), *self.tables[model]}:
                models[table].add(model)
        for together in models.values():
            for model in together if len(together) > 1 else ():
                self.relatives[model] |= together - {model}


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
