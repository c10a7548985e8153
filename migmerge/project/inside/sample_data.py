# mypy: ignore-errors
"""Rows whose values tell where they came from, in every table of a state."""

import datetime
import decimal
import uuid

FIRST_KEY = 30000  # above what a sequence counts to, and in the range of a small integer
STEP = 50  # room for rows that a migration makes


class NoValue(Exception):
    """No value of ours fits the field."""


def fill(connection, state, serial, wanted):
    """One row in every table of the `wanted` apps, with values that no default gives.

    `serial` makes them unlike. Returns why there is none, by table.
    """
    filler = Filler(connection, serial)
    for model in tables_in(state):
        if model._meta.app_label in wanted:
            filler.row(model)
    return {table: reason for table, reason in sorted(filler.why.items()) if reason}


class Filler:
    """Rows that refer to each other; `made` has their values by table and field."""

    def __init__(self, connection, serial):
        self.connection, self.serial = connection, serial
        self.made, self.why = {}, {}
        # those of other databases, and of somebody else, may not be here
        names = connection.introspection.table_names()
        self.there = {table_key(connection, name) for name in names}

    def row(self, model):
        """The values of the row in a model's table; None where there can't be one."""
        table = model._meta.db_table
        if table not in self.why and table_key(self.connection, table) in self.there:
            self.why[table] = "it refers to itself"  # as long as its row isn't there
            try:
                self.made[table] = self.insert(model)
                self.why[table] = ""
            except Exception as error:
                self.why[table] = error_line(error)
        return self.made.get(table)

    def insert(self, model):
        from django.db import transaction

        table, quote = model._meta.db_table, self.connection.ops.quote_name
        fields = [
            f for f in model._meta.local_concrete_fields if not getattr(f, "generated", False)
        ]
        row = {field.attname: self.value(field) for field in fields}
        values = [field.get_db_prep_save(row[field.attname], self.connection) for field in fields]
        columns = ", ".join(quote(field.column) for field in fields)
        marks = ", ".join(["%s"] * len(fields))
        with transaction.atomic(using=self.connection.alias), self.connection.cursor() as cursor:
            cursor.execute(f"INSERT INTO {quote(table)} ({columns}) VALUES ({marks})", values)
            self.connection.check_constraints(table_names=[table])
        return row

    def value(self, field):
        if field.remote_field:
            row = self.row(field.remote_field.model)
            if row is None and not field.null:
                raise NoValue("no row of " + field.remote_field.model._meta.label + " to refer to")
            return row and row.get(field.target_field.attname)
        if field.choices:
            values = [value for value, _ in field.flatchoices if value not in ("", None)]
            others = [value for value in values if value != field.default] or values
            if others and not field.unique:
                # the same in every row, as a later data migration may change only some choices
                return others[self.serial % len(others) if is_in_unique_set(field) else 0]

        return plain_value(field, self.serial)


def is_in_unique_set(field):
    """Whether the field is unique together with others."""
    options = field.model._meta
    constraints = [getattr(constraint, "fields", ()) for constraint in options.constraints]
    return any(field.name in names for names in (*options.unique_together, *constraints))


def plain_value(field, serial):
    """By the type, or what the type is made of."""
    names = [field.get_internal_type(), *(kind.__name__ for kind in type(field).__mro__)]
    maker = next((MAKERS[name] for name in names if name in MAKERS), None)
    if maker is not None:
        return maker(field, serial)
    if field.has_default():
        return field.get_default()
    if field.null:
        return None
    raise NoValue("no value for " + field.name + " (" + type(field).__name__ + ")")


def text(field, serial):
    """Longer ones begin with the field's name; unlike in every row, however short."""
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    mark = digits[serial // 36 % 36] + digits[serial % 36]
    length = field.max_length or 40
    return (field.name.replace("_", "-")[: max(length - 2, 0)] + mark)[-length:]


def whole(field, serial):
    return FIRST_KEY + STEP * serial if field.primary_key else 700 + serial


def exact(field, serial):
    digits = (field.max_digits or 9) - (field.decimal_places or 0)
    return decimal.Decimal((7 + serial) % 10 ** min(digits, 4) if digits else 0)


def listed(field, serial):
    return [plain_value(field.base_field, serial)]


DAY = datetime.datetime(2001, 2, 3, 4, 5, 6)
MAKERS = {
    "ArrayField": listed,
    "AutoField": whole,
    "BigAutoField": whole,
    "BigIntegerField": whole,
    "BinaryField": lambda field, serial: b"\x07" + bytes([serial % 256]),
    "BooleanField": lambda field, serial: field.default is not True,
    "CharField": text,
    "DateField": lambda field, serial: (DAY + datetime.timedelta(days=serial)).date(),
    "DateTimeField": lambda field, serial: moment(serial),
    "DecimalField": exact,
    "DurationField": lambda field, serial: datetime.timedelta(seconds=70 + serial),
    "EmailField": lambda field, serial: "m" + str(serial) + "@example.org",
    "FileField": text,
    "FilePathField": text,
    "FloatField": lambda field, serial: 7.5 + serial,
    "GenericIPAddressField": lambda field, serial: "10.0.7." + str(serial % 256),
    "HStoreField": lambda field, serial: {"seven": str(serial)},
    "IPAddressField": lambda field, serial: "10.0.7." + str(serial % 256),
    "IntegerField": whole,
    "JSONField": lambda field, serial: {"seven": serial},
    "NullBooleanField": lambda field, serial: True,
    "PositiveBigIntegerField": whole,
    "PositiveIntegerField": whole,
    "PositiveSmallIntegerField": whole,
    "SlugField": text,
    "SmallAutoField": whole,
    "SmallIntegerField": whole,
    "TextField": text,
    "TimeField": lambda field, serial: (DAY + datetime.timedelta(minutes=serial)).time(),
    "URLField": lambda field, serial: "https://example.org/" + str(serial),
    "UUIDField": lambda field, serial: uuid.UUID(int=7000 + serial),
}


def moment(serial):
    from django.conf import settings

    found = DAY + datetime.timedelta(days=serial)
    return found.replace(tzinfo=datetime.timezone.utc) if settings.USE_TZ else found


# table and the first column of its primary key; Django asks for all constraints of each table
PRIMARY_KEYS = {
    "postgresql": """
        SELECT c.relname, a.attname FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
        WHERE i.indisprimary AND pg_table_is_visible(c.oid)
        """,
    "mysql": """
        SELECT table_name, column_name FROM information_schema.key_column_usage
        WHERE table_schema = DATABASE() AND constraint_name = 'PRIMARY' AND ordinal_position = 1
        """,
}


def rows_of(connection):
    """Table -> key -> column -> value as text; without Django's own records."""
    look = connection.introspection
    found, keys = {}, {}
    with connection.cursor() as cursor:
        statement = PRIMARY_KEYS.get(connection.vendor)
        if statement:
            cursor.execute(statement)
            keys = dict(cursor.fetchall())

        for table in look.table_names(cursor):
            if table == "django_migrations":
                continue

            key = keys.get(table) if statement else look.get_primary_key_column(cursor, table)
            cursor.execute("SELECT * FROM " + connection.ops.quote_name(table))
            names = [column[0] for column in cursor.description]
            rows = [dict(zip(names, map(plain_text, row))) for row in cursor.fetchall()]
            found[table] = {row.get(key) or str(sorted(row.items())): row for row in rows}

    return found


def plain_text(value):
    return str(bytes(value)) if isinstance(value, memoryview) else str(value)
