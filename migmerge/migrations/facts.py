"""What an app's earlier migrations settled that later ones don't repeat."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from migmerge.migrations.definitions import STATE_ONLY, differing_keywords

# what neither a table has nor the code of a migration names
_UNSEEN = STATE_ONLY - {"related_query_name"}
# types of fields whose values fit into an index
_SHORT = frozenset((
    "AutoField", "BigAutoField", "BigIntegerField", "BooleanField", "DateField", "DateTimeField",
    "DecimalField", "DurationField", "FloatField", "ForeignKey",
    "GenericIPAddressField", "IntegerField", "OneToOneField", "PositiveBigIntegerField",
    "PositiveIntegerField", "PositiveSmallIntegerField", "SmallAutoField", "SmallIntegerField",
    "TimeField", "UUIDField",
))  # fmt: skip
# the same with a length, and the one that they have without one; PostgreSQL's limit is in bytes
_SHORT_WITH_LENGTH = {"CharField": "", "EmailField": "254", "SlugField": "50", "URLField": "200"}
_LONGEST_INDEXED = 600


def _is_short(definition: Mapping[str, str]) -> bool:
    kind = definition["type"]
    length = definition.get("max_length", _SHORT_WITH_LENGTH.get(kind, ""))
    fits = length.isdigit() and int(length) <= _LONGEST_INDEXED
    return kind in _SHORT or (kind in _SHORT_WITH_LENGTH and fits)


class Facts(NamedTuple):
    """Of all migrations of an app, whatever their order.

    `tables` and `columns` are names that were ever given explicitly, columns as
    `label.model.column`; `tables_of` those of a model (`label.model`); `unmanaged` the models
    that ever had `managed`; `relatives` the models that share rows or a primary key with a model:
    its bases, children and one-to-one keys; `handles` the names by which a relation reaches a
    model; `pointing` the models with a relation to a model; `copied` the fields
    (`label.model.field`) that some `to_field` names; `indexed` the fields of a model that an
    index or constraint names, `*` for one that is computed; `tables_between` the explicit tables of
    a many-to-many field (`label.model.field`); `bases` the models that a model inherits from;
    `through` the models between two others; `models` all that any operation names; `labels` the
    apps whose migrations are all known; `definitions` the keywords of every definition of a field
    (`label.model.field`); `renamed` the names of models and fields that were ever renamed; `keys`
    those of primary keys; `default_names` those that `default_related_name` gives to a model;
    `settled_fields` those that are defined before both sides.
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
    through: frozenset[str] = frozenset()
    models: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()
    definitions: Mapping[str, tuple[Mapping[str, str], ...]] = {}
    renamed: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    default_names: Mapping[str, frozenset[str]] = {}
    settled_fields: frozenset[str] = frozenset()

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

    def families(self, models: Iterable[str]) -> frozenset[str]:
        return frozenset().union(*(self.family(model) for model in models))

    def tables_named(self, model: str) -> set[str]:
        """The tables that a model may have."""
        return {model.replace(".", "_"), *self.tables_of.get(model, ())}

    def is_state_only(self, place: str, keywords: Mapping[str, str]) -> bool:
        """Whether a field (`label.model.field`) never had another definition but in what no table
        has, so that this one alters its state alone."""
        model, _, field = place.rpartition(".")
        earlier = self.definitions.get(place, ())
        if place not in self.settled_fields or not self.renamed.isdisjoint((model, field)):
            return False
        return all(differing_keywords(keywords, one) <= _UNSEEN for one in earlier)

    def may_be_long(self, place: str) -> bool:
        """Whether a field (`label.model.field`) may have values that no index takes."""
        return not all(map(_is_short, self.definitions.get(place, ({"type": ""},))))

    def is_foreign(self, model: str) -> bool:
        """Whether not all relations of a model are known, as it belongs to another app."""
        return model.partition(".")[0] not in self.labels

    def reached(self, models: Iterable[str], words: Collection[str]) -> frozenset[str]:
        """Models whose rows code may touch that starts at some and uses these names."""
        handled = {m for m, names in self.handles.items() if not names.isdisjoint(words)}
        for model in models:
            for owner, _ in owners_and_fields(model):  # both its ends
                handled |= {owner, *(t for t, ms in self.pointing.items() if owner in ms)}
        return self.families((*models, *handled))

    def cascade(self, models: Iterable[str]) -> frozenset[str]:
        """Models whose rows may go, or change, where rows of these are deleted."""
        reached: set[str] = set()
        waiting = set(models)
        while waiting:
            model = waiting.pop()
            reached.add(model)
            after = self.family(model) | self.pointing.get(model, frozenset())
            if self._may_be_user(model):
                settings = [target for target in self.pointing if target.startswith("settings.")]
                after = after.union(*(self.pointing[target] for target in settings))
            if self.is_foreign(model):  # what points at it, and at what points at it, isn't known
                targets = [target for target in self.pointing if self.is_foreign(target)]
                after = after.union(*(self.pointing[target] for target in targets))
            waiting |= after - reached

        return frozenset(reached)

    def _may_be_user(self, model: str) -> bool:
        """Whether it may be what AUTH_USER_MODEL names: AbstractBaseUser has a password."""
        return "user" in model.partition(".")[2] or f"{model}.password" in self.definitions

    def models_of(self, tables: Collection[str]) -> set[str]:
        return {model for model in self.models if not self.tables_named(model).isdisjoint(tables)}

    def tables_beside(self, table: str) -> set[str]:
        """Those of models with a many-to-many field whose table this may be."""
        tables = {name for model in self.models for name in self.tables_named(model)}
        return {name for name in tables if table.startswith(f"{name}_")}


def owners_and_fields(model: str) -> list[tuple[str, str]]:
    """The models and fields whose many-to-many table a model may be: `shop.product_tags` that of
    `tags` of `shop.product` (Django's ManyToManyField.through)."""
    label, _, name = model.partition(".")
    places = [at for at, character in enumerate(name) if character == "_"]
    return [(f"{label}.{name[:at]}", name[at + 1 :]) for at in places]


def _reached(edges: Mapping[str, frozenset[str]], start: str) -> frozenset[str]:
    reached, waiting = {start}, [start]
    while waiting:
        fresh = edges.get(waiting.pop(), frozenset()) - reached
        reached |= fresh
        waiting += fresh
    return frozenset(reached)
