from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migmerge.migrations.rewrite import Edit, Unrewritable, rewrite

CLASS = "class Migration(migrations.Migration):\n"
RENAME = Edit({"dependencies": {("shop", "0002_a"): "0003_a"}})

UNCHANGED = {
    "another app's migration of that name": '    dependencies = [("cart", "0002_a")]\n',
    "look-alike in operations": '    dependencies = []\n    operations = [f(("shop", "0002_a"))]\n',
    "in a comment": '    dependencies = []  # ("shop", "0002_a")\n',
    "in a docstring": '    """("shop", "0002_a")"""\n    dependencies = []\n',
    "in another attribute": '    dependencies = []\n    replaces = [("shop", "0002_a")]\n',
    "longer name": '    dependencies = [("shop", "0002_a_b")]\n',
}


@pytest.mark.parametrize("body", UNCHANGED.values(), ids=UNCHANGED)
def test_rewrite_leaves_alone(body: str) -> None:
    source = (CLASS + body).encode()
    assert rewrite(source, RENAME) == source


CHANGED = {
    "double quotes": '    dependencies = [("shop", "0002_a")]\n',
    "single quotes": "    dependencies = [('shop', '0002_a')]\n",
    "triple quotes": "    dependencies = [('shop', '''0002_a''')]\n",
    "prefix": "    dependencies = [(u'shop', u'0002_a')]\n",
    "list of lists": '    dependencies = [["shop", "0002_a"]]\n',
    "tuple": '    dependencies = (("shop", "0002_a"),)\n',
    "annotated": '    dependencies: list[tuple[str, str]] = [("shop", "0002_a")]\n',
    "concatenation": '    dependencies = [] + [("shop", "0002_a")]\n',
    "list()": '    dependencies = list([("shop", "0002_a")])\n',
    "added to": '    dependencies = []\n    dependencies += [("shop", "0002_a")]\n',
    "split over lines": '    dependencies = [\n        (\n            "shop",  # why\n            "0002_a",\n        ),\n    ]\n',
    "comment with the old name": '    dependencies = [\n        ("shop", "0002_a"),  # not "0002_b"\n    ]\n',
    "beside a swappable": '    dependencies = [\n        migrations.swappable_dependency(settings.AUTH_USER_MODEL),\n        ("shop", "0002_a"),\n    ]\n',
    "no newline at the end": '    dependencies = [("shop", "0002_a")]',
    "tabs": '\tdependencies = [("shop", "0002_a")]\n',
    "twice": '    dependencies = [("shop", "0002_a"), ("shop", "0002_a")]\n',
}  # fmt: skip


@pytest.mark.parametrize("body", CHANGED.values(), ids=CHANGED)
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "BOM"])
def test_rewrite_changes_the_name_and_no_other_byte(body: str, newline: str, mark: bytes) -> None:
    source = mark + (CLASS + body).replace("\n", newline).encode()
    assert rewrite(source, RENAME) == source.replace(b"0002_a", b"0003_a")


def test_rewrite_declared_encoding() -> None:
    source = "# coding: latin-1\n# é\n" + CLASS + '    dependencies = [("shop", "0002_a")]\n'
    expected = source.replace("0002_a", "0003_a").encode("latin-1")
    assert rewrite(source.encode("latin-1"), RENAME) == expected


def test_rewrite_strings_side_by_side_become_one() -> None:
    source = (CLASS + '    dependencies = [("shop", "0002" "_a")]\n').encode()
    assert rewrite(source, RENAME) == source.replace(b'"0002" "_a"', b"'0003_a'")


REFUSED = {
    "constant": ('P = "0002_a"\n' + CLASS + '    dependencies = [("shop", P)]\n', 3),
    "label constant": ('A = "shop"\n' + CLASS + '    dependencies = [(A, "0002_a")]\n', 3),
    "strings added": (CLASS + '    dependencies = [("shop", "0002" + "_a")]\n', 2),
    "list elsewhere": ('D = [("shop", "0002_a")]\n' + CLASS + "    dependencies = D\n", 1),
    "broken": (CLASS + '    dependencies = [("shop", "0002_a")]\n    x = (\n', 3),
}  # fmt: skip


