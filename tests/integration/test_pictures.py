"""`graph`: text, mermaid, dot, svg and html; the last two looked at by a real browser."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pygraphviz
import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from tests.conftest import IN_CI, Repo

pytestmark = pytest.mark.once

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1500,950",
)  # fmt: skip
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def joined(siblings: Repo) -> Repo:
    """Siblings in shop; cart forks, joins again, and builds on shop."""
    siblings.migration("cart", "0001_initial", "shop.0001_initial")
    siblings.migration("cart", "0002_a", "0001_initial")
    siblings.migration("cart", "0002_b", "0001_initial")
    siblings.migration("cart", "0003_b", "0002_b", "shop.0002_stock")
    siblings.migration("cart", "0004_merge", "0002_a", "0003_b")
    siblings.migration("cart", "0005_c", "0004_merge")
    siblings.commit()
    return siblings


TEXT = """\
cart
  0001_initial  (after shop.0001_initial)
  ├─ 0002_a
  └─ 0002_b
     0003_b  (after shop.0002_stock)
  0004_merge  (after 0002_a, 0003_b)
  0005_c

shop
  0001_initial
  ├─ 0002_price  <<< not on origin/main
  └─ 0002_stock  <<< published on origin/main
"""


def drawn(repo: Repo, *arguments: str) -> str:
    done = repo.run("graph", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_graph_text(joined: Repo) -> None:
    assert drawn(joined) == TEXT
    assert drawn(joined, "shop") == TEXT.partition("\n\n")[2]
    assert drawn(joined, "--conflicts", "shop") == TEXT.partition("\n\n")[2]
    done = joined.run("graph", "shop", "nothing")
    assert (done.returncode, done.stderr) == (
        2, "migmerge: MM311 no app 'nothing' with migrations here\nhint: there are: cart, shop\n"
    )  # fmt: skip


def shape(repo: Repo, *lines: str) -> list[str]:
    for line in lines:
        name, _, parents = line.partition(" <- ")
        repo.migration("shop", name, *parents.split())
    return [line[2:] for line in drawn(repo).splitlines()[1:]]


def test_graph_text_of_forks_and_joins(repo: Repo) -> None:
    assert [line.partition("  <<<")[0] for line in shape(
        repo, "0001_r", "0002_a <- 0001_r", "0002_b <- 0001_r", "0002_c <- 0001_r",
        "0003_m <- 0002_a 0002_b", "0004_n <- 0003_m 0002_c",
    )] == [
        "0001_r",
        "├─ 0002_a",
        "├─ 0002_b",
        "└─ 0002_c",
        "0003_m  (after 0002_a, 0002_b)",
        "0004_n  (after 0002_c, 0003_m)",
    ]  # fmt: skip


def test_graph_text_of_nested_joins(repo: Repo) -> None:
    assert shape(
        repo, "0001_r", "0002_a <- 0001_r", "0002_b <- 0001_r", "0003_a1 <- 0002_a", "0003_a2 <- 0002_a",
        "0003_b1 <- 0002_b", "0003_b2 <- 0002_b", "0004_j <- 0003_a1 0003_b2", "0005_k <- 0004_j 0003_a2",
        "0006_l <- 0005_k 0003_b1",
    ) == [
        "0001_r",
        "├─ 0002_a",
        "│  ├─ 0003_a1",
        "│  └─ 0003_a2",
        "└─ 0002_b",
        "   ├─ 0003_b1",
        "   └─ 0003_b2",
        "0004_j  (after 0003_a1, 0003_b2)",
        "0005_k  (after 0003_a2, 0004_j)",
        "0006_l  (after 0003_b1, 0005_k)",
    ]  # fmt: skip


def test_graph_text_of_two_roots(repo: Repo) -> None:
    assert shape(repo, "0001_a", "0001_b", "0002_m <- 0001_a 0001_b") == [
        "0001_a (a root)", "0001_b (a root)", "0002_m  (after 0001_a, 0001_b)",
    ]  # fmt: skip


def test_graph_conflicts_none(branches: Repo) -> None:
    done = branches.run("graph", "--conflicts")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "no conflicts\n")


def test_graph_text_shows_what_is_on_a_cycle(repo: Repo) -> None:
    repo.migration("shop", "0001_a", "0002_b")
    repo.migration("shop", "0002_b", "0001_a")
    lines = drawn(repo).splitlines()
    assert [line.split()[0] for line in lines] == ["shop", "0001_a", "0002_b"]
    assert all("<<< cycle" in line for line in lines[1:])


def test_graph_dot_is_what_graphviz_reads(joined: Repo) -> None:
    graph = pygraphviz.AGraph(string=drawn(joined, "--format", "dot"))
    labels = {node: node.attr["label"] for node in graph.nodes()}
    edges = {(labels[a].split("\\n")[0], labels[b].split("\\n")[0]) for a, b in graph.edges()}
    assert ("0001_initial", "0002_price") in edges and ("0002_stock", "0003_b") in edges
    assert "0002_price\\nnot on origin/main" in labels.values()
    assert {sub.graph_attr["label"] for sub in graph.subgraphs()} == {"cart", "shop"}


def test_graph_mermaid(joined: Repo) -> None:
    text = drawn(joined, "--format", "mermaid")
    assert text.splitlines()[:2] == ["flowchart TD", '  subgraph a0["cart"]']
    assert '["0002_stock<br/>published on origin/main"]:::onto' in text
    assert text.count("-->") == 10


HOSTILE = '0002_"<script>alert(1)</script>&#;\n%%{init'


@pytest.mark.parametrize("form", ["text", "mermaid", "dot", "svg", "html"])
def test_graph_a_name_is_only_text(repo: Repo, form: str) -> None:
    repo.migration("shop", "0001_initial")
    repo.write(
        f"shop/migrations/{HOSTILE.replace('/', ':')}.py",
        repo.read("shop/migrations/0001_initial.py"),
    )
    text = drawn(repo, "--format", form)
    if form in ("svg", "html"):
        assert "<script>alert" not in text and "&lt;script&gt;" in text
    if form == "mermaid":
        assert "#60;script#62;" in text and "%%" not in text and '""' not in text
    if form == "dot":
        assert len(pygraphviz.AGraph(string=text).nodes()) == 2
    assert "\n%%" not in text


def test_graph_svg_is_one_image(joined: Repo) -> None:
    root = ElementTree.fromstring(drawn(joined, "--format", "svg"))
    assert root.get("role") == "img"
    assert root.get("aria-label") == "9 migrations in 2 apps, 2 in conflict"
    titles = [title.text for title in root.iter(f"{SVG}title")]
    assert "0002_price: not on origin/main\nshop/migrations/0002_price.py" in titles
    assert not list(root.iter(f"{SVG}script"))


def test_graph_without_graphviz_says_what_to_install(joined: Repo, tmp_path: Path) -> None:
    (tmp_path / "pygraphviz.py").write_text("raise ImportError\n")
    done = joined.run("graph", "--format", "svg", env={"PYTHONPATH": str(tmp_path)})
    assert (done.returncode, done.stdout, done.stderr) == (
        2, "",
        "migmerge: MM324 svg and html need Graphviz\nhint: pip install 'migmerge[graph]', or --format mermaid\n",
    )  # fmt: skip


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        if IN_CI:
            pytest.fail(
                "Chromium and its driver are missing: apt-get install chromium chromium-driver"
            )
        pytest.skip("no Chromium with its driver here")
    options = Options()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with Chrome(options=options, service=Service(driver)) as made:
        yield made


@pytest.fixture
def large(repo: Repo) -> Repo:
    """1,003 migrations in 20 apps: two of a hundred, one that forks near its end, edges across."""
    for place in range(20):
        app, count = f"app{place:02}", 100 if place < 2 else 45
        names = [f"{number:04}_x" for number in range(1, count + 1)]
        for number, name in enumerate(names):
            above = [names[number - 1]] if number else []
            if place and number == 3:
                above.append(f"app{place - 1:02}.0003_x")
            repo.migration(app, name, *above)
    repo.migration("app07", "0043_other", "0042_x")
    repo.migration("app07", "0044_other", "0043_other", "app01.0090_x")
    for number in (1, 2, 3):
        repo.migration("z", f"000{number}_only", *([f"000{number - 1}_only"] if number > 1 else []))
    return repo


def opened(browser: Chrome, repo: Repo, form: str, dark: bool = False) -> None:
    path = repo.root / f"picture.{form}"
    path.write_text(drawn(repo, "--format", form), encoding="utf-8")
    scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
    browser.get_log("browser")  # what came before
    browser.get(path.as_uri())
    assert browser.get_log("browser") == []


def boxes(browser: Chrome) -> list[dict[str, float]]:
    """Where each migration's rectangle is on the page, by app if there are such."""
    return browser.execute_script(
        """return [...document.querySelectorAll(".node > rect")].map((rect) => {
             const a = rect.getBoundingClientRect();
             const text = rect.nextElementSibling.getBoundingClientRect();
             return {x: a.left, y: a.top, right: a.right, bottom: a.bottom,
                     over: Math.max(text.right - a.right, a.left - text.left)};
           })"""
    )


