"""What hides inside the definition of a field, an index or a constraint."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from migmerge.migrations.operations import Script, called
from migmerge.migrations.scopes import module_imports

_MANY = "ManyToManyField"
_RELATIONS = ("ForeignKey", "OneToOneField", _MANY, "ForeignObject")
# keywords of an index or constraint whose strings name no field
_WORDLESS = (
    "name", "opclasses", "db_tablespace", "violation_error_message", "violation_error_code",
    "index_type", "deferrable", "function", "template", "config", "weight",
)  # fmt: skip
# Django's own keywords of a field that change no table (Field.non_db_attrs)
STATE_ONLY = frozenset({
    "blank", "choices", "editable", "error_messages", "help_text", "limit_choices_to",
    "related_query_name", "validators", "verbose_name",
})  # fmt: skip
# keywords that say nothing where they are False or None, of whatever field
_FALSE_BY_DEFAULT = frozenset({
    *STATE_ONLY, "db_collation", "db_column", "db_comment", "max_length", "null", "primary_key",
    "related_name", "unique",
}) - {"editable"}  # fmt: skip
_WORD = re.compile(r"[^\W\d]\w*")


class Relation(NamedTuple):
    """A foreign key or many-to-many field.

    `to` is `label.model`, or `settings.NAME`; `*` where it is computed. `to_fields` are fields
    of the other model that it copies, empty for its primary key. `reverse` are the names that
    the other model gets by it (fields.E302 to E305 of Django's checks).
    """

    to: str
    many: bool
    through: str
    to_fields: frozenset[str]
    reverse: frozenset[str]


class Definition(NamedTuple):
    """A field as it is defined; `reads` are other fields of its own model.

    `column` and `table` are only the explicit ones, lower-cased like all names; `own_class` where
    the class may be other than Django's of that name.
    """

    kind: str
    relation: Relation | None
    primary_key: bool
    column: str
    table: str
    reads: frozenset[str]
    collation: str
    keywords: Mapping[str, str]
    own_class: bool


def read_field(script: Script, node: ast.expr, model: str, name: str) -> Definition | None:
    """Field `name` of `label.model`; None where `node` isn't a plain call."""
    if not isinstance(node, ast.Call) or any(k.arg is None for k in node.keywords):
        return None

    kind, _ = called(node)
    keywords = {k.arg: k.value for k in node.keywords if k.arg}
    reads = names_in(script, node, ("expression", "from_fields", "db_default"), only=True)
    return Definition(
        kind,
        _relation(script, node, kind, keywords, model),
        "primary_key" in keywords,
        (script.text(keywords.get("db_column")) or "").lower(),
        plain_table(script.text(keywords.get("db_table")) or ""),
        frozenset(reads),
        (script.text(keywords.get("db_collation")) or "").lower(),
        {
            "type": kind,
            **_positional(script, node, kind),
            **{k: _value(script, v) for k, v in keywords.items()},
        },
        not _is_of_django(script, node),
    )


def _is_of_django(script: Script, node: ast.Call) -> bool:
    name, owner = called(node)
    first = owner or name
    origins = {path for bound, path in module_imports(script.module) if bound == first}
    own = first in script.own_names or first in script.constants.values
    return not own and {path.partition(".")[0] for path in origins} == {"django"}


def differing_keywords(one: Mapping[str, str], other: Mapping[str, str]) -> set[str]:
    """What two definitions of a field (keyword -> source) have unlike."""
    return {key for key in one.keys() | other.keys() if given(one, key) != given(other, key)}


def given(definition: Mapping[str, str], key: str) -> str:
    """The source of a keyword's value; empty where it says what is so without it."""
    value = definition.get(key, "")
    return "" if key in _FALSE_BY_DEFAULT and value in ("False", "None") else value


def plain_table(text: str) -> str:
    """A table as the database has it: `db_table` may be quoted, and have a schema."""
    return text.rpartition(".")[2].strip('"`[]').lower()


def _positional(script: Script, node: ast.Call, kind: str) -> dict[str, str]:
    texts = [_value(script, argument) for argument in node.args]
    if kind.endswith(_RELATIONS):
        return dict(zip(("to", "on_delete"), texts, strict=False))
    return {"arguments": ", ".join(texts)} if texts else {}


def _value(script: Script, node: ast.expr) -> str:
    """The source of a value, with what the names in it mean, as far as the file says so."""
    text = ast.unparse(node)
    constants, own_names = script.constants.values, script.own_names
    for name in sorted({n.id for n in ast.walk(node) if isinstance(n, ast.Name)}):
        if name in constants:
            meaning = " + ".join(map(ast.unparse, constants[name]))
            text = meaning if text == name else f"{text} with {name} = {meaning}"
        elif name in own_names:
            text += f" of {script.name}"
    return text


def _relation(
    script: Script, node: ast.Call, kind: str, keywords: Mapping[str, ast.expr], model: str
) -> Relation | None:
    if not kind.endswith(_RELATIONS) and "to" not in keywords:
        return None

    target = keywords.get("to", node.args[0] if node.args else None)
    to = model_key(script, target, model)
    many = kind.endswith(_MANY)
    to_fields = names_in(script, node, ("to_field", "to_fields"), only=True)
    through = model_key(script, keywords["through"], model) if "through" in keywords else ""
    hidden = many and to == model and "symmetrical" not in keywords
    reverse = set() if hidden else _reverse(script, keywords, model, kind)
    return Relation(to, many, through, frozenset(to_fields), frozenset(reverse))


def _reverse(script: Script, keywords: Mapping[str, ast.expr], model: str, kind: str) -> set[str]:
    label, _, model_name = model.partition(".")
    given = script.text(keywords.get("related_name"))
    query = script.text(keywords.get("related_query_name"))
    if given and given.endswith("+"):
        return set()
    accessor = given or (model_name if kind.endswith("OneToOneField") else f"{model_name}_set")
    names = {accessor, query or given or model_name}
    return {
        n.replace("%(class)s", model_name).replace("%(app_label)s", label).lower() for n in names
    }


def model_key(script: Script, node: ast.expr | None, model: str) -> str:
    """`label.model` of what a relation names, `settings.NAME`, or `*` where it is computed."""
    text = script.text(node)
    if text is not None:
        if text == "self":
            return model
        return text.lower() if "." in text else f"{script.label}.{text.lower()}"
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        if node.value.id == "settings":
            return f"settings.{node.attr.lower()}"
    return "*"


def names_in(
    script: Script, node: ast.expr, keywords: tuple[str, ...] = _WORDLESS, *, only: bool = False
) -> set[str]:
    """Fields that an expression may name: words of its strings, and keywords, `-a__gt` as `a`.

    Without those under `keywords`, or with those `only`.
    """
    names = set()
    for part in _parts(node, keywords, only=only):
        for inner in ast.walk(part):
            text = script.text(inner) if isinstance(inner, (ast.Constant, ast.Name)) else None
            if isinstance(inner, ast.keyword) and inner.arg:
                text = inner.arg
            for word in _WORD.findall(text or ""):  # of SQL, too
                names.add(word.partition("__")[0].lower())

    return names


def _parts(node: ast.expr, keywords: tuple[str, ...], *, only: bool) -> Iterator[ast.AST]:
    if not isinstance(node, ast.Call):
        yield node
        return
    if not only:
        yield from node.args
    for keyword in node.keywords:
        if (keyword.arg in keywords) == only:
            yield keyword.value


def is_computed(script: Script, node: ast.expr) -> bool:
    """Whether a variable that can't be read stands anywhere in an expression."""
    functions = {id(inner.func) for inner in ast.walk(node) if isinstance(inner, ast.Call)}
    owners = {id(i.value) for i in ast.walk(node) if isinstance(i, ast.Attribute)}
    for inner in ast.walk(node):
        if isinstance(inner, (ast.Starred, ast.ListComp, ast.GeneratorExp, ast.Lambda)):
            return True
        if isinstance(inner, ast.keyword) and inner.arg is None:
            if not isinstance(inner.value, ast.Dict):
                return True

        if isinstance(inner, ast.Name) and id(inner) not in functions | owners:
            if script.text(inner) is None:
                return True

    return False


def object_name(script: Script, node: ast.expr) -> str:
    """The name of an index or constraint that is made; empty where it has none that is literal."""
    if not isinstance(node, ast.Call):
        return ""
    for keyword in node.keywords:
        if keyword.arg == "name":
            return (script.text(keyword.value) or "").lower()
    return ""