@pytest.mark.parametrize(("source", "line"), REFUSED.values(), ids=REFUSED)
def test_rewrite_refuses_with_the_line(source: str, line: int) -> None:
    answer = rewrite(source.encode(), RENAME)
    assert isinstance(answer, Unrewritable)
    assert answer.line == line


ADDED = {
    "empty list": ("[]", '[("shop", "0001_z")]'),
    "empty tuple": ("()", None),
    "one line": ('[("x", "y")]', '[("x", "y"), ("shop", "0001_z")]'),
    "single quotes": ("[('x', 'y')]", "[('x', 'y'), ('shop', '0001_z')]"),
    "many lines": ('[\n        ("x", "y"),\n    ]', '[\n        ("x", "y"),\n        ("shop", "0001_z"),\n    ]'),
    "no trailing comma": ('[\n        ("x", "y")\n    ]', '[\n        ("x", "y"),\n        ("shop", "0001_z"),\n    ]'),
    "comment inside": ('[\n        ("x", "y"),  # z\n    ]', None),
    "computed": ("D + []", None),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after"), ADDED.values(), ids=ADDED)
def test_rewrite_adds_a_dependency(before: str, after: str | None) -> None:
    source = f"D = list()\n{CLASS}    dependencies = {before}\n    operations = []\n"
    answer = rewrite(source.encode(), Edit({}, ("shop", "0001_z")))
    if after is None:
        assert isinstance(answer, Unrewritable)
    else:
        assert answer == source.replace(f"s = {before}\n", f"s = {after}\n", 1).encode()


NAMES = st.from_regex(r"[0-9]{4}_[a-z][a-z_0-9-]{0,12}", fullmatch=True)
FILLER = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0\\\"'"), max_size=12)
LAYOUTS = st.sampled_from(
    [
        "    dependencies = [\n        {pairs}\n    ]",
        "    dependencies = [{pairs}]",
        "    dependencies = ({pairs})",
        "    dependencies: list = [\n{pairs}]",
    ]
)


@settings(max_examples=60, deadline=None)
@given(
    names=st.lists(NAMES, min_size=1, max_size=4, unique=True),
    new=NAMES,
    filler=FILLER,
    layout=LAYOUTS,
    quote=st.sampled_from(["'", '"']),
    newline=st.sampled_from(["\n", "\r\n"]),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
)
def test_rewrite_property_other_bytes_are_identical(
    names: list[str], new: str, filler: str, layout: str, quote: str, newline: str, mark: bytes
) -> None:
    pairs = "".join(f"({quote}shop{quote}, {quote}{name}{quote}), " for name in names)
    text = f"# {filler}\n{CLASS}{layout.format(pairs=pairs)}\n    x = '{filler}'  # {filler}\n"
    source = mark + text.replace("\n", newline).encode()
    old = names[0]
    answer = rewrite(source, Edit({"dependencies": {("shop", old): new}}))
    literal = f"{quote}shop{quote}, {quote}{{}}{quote}"
    assert answer == source.replace(literal.format(old).encode(), literal.format(new).encode())