def overlapping(found: list[dict[str, float]]) -> int:
    count = 0
    ordered = sorted(found, key=lambda box: box["x"])
    for place, one in enumerate(ordered):
        for other in ordered[place + 1 :]:
            if other["x"] >= one["right"]:
                break
            count += one["y"] < other["bottom"] and other["y"] < one["bottom"]
    return count


LEGEND = 3


@pytest.mark.chromium
@pytest.mark.parametrize("form", ["svg", "html"])
def test_picture_of_three(browser: Chrome, siblings: Repo, form: str) -> None:
    opened(browser, siblings, form)
    found = boxes(browser)
    assert len(found) == 3 + (LEGEND if form == "svg" else 0)
    assert overlapping(found) == 0
    assert all(box["over"] < 0 for box in found)  # every name is inside of its box


@pytest.mark.chromium
@pytest.mark.parametrize("form", ["svg", "html"])
def test_picture_of_a_thousand(browser: Chrome, large: Repo, form: str) -> None:
    opened(browser, large, form)
    found = boxes(browser)
    assert len(found) == 1015 + (LEGEND if form == "svg" else 0)
    assert overlapping(found) == 0
    assert all(box["over"] < 0 for box in found)
    width = max(box["right"] for box in found)
    height = max(box["bottom"] for box in found)
    assert width / height < 4 and height / width < 8  # no ribbon


