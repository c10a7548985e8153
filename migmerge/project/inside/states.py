# mypy: ignore-errors
"""Django's state of the models, and the tables that belong to it."""

import copy


def forwards(state, migrations):
    """The state after migrations; their operations stay as they are."""
    for migration in migrations:
        for operation in copy.deepcopy(migration.operations):
            operation.state_forwards(migration.app_label, state)
    return state


def tables_in(state):
    """The models of a state that have a table of their own, which Django looks after."""
    return [
        model
        for model in state.apps.get_models(include_auto_created=True, include_swapped=False)
        if model._meta.managed and not model._meta.proxy
    ]


def columns_of(state):
    """`(table, column)` of all models of a state."""
    return {
        (model._meta.db_table, field.column)
        for model in tables_in(state)
        for field in model._meta.local_concrete_fields
    }


def columns_there(connection):
    """`(table, column)` of a database."""
    look = connection.introspection
    with connection.cursor() as cursor:
        return {
            (table, column.name)
            for table in look.table_names(cursor)
            for column in look.get_table_description(cursor, table)
        }


def unlike(one, other):
    """The keys under which two pictures differ."""
    keys = set(one) | set(other)
    return ", ".join(sorted(key for key in keys if one.get(key) != other.get(key)))