CARRY = Edit({}, replaces=("shop", "0002_a"))
IMPOSSIBLE = {
    "an encoding that is none": (b"# coding: nothing\n" + CLASS.encode() + b"    dependencies = []\n", RENAME),
    "bytes that are not in its encoding": (CLASS.encode() + b'    dependencies = []  # \xff\n', RENAME),
    "replaces already": ((CLASS + '    dependencies = []\n    replaces = [("shop", "0001_x")]\n').encode(), CARRY),
    "nothing to add to": ((CLASS + "    operations = []\n").encode(), Edit({}, ("shop", "0001_z"))),
    "replaces that come later": ((CLASS + "    dependencies = []\n    replaces = []\n").encode(), CARRY),
    "deeper than LibCST is asked to go": ((CLASS + f"    x = {'(' * 150}1{')' * 150}\n" + '    dependencies = [("shop", "0002_a")]\n').encode(), RENAME),
    "two places to add to": ((CLASS + "    dependencies = []\n    dependencies += []\n").encode(), Edit({}, ("shop", "0001_z"))),
    "a name that ends its string": (
        (CLASS + '    dependencies = [("shop", "0002_a")]\n').encode(),
        Edit({}, ("shop", 'x"y')),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("source", "edit"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_rewrite_refuses_what_it_would_have_to_guess(source: bytes, edit: Edit) -> None:
    assert isinstance(rewrite(source, edit), Unrewritable)


def test_rewrite_passes_over_an_annotation_without_a_value() -> None:
    source = (CLASS + '    run_before: list\n    dependencies = [("shop", "0002_a")]\n').encode()
    assert rewrite(source, RENAME) == source.replace(b"0002_a", b"0003_a")


BARE = """\
class Migration(migrations.Migration):
{before}    replaces{sign}{value}{after}
    dependencies = [("shop", "0002_stock")]
    operations = []
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("sign", [" = ", "=", ": list = "])
@pytest.mark.parametrize(
    "value", ['[("shop", "0002_price")]', '[\n        ("shop", "0002_price"),\n    ]']
)
@pytest.mark.parametrize(
    ("before", "after", "left"), [("", "", ""), ("\n", "  # old\n", "\n"), ("\n", "", "\n")]
)
def test_rewrite_takes_replaces_out(
    newline: str, sign: str, value: str, before: str, after: str, left: str
) -> None:
    source = BARE.format(before=before, sign=sign, value=value, after=after)
    start, end = source.split("replaces")[0], source[source.index("    dependencies") :]
    wanted = start.removesuffix("    ") + end
    done = rewrite(source.replace("\n", newline).encode(), Edit({}, bare=True))
    assert done == wanted.replace("\n", newline).encode()
    assert wanted.count("\n\n") == left.count("\n")


def test_rewrite_leaves_replaces_that_shares_its_line() -> None:
    source = BARE.format(before="", sign=" = ", value='[("a", "0001_x")]; x = 1', after="")
    told = rewrite(source.encode(), Edit({}, bare=True))
    assert told == Unrewritable(0, "replaces shares its lines with something else")


CARRIED = {
    "double quotes": ('    dependencies = [("shop", "0001_a")]\n', '    replaces = [("shop", "0002_a")]\n'),
    "single quotes": ("    dependencies = [('shop', '0001_a')]\n", "    replaces = [('shop', '0002_a')]\n"),
    "as many of both": ("    dependencies = [('shop', \"0001_a\")]\n", '    replaces = [("shop", "0002_a")]\n'),
    "a tab": ("\tdependencies = [('shop', '0001_a')]\n", "\treplaces = [('shop', '0002_a')]\n"),
    "over lines": ("    dependencies = [\n        ('shop', '0001_a'),\n    ]\n", "    replaces = [('shop', '0002_a')]\n"),
    "annotated": ("    dependencies: list = [('shop', '0001_a')]\n", "    replaces = [('shop', '0002_a')]\n"),
}  # fmt: skip


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize(("body", "line"), CARRIED.values(), ids=CARRIED)
def test_rewrite_adds_replaces_before_the_dependencies(body: str, line: str, newline: str) -> None:
    indent = body[: -len(body.lstrip())]
    before = f"# why\n{CLASS}{indent}initial = True\n"
    source = (before + body).replace("\n", newline).encode()
    assert rewrite(source, CARRY) == (before + line + body).replace("\n", newline).encode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('[("shop", "0002_a")]', '[("shop", "0003_a"), ("cart", "0001_z")]'),
        (
            '[\n        ("shop", "0002_a"),\n    ]',
            '[\n        ("shop", "0003_a"),\n        ("cart", "0001_z"),\n    ]',
        ),
    ],
)
def test_rewrite_renames_an_entry_and_adds_one(before: str, after: str) -> None:
    edit = RENAME._replace(add=("cart", "0001_z"))
    body = "    dependencies = {}\n"
    assert (
        rewrite((CLASS + body.format(before)).encode(), edit)
        == (CLASS + body.format(after)).encode()
    )
