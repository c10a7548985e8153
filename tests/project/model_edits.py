"""Migrations that Django's own autodetector makes of random edits of the shop's models.

    python model_edits.py COUNT SEED > texts.json

Its own process, because Django's settings are one for all.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import django
from django.conf import settings

settings.configure(INSTALLED_APPS=[], DEFAULT_AUTO_FIELD="django.db.models.BigAutoField")
django.setup()

from django.db import models  # noqa: E402
from django.db.migrations import Migration  # noqa: E402
from django.db.migrations.autodetector import MigrationAutodetector  # noqa: E402
from django.db.migrations.questioner import MigrationQuestioner  # noqa: E402
from django.db.migrations.state import ModelState, ProjectState  # noqa: E402
from django.db.migrations.writer import MigrationWriter  # noqa: E402

from tests.project.further_operations import BASE  # noqa: E402
from tests.project.operations_pool import KEY  # noqa: E402

LABEL = "shop"
# few names, so that two sides meet
NAMES = ("size", "weight", "title", "owner", "extra", "kid")
MODELS = ("Supplier", "Invoice", "Stamp")
Q = models.Q


class Edit(Exception):
    """This edit can't be made here."""


class Yes(MigrationQuestioner):
    """Whatever was renamed was renamed."""

    def ask_rename(self, model_name: str, old: str, new: str, field: models.Field) -> bool:
        return True

    def ask_rename_model(self, old: ModelState, new: ModelState) -> bool:
        return True


