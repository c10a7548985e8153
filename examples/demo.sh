#!/usr/bin/env bash
# A real Django project, made on the spot: two branches each add a migration, git merges them
# silently, the hook stops the merge commit, one command fixes it, `migrate` runs.
# Usage: bash examples/demo.sh [DIRECTORY]     (needs python3 with venv, git, and pip's index)
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
place=${1:-$(mktemp -d)}
mkdir -p "$place"
place=$(cd "$place" && pwd)

say() { printf '\n\033[1m# %s\033[0m\n' "$*"; }
run() { printf '$ %s\n' "$*"; "$@"; }
expect_stop() { printf '$ %s\n' "$*"; if "$@"; then echo "this should have been stopped" >&2; exit 1; fi; }

say "Set up: an environment with migmerge and Django in $place"
python3 -m venv "$place/venv"
PATH="$place/venv/bin:$PATH"
pip install --quiet --disable-pip-version-check "$here" Django
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=Ada GIT_AUTHOR_EMAIL=ada@example.org
export GIT_COMMITTER_NAME=Ada GIT_COMMITTER_EMAIL=ada@example.org

say "A project with one app, on branch main"
mkdir "$place/site" && cd "$place/site"
git init --quiet . && git symbolic-ref HEAD refs/heads/main
django-admin startproject site_of_a_shop .
python manage.py startapp shop
python - <<'PY'
import pathlib
path = pathlib.Path("site_of_a_shop/settings.py")
path.write_text(path.read_text().replace("INSTALLED_APPS = [", 'INSTALLED_APPS = [\n    "shop",'))
pathlib.Path("shop/models.py").write_text(
    "from django.db import models\n\n\nclass Product(models.Model):\n"
    "    name = models.CharField(max_length=20)\n"
)
pathlib.Path(".gitignore").write_text("__pycache__/\n*.sqlite3\n")
PY
python manage.py makemigrations shop --verbosity 0
git add --all && git commit --quiet --message "A shop"

say "Branch feature adds a price, main adds a stock: each its own 0002"
git checkout --quiet -b feature
echo "    price = models.IntegerField(default=0)" >> shop/models.py
python manage.py makemigrations shop --name price --verbosity 0
git add --all && git commit --quiet --message "Products have a price"
python manage.py migrate --verbosity 0
product="from shop.models import Product; print"
python manage.py shell --verbosity 0 --command "$product(Product.objects.create(name='tea', price=777))"
git checkout --quiet main
sed -i.bak 's/^    name/    stock = models.IntegerField(default=0)\n    name/' shop/models.py && rm shop/models.py.bak
python manage.py makemigrations shop --name stock --verbosity 0
git add --all && git commit --quiet --message "Products have a stock"
git update-ref refs/remotes/origin/main main   # as if main had been pushed

say "The hooks (native ones here; pre-commit and prek run the same)"
cp "$here"/hooks/* .git/hooks/

say "Merge: git sees no conflict, the hook does"
git checkout --quiet feature
expect_stop git merge --no-edit main

say "One command: the unpublished side moves behind the published one, in the database that had it, too"
run migmerge fix --strategy renumber --yes
run git commit --quiet --no-edit

say "Django agrees"
run python manage.py makemigrations --check
run python manage.py migrate --verbosity 1
run python manage.py shell --verbosity 0 --command "$product(Product.objects.values())"
run git log --oneline --graph

say "Done. The project is in $place/site"
