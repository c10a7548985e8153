"""Two sides of a merge that contradict each other in different apps (MM112)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import Repo

pytestmark = pytest.mark.once

ID = "('id', models.AutoField(primary_key=True))"
KIND = f"CreateModel('Kind', [{ID}, ('name', models.TextField()), ('size', models.IntegerField(unique=True))])"
LINE = f"CreateModel('Line', [{ID}, ('n', models.IntegerField())])"
CHILD = (
    "CreateModel('Child', [('kind_ptr', models.OneToOneField('shop.Kind', models.CASCADE, "
    "parent_link=True, primary_key=True))], bases=('shop.kind',))"
)
FK = "AddField('line', 'kind', models.ForeignKey('shop.Kind', models.CASCADE, null=True{}))"
RUN = "RunPython(lambda apps, editor: apps.get_model('shop', 'Kind').objects.update(size=7))"


def sql(text: str) -> str:
    return f'RunSQL("{text}")'


RENAME = "RenameModel('Kind', 'Sort')"
PAIRS = {
    "a renamed model and a foreign key": (
        RENAME,
        FK.format(""),
        "shop.0002_main renames shop.kind, which cart.0002_feature uses (AddField)",
    ),
    "a deleted model and a foreign key": (
        "DeleteModel('Kind')",
        FK.format(""),
        "shop.0002_main deletes shop.kind, which cart.0002_feature uses (AddField)",
    ),
    "a renamed model and code": (
        RENAME,
        RUN,
        "shop.0002_main renames shop.kind, which cart.0002_feature uses (RunPython)",
    ),
    "a renamed model and SQL": (
        RENAME,
        sql("UPDATE shop_kind SET size = 7"),
        "cart.0002_feature (RunSQL) runs SQL on the table shop_kind, which shop.0002_main "
        "(RenameModel) makes, renames or removes",
    ),
    "a renamed table and SQL": (
        "AlterModelTable('kind', 'sorts')",
        sql("UPDATE shop_kind SET size = 7"),
        "cart.0002_feature (RunSQL) runs SQL on the table shop_kind, which shop.0002_main "
        "(AlterModelTable) makes, renames or removes",
    ),
    "a removed field and code": (
        "RemoveField('kind', 'size')",
        RUN,
        "shop.0002_main removes shop.kind.size, which the code of cart.0002_feature names",
    ),
    "a renamed field and code": (
        "RenameField('kind', 'size', 'width')",
        RUN,
        "shop.0002_main renames shop.kind.size, which the code of cart.0002_feature names",
    ),
    "a removed field and SQL": (
        "RemoveField('kind', 'size')",
        sql("UPDATE shop_kind SET size = 7"),
        "shop.0002_main removes shop.kind.size, which the SQL of cart.0002_feature names",
    ),
    "a removed field and to_field": (
        "RemoveField('kind', 'size')",
        FK.format(", to_field='size'"),
        "shop.0002_main removes shop.kind.size, which cart.0002_feature names (AddField)",
    ),
    "one table": (
        f"CreateModel('New', [{ID}], options={{'db_table': 'new'}})",
        f"CreateModel('New', [{ID}], options={{'db_table': 'new'}})",
        "both name the table, index or constraint new",
    ),
    "one index": (
        "AddIndex('kind', models.Index(fields=['name'], name='one'))",
        "AddIndex('line', models.Index(fields=['n'], name='one'))",
        "both name the table, index or constraint one",
    ),
    "one constraint": (
        "AddConstraint('kind', models.UniqueConstraint(fields=['name'], name='one'))",
        "AddConstraint('line', models.UniqueConstraint(fields=['n'], name='one'))",
        "both name the table, index or constraint one",
    ),
    "one reverse accessor": (
        f"CreateModel('Line', [{ID}, ('kind', models.ForeignKey('shop.Kind', models.CASCADE))])",
        FK.format(""),
        "both name the reverse name shop.kind.line",
    ),
    "one related_name": (
        f"CreateModel('A', [{ID}, ('k', models.ForeignKey('Kind', models.CASCADE, related_name='x'))])",
        FK.format(", related_name='x'"),
        "both name the reverse name shop.kind.x",
    ),
    "a parent's new field and a child's": (
        "AddField('kind', 'width', models.IntegerField(default=0))",
        "AddField('child', 'width', models.IntegerField(default=0))",
        "cart.0002_feature adds cart.child.width, which shop.0002_main names (AddField)",
    ),
}


def base(repo: Repo, *more: str) -> None:
    repo.migration("shop", "0001_initial", operations=(KIND,))
    repo.migration("cart", "0001_initial", "shop.0001_initial", operations=(LINE, *more))
    repo.commit("base")


def sides(repo: Repo, shop: str, cart: str) -> None:
    """main, published, does the one in shop; feature, checked out, the other in cart."""
    base(repo, *((CHILD,) if "'child'" in cart else ()))
    repo.git("branch", "feature")
    repo.migration("shop", "0002_main", "0001_initial", operations=(shop,))
    repo.commit("main")
    repo.publish()
    repo.git("checkout", "-q", "feature")
    repo.migration("cart", "0002_feature", "0001_initial", "shop.0001_initial", operations=(cart,))
    repo.commit("feature")


def reasons(repo: Repo, *arguments: str) -> list[str]:
    conflicts = repo.check(*arguments)["conflicts"]
    assert all((c["kind"], c["path"]) == ("contradiction", PATH) for c in conflicts)
    return [reason for conflict in conflicts for reason in conflict["reasons"]]


PATH = "cart/migrations/0002_feature.py"


@pytest.mark.parametrize(("shop", "cart", "reason"), PAIRS.values(), ids=PAIRS)
def test_a_contradiction_is_found(repo: Repo, shop: str, cart: str, reason: str) -> None:
    sides(repo, shop, cart)
    assert reason in reasons(repo, "--against", "main")
    repo.git("merge", "-q", "--no-edit", "main")
    assert reason in reasons(repo)


def merging(repo: Repo) -> None:
    repo.git("merge", "-q", "--no-commit", "main")


def merged(repo: Repo) -> None:
    repo.git("merge", "-q", "--no-edit", "main")


def merged_before(repo: Repo) -> None:
    merged(repo)
    repo.write("notes.txt", "after the merge")
    repo.commit("notes")


def rebased(repo: Repo) -> None:
    repo.git("rebase", "-q", "main")


def picked(repo: Repo) -> None:
    repo.git("checkout", "-q", "-B", "again", "main")
    repo.git("cherry-pick", "--no-commit", "feature")
    (repo.root / ".git/CHERRY_PICK_HEAD").write_text(repo.git("rev-parse", "feature"))


@pytest.mark.parametrize(
    "bring", [merging, merged, merged_before, rebased, picked], ids=lambda bring: bring.__name__
)
@pytest.mark.parametrize("arguments", [(), ("--staged",)], ids=str)
def test_wherever_both_sides_are_known(
    repo: Repo, bring: Callable[[Repo], None], arguments: tuple[str, ...]
) -> None:
    sides(repo, RENAME, FK.format(""))
    assert repo.run("check", *arguments).returncode == 0
    bring(repo)
    assert reasons(repo, *arguments) == [PAIRS["a renamed model and a foreign key"][2]]
    found = repo.run("check", *arguments)
    assert f"{PATH}: MM112 contradiction in cart: " in found.stdout


def test_the_side_that_is_not_published_is_to_be_edited(repo: Repo) -> None:
    sides(repo, RENAME, FK.format(""))
    merged(repo)
    (conflict,) = repo.check()["conflicts"]
    assert [(b["side"], b["published"]) for b in conflict["branches"]] == [
        ("replayed", False),
        ("onto", True),
    ]
    assert conflict["commands"] == [f"$EDITOR {PATH}", "migmerge check"]
    before = repo.state()
    (refused,) = repo.fix(code=1)["resolutions"]
    assert (refused["id"], refused["next"]) == ("MM405", conflict["commands"])
    assert repo.state() == before


def test_a_dependency_puts_them_in_order(repo: Repo) -> None:
    sides(repo, RENAME, FK.format(""))
    merged(repo)
    renamed = FK.format("").replace("shop.Kind", "shop.Sort")
    repo.migration("cart", "0002_feature", "0001_initial", "shop.0002_main", operations=(renamed,))
    assert reasons(repo) == []


@pytest.mark.parametrize("cart", [FK.format(""), RUN, sql("UPDATE shop_kind SET size = 7")])
@pytest.mark.parametrize("name", ["name", "size"])
def test_what_goes_together_is_not_reported(repo: Repo, name: str, cart: str) -> None:
    sides(repo, f"AlterField('kind', '{name}', models.CharField(max_length=9))", cart)
    merged(repo)
    assert reasons(repo) == []


def test_code_that_names_another_field_is_not_reported(repo: Repo) -> None:
    sides(repo, "RemoveField('kind', 'size')", RUN.replace("size=7", "name='x'"))
    merged(repo)
    assert reasons(repo) == []


def test_one_app_is_left_to_its_leaf_nodes(repo: Repo) -> None:
    """Somebody has joined them, and has seen both."""
    sides(repo, RENAME, f"CreateModel('X', [{ID}])")
    operation = "AddIndex('kind', models.Index(fields=['name'], name='i'))"
    repo.migration("shop", "0002_feature", "0001_initial", operations=(operation,))
    repo.commit("shop, too")
    merged(repo)
    repo.migration("shop", "0003_merge", "0002_feature", "0002_main")
    assert reasons(repo) == []


def test_one_side_alone_is_never_reported(repo: Repo) -> None:
    """Whoever wrote both has seen both."""
    base(repo)
    repo.publish()
    repo.git("checkout", "-q", "-b", "feature")
    repo.migration("shop", "0002_main", "0001_initial", operations=(RENAME,))
    repo.migration("cart", "0002_feature", "0001_initial", operations=(FK.format(""),))
    repo.commit("both")
    repo.git("checkout", "-q", "main")
    repo.git("merge", "-q", "--no-ff", "--no-edit", "feature")
    assert reasons(repo) == []


@pytest.mark.parametrize("into", ["feature", "main"])
def test_what_both_sides_have_under_two_names_is_not_reported(repo: Repo, into: str) -> None:
    """The foreign key names the model as the branch's own copy of the renaming leaves it."""
    sides(repo, RENAME, f"CreateModel('X', [{ID}])")
    repo.migration("shop", "0002_picked", "0001_initial", operations=(RENAME,))
    key = FK.format("").replace("shop.Kind", "shop.Sort")
    repo.migration("cart", "0003_key", "0002_feature", "shop.0002_picked", operations=(key,))
    repo.commit("picked")
    repo.git("checkout", "-q", into)
    repo.git("merge", "-q", "--no-edit", "main" if into == "feature" else "feature")
    assert [c["kind"] for c in repo.check()["conflicts"]] == ["siblings"]