class Edits:
    """Edits of a state; `choice` decides everything."""

    def __init__(self, state: ProjectState, choice: random.Random) -> None:
        self.state, self.choice = state, choice

    def model(self, *, table: bool = True) -> ModelState:
        every = [model for _, model in sorted(self.state.models.items())]
        plain = [m for m in every if not (table and m.options.get("proxy"))]
        return self.choice.choice(plain)

    def field(self, model: ModelState, *kinds: type[models.Field]) -> str:
        names = [
            name
            for name, field in sorted(model.fields.items())
            if type(field).__module__.startswith("django.")
            and not field.primary_key
            and name != "_order"
            and (not kinds or isinstance(field, kinds))
        ]
        if not names:
            raise Edit
        return self.choice.choice(names)

    def new_field(self) -> models.Field:
        to = f"{LABEL}.{self.model().name}"
        name = self.choice.choice(("+", "linked"))
        makers: Sequence[Callable[[], models.Field]] = (
            lambda: models.IntegerField(default=self.choice.choice((0, 4))),
            lambda: models.CharField(max_length=self.choice.choice((8, 90)), default=""),
            lambda: models.TextField(blank=True, db_default="t"),
            lambda: models.BooleanField(default=False, help_text="h"),
            lambda: models.DateField(null=True, db_index=True),
            lambda: models.CharField(max_length=9, null=True, unique=True),
            lambda: models.ForeignKey(to, models.CASCADE, null=True, related_name=name),
            lambda: models.OneToOneField(to, models.SET_NULL, null=True, related_name=name),
            lambda: models.ManyToManyField(to, related_name=name),
        )
        return self.choice.choice(makers)()

    def add_field(self) -> None:
        model, name = self.model(), self.choice.choice(NAMES)
        if name in model.fields:
            raise Edit
        self.state.add_field(LABEL, model.name_lower, name, self.new_field(), True)

    def remove_field(self) -> None:
        model = self.model()
        self.state.remove_field(LABEL, model.name_lower, self.field(model))

    def rename_field(self) -> None:
        model, new = self.model(), self.choice.choice(NAMES)
        if new in model.fields:
            raise Edit
        self.state.rename_field(LABEL, model.name_lower, self.field(model), new)

    def alter_field(self) -> None:
        model = self.model()
        name = self.field(model)
        old = model.fields[name]
        _, _, positional, keywords = old.deconstruct()
        changes: list[dict[str, object]] = [
            {"help_text": "new"},
            {"verbose_name": "new"},
            {"db_column": "elsewhere"},
        ]
        if isinstance(old, models.CharField):
            changes += [{"max_length": 120}, {"choices": [("a", "A")]}, {"db_index": True}]
        if isinstance(old, models.IntegerField):
            changes += [{"default": 8}, {"unique": True}, {"db_index": True}, {"null": True}]
        if old.many_to_many:
            changes = [
                {"help_text": "new"},
                {"blank": True},
                {"related_name": "others"},
            ]
        elif old.remote_field:
            changes += [{"related_name": "others"}, {"null": True}, {"db_constraint": False}]
        keywords |= self.choice.choice(changes)
        field = type(old)(*positional, **keywords)
        self.state.alter_field(LABEL, model.name_lower, name, field, True)

    def change_kind(self) -> None:
        model = self.model()
        name = self.field(model, models.IntegerField, models.CharField, models.TextField)
        field = self.choice.choice(
            (models.BigIntegerField(default=0), models.TextField(default=""))
            if isinstance(model.fields[name], models.IntegerField)
            else (models.TextField(default="", db_index=False), models.CharField(max_length=250))
        )
        self.state.alter_field(LABEL, model.name_lower, name, field, True)

    def add_model(self) -> None:
        name = self.choice.choice(MODELS)
        if (LABEL, name.lower()) in self.state.models:
            raise Edit
        fields = [("id", models.BigAutoField(primary_key=True)), ("title", self.new_field())]
        options = {"ordering": ["title"]} if self.choice.random() < 0.3 else {}
        self.state.add_model(ModelState(LABEL, name, fields, options))

    def add_child(self) -> None:
        name, parent = self.choice.choice(MODELS), self.choice.choice(("product", "order", "tag"))
        if (LABEL, name.lower()) in self.state.models or (LABEL, parent) not in self.state.models:
            raise Edit
        if self.choice.random() < 0.4:
            proxy = ModelState(LABEL, name, [], {"proxy": True}, (f"{LABEL}.{parent}",))
            self.state.add_model(proxy)
            return
        link = models.OneToOneField(
            f"{LABEL}.{parent}", models.CASCADE, auto_created=True, parent_link=True,
            primary_key=True, serialize=False,
        )  # fmt: skip
        fields = [
            (f"{parent}_ptr", link),
            (self.choice.choice(NAMES), models.IntegerField(default=1)),
        ]
        self.state.add_model(ModelState(LABEL, name, fields, {}, (f"{LABEL}.{parent}",)))

    def delete_model(self) -> None:
        gone = self.model(table=False)
        others = [model for model in self.state.models.values() if model is not gone]
        named = {base.lower() for model in others for base in model.bases if isinstance(base, str)}
        for field in (field for model in others for field in model.fields.values()):
            named |= {str(field.remote_field.model).lower()} if field.remote_field else set()
            named |= {str(getattr(field.remote_field, "through", "")).lower()}
        if f"{LABEL}.{gone.name_lower}" in named:
            raise Edit  # Django's checks stop who leaves something that points at it
        self.state.remove_model(LABEL, gone.name_lower)

    def rename_model(self) -> None:
        model = self.model(table=False)
        new = self.choice.choice(MODELS)
        if (LABEL, new.lower()) in self.state.models:
            raise Edit
        self.state.rename_model(LABEL, model.name, new)

    def set_option(self) -> None:
        model = self.model()
        field = self.field(model, models.IntegerField, models.CharField, models.ForeignKey)
        options = self.choice.choice((
            {"ordering": [f"-{field}"]}, {"verbose_name": "new"}, {"db_table": f"t_{model.name_lower}"},
            {"permissions": [("look", "Look")]}, {"get_latest_by": field}, {"db_table_comment": "n"},
            {"unique_together": {(field, "id")}}, {"base_manager_name": "objects"},
        ))  # fmt: skip
        self.state.models[LABEL, model.name_lower].options |= options

    def add_index(self) -> None:
        model = self.model()
        field = self.field(model, models.IntegerField, models.CharField, models.ForeignKey)
        index = models.Index(
            fields=[field], name=self.choice.choice(("i_a", f"{model.name_lower}_i"))
        )
        model.options["indexes"] = [*model.options.get("indexes", []), index]

    def add_constraint(self) -> None:
        model = self.model()
        field = self.field(model, models.IntegerField)
        constraint = self.choice.choice((
            models.CheckConstraint(name="c_a", **{KEY: Q(**{f"{field}__gte": -99})}),
            models.UniqueConstraint(fields=[field, "id"], name=f"{model.name_lower}_c"),
            models.UniqueConstraint(fields=[field, "id"], name="c_b", condition=Q(id__gt=0)),
        ))  # fmt: skip
        model.options["constraints"] = [*model.options.get("constraints", []), constraint]

    def remove_object(self) -> None:
        model = self.model()
        kinds = [kind for kind in ("indexes", "constraints") if model.options.get(kind)]
        if not kinds:
            raise Edit
        model.options[kinds[0]] = model.options[kinds[0]][1:]


EVERY = [name for name in vars(Edits) if not name.startswith("_")]
EVERY = [name for name in EVERY if name not in ("model", "field", "new_field")]


def base_state() -> ProjectState:
    space: dict = {}
    exec(compile(BASE, "migration", "exec"), space)
    state = ProjectState()
    for operation in space["Migration"].operations:
        operation.state_forwards(LABEL, state)
    return state


def edited(choice: random.Random) -> str:
    """The text of a migration; empty where the edits make none."""
    after = base_state()
    edits = Edits(after, choice)
    for _ in range(choice.choice((1, 1, 1, 2, 3))):
        try:
            getattr(edits, choice.choice(EVERY))()
        except (Edit, KeyError, LookupError):
            return ""

    detector = MigrationAutodetector(base_state(), after, Yes(specified_apps={LABEL}))
    try:
        made: list[Migration] = detector._detect_changes().get(LABEL, [])
    except (KeyError, LookupError, ValueError):  # what is left points at what is gone
        return ""
    return MigrationWriter(made[0], include_header=False).as_string() if len(made) == 1 else ""


def main(count: int, seed: int) -> None:
    choice = random.Random(seed)
    texts: list[str] = []
    while len(texts) < count:
        text = edited(choice)
        texts += [text] if text else []
    json.dump(texts, sys.stdout)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