@pytest.mark.chromium
def test_page_on_dark(browser: Chrome, siblings: Repo) -> None:
    def light(element: WebElement, what: str) -> float:
        red, green, blue = map(int, re.findall(r"\d+", element.value_of_css_property(what))[:3])
        return 0.3 * red + 0.6 * green + 0.1 * blue

    for form, ground in (("html", ("body", "background-color")), ("svg", (".page", "fill"))):
        for dark in (False, True):
            opened(browser, siblings, form, dark)
            back = light(browser.find_element(By.CSS_SELECTOR, ground[0]), ground[1])
            text = light(browser.find_element(By.CSS_SELECTOR, ".node text"), "fill")
            assert (back < 60 < 180 < text) if dark else (text < 60 < 180 < back)


@pytest.mark.chromium
def test_page_by_keyboard(browser: Chrome, large: Repo) -> None:
    opened(browser, large, "html")

    def press(*keys: str) -> WebElement:
        browser.switch_to.active_element.send_keys(*keys)
        return browser.switch_to.active_element

    def name() -> str:
        return (browser.switch_to.active_element.get_attribute("aria-label") or "").split(",")[0]

    press("n")
    assert name() == "0043_other"  # the first in conflict
    press(Keys.ARROW_DOWN)
    assert name() == "0044_other"
    press(Keys.ENTER)
    node = browser.switch_to.active_element
    assert node.get_attribute("aria-pressed") == "true"
    assert node.get_attribute("aria-label") == (
        "0044_other, after app01.0090_x, app07.0043_other, in conflict: no base branch to compare"
    )
    told = browser.find_element(By.ID, "told").text
    assert told.startswith("0044_other: no base branch") and "before it, 0 after it" in told
    path = browser.find_elements(By.CSS_SELECTOR, ".node.path")
    assert len(path) == int(told.split("\n")[-1].split()[0]) + 1
    assert len(browser.find_elements(By.CSS_SELECTOR, "#lines path")) >= 2  # to the other apps
    press(Keys.ARROW_UP)  # its first parent is another app's
    assert browser.switch_to.active_element.find_element(
        By.XPATH, "ancestor::details/summary"
    ).text.startswith("app01")
    press(Keys.ESCAPE)
    assert not browser.find_elements(By.CSS_SELECTOR, ".node.path")
    press("/")
    assert browser.switch_to.active_element.get_attribute("id") == "search"
    press("only", Keys.ENTER)
    assert name() == "0001_only"
    assert browser.find_element(By.ID, "count").text == "3 found"
    press("+")
    assert browser.find_element(By.ID, "reset").text == "125 %"
    press("0")
    assert browser.find_element(By.ID, "reset").text == "100 %"


@pytest.mark.chromium
def test_page_folds_apps_and_opens_what_is_searched(browser: Chrome, large: Repo) -> None:
    opened(browser, large, "html")
    apps = browser.find_elements(By.TAG_NAME, "details")
    assert all(app.get_attribute("open") for app in apps)
    browser.find_element(By.ID, "fold").click()
    assert not any(app.get_attribute("open") for app in apps)
    browser.find_element(By.ID, "search").send_keys("0002_only", Keys.ENTER)
    assert [app.get_attribute("open") for app in apps].count("true") == 1
    apps[0].find_element(By.TAG_NAME, "summary").click()
    assert apps[0].get_attribute("open")


@pytest.mark.chromium
def test_page_for_screen_readers(browser: Chrome, siblings: Repo) -> None:
    opened(browser, siblings, "html")
    tree = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    named = {
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in tree
        if not node.get("ignored")
    }
    assert (
        "button",
        "0002_price, after shop.0001_initial, in conflict: not on origin/main",
    ) in named
    assert ("searchbox", "Search migrations") in named
    assert ("heading", "3 migrations in 1 app, 2 in conflict") in named
    assert any(role == "DisclosureTriangle" and name.startswith("shop") for role, name in named)
    buttons = [name for role, name in named if role == "button"]
    assert all(buttons)


@pytest.mark.chromium
def test_page_asks_no_network(browser: Chrome, siblings: Repo) -> None:
    opened(browser, siblings, "html")
    entries = browser.execute_script("return performance.getEntriesByType('resource').length")
    assert entries == 0
    browser.execute_script(
        "const s = document.createElement('script'); s.textContent = 'window.planted = 1'; document.body.append(s);"
    )
    assert browser.execute_script("return window.planted") is None  # the policy lets only ours run
