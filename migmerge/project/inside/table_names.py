# mypy: ignore-errors
"""Which names a table had before."""

FORMER_TABLES = {}  # new name -> old names, of all tables that a migration renamed


def remember_tables():
    """From now on Django's schema editors note which table they rename, or copy to another name, as
    SQLite's does with that of a many-to-many field."""
    from django.db.backends.base.schema import BaseDatabaseSchemaEditor
    from django.db.backends.sqlite3.schema import DatabaseSchemaEditor

    def noting(editor, name, tables):
        method = getattr(editor, name)

        def noted(self, *arguments, **keywords):
            old, new = tables(*arguments)
            if old != new:
                FORMER_TABLES.setdefault(new, set()).add(old)
            return method(self, *arguments, **keywords)

        setattr(editor, name, noted)

    def between(model, old_field, new_field, *_):
        return [field.remote_field.through._meta.db_table for field in (old_field, new_field)]

    noting(BaseDatabaseSchemaEditor, "alter_db_table", lambda model, old, new, *_: (old, new))
    noting(DatabaseSchemaEditor, "_alter_many_to_many", between)


def names_of(table):
    """The table's name, and those that it had before."""
    names, waiting = set(), [table]
    while waiting:
        name = waiting.pop()
        if name not in names:
            names.add(name)
            waiting += FORMER_TABLES.get(name, ())
    return names