def test_a_contradiction_that_two_leaf_nodes_have_is_told_once(repo: Repo) -> None:
    sides(repo, RENAME, FK.format(""))
    operation = "AddIndex('kind', models.Index(fields=['name'], name='i'))"
    repo.migration(
        "shop", "0002_feature", "0001_initial", "cart.0002_feature", operations=(operation,)
    )
    repo.commit("shop, too")
    merged(repo)
    conflicts = repo.check()["conflicts"]
    assert [(c["kind"], c["reasons"]) for c in conflicts] == [
        ("contradiction", [PAIRS["a renamed model and a foreign key"][2]]),
        ("siblings", ["0002_main renames shop.kind, which 0002_feature uses (AddIndex)"]),
    ]


def test_what_a_sibling_conflict_says_is_not_said_again(repo: Repo) -> None:
    sides(repo, RENAME, FK.format(""))
    repo.migration("shop", "0002_feature", "0001_initial")
    repo.migration(
        "cart", "0002_feature", "0001_initial", "shop.0002_feature", operations=(FK.format(""),)
    )
    repo.commit("shop, too")
    merged(repo)
    (conflict,) = repo.check()["conflicts"]
    reason = "0002_main renames shop.kind, which cart.0002_feature uses (AddField)"
    assert (conflict["kind"], conflict["reasons"]) == ("siblings", [reason])


def test_what_lacks_its_parent_is_not_said_to_contradict(repo: Repo) -> None:
    """The other side has the first migration in another directory, so it seems to make what is
    used."""
    repo.write("shop/__init__.py", "")
    repo.write("manage.py", "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_settings')\n")
    repo.write("site_settings.py", "MIGRATION_MODULES = either()\n")
    repo.commit("base")
    repo.git("branch", "feature")
    repo.migration("shop", "0001_initial", operations=(KIND,))
    repo.migration("shop", "0002_more", "0001_initial")
    repo.git("add", "-A")
    repo.git("mv", "shop/migrations", "shop/db_migrations")
    repo.write("shop/db_migrations/__init__.py", "")
    repo.commit("main")
    repo.publish()
    repo.git("checkout", "-q", "feature")
    width = "AddField('kind', 'width', models.IntegerField(default=0))"
    repo.migration("shop", "0002_width", "0001_initial", operations=(width,))
    repo.migration("shop", "0003_more", "0002_width", operations=(width.replace("width", "more"),))
    repo.commit("feature")
    repo.git("merge", "-q", "--no-edit", "main")
    assert {c["kind"] for c in repo.check()["conflicts"]} == {"missing-dependency"}
