"""The promises of README and docs/, compared with the code and the installed frontend."""

from collections.abc import Iterator
import json
from pathlib import Path
import re
from typing import Any

import hass_frontend
import pytest
import yaml

from tests import ROOT

INTEGRATION = ROOT / "custom_components/eevion"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
README_LINES = 200
# Places of menus that are not Home Assistant's: an integration, and what it names itself.
OURS = {"Eevion", "Add smart charging", "⋮"}


def texts(tree: Any) -> Iterator[str]:
    """Yield all texts of a tree of translations."""
    if isinstance(tree, str):
        yield tree
    else:
        for value in tree.values():
            yield from texts(value)


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text("utf-8")


def rows(text: str) -> list[list[str]]:
    """Return the cells of all rows of tables."""
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("| ") and not line.startswith("| ---")
    ]


def anchors(text: str) -> set[str]:
    """Return the anchors of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.fixture(scope="module")
def english() -> dict[str, Any]:
    texts: dict[str, Any] = json.loads((INTEGRATION / "translations/en.json").read_text("utf-8"))
    return texts


@pytest.fixture(scope="module")
def actions() -> dict[str, Any]:
    fields: dict[str, Any] = yaml.safe_load((INTEGRATION / "services.yaml").read_text("utf-8"))
    return fields


def test_readme_is_short() -> None:
    assert len(PAGES[0].read_text("utf-8").splitlines()) <= README_LINES


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    text = path.read_text("utf-8")
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith("http"):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text("utf-8")), link


def test_every_page_is_in_the_readme() -> None:
    readme = PAGES[0].read_text("utf-8")
    for path in (ROOT / "docs").glob("*.md"):
        assert f"(docs/{path.name}" in readme, path.name


def test_rules_of_the_quality_scale_name_their_page() -> None:
    scale = yaml.safe_load((INTEGRATION / "quality_scale.yaml").read_text("utf-8"))["rules"]
    for rule in (rule for rule in scale if rule.startswith("docs-")):
        path, _, anchor = scale[rule]["comment"].removesuffix(".").partition("#")
        assert (ROOT / path).exists(), rule
        assert not anchor or anchor in anchors((ROOT / path).read_text("utf-8")), rule


def test_entities(english: dict[str, Any]) -> None:
    """Every entity is named on a page, and every named one exists."""
    names = {e["name"] for platform in english["entity"].values() for e in platform.values()}
    documented = set()
    for header, *cells in rows(page("entities.md") + page("smart-charging.md")):
        if header in ("entity", "platform"):
            continue
        column = cells[0] if header in english["entity"] else header
        documented |= set(column.split(", "))
    assert documented == names


def test_actions(actions: dict[str, Any]) -> None:
    """Every action has a row with its fields, but those of the target."""
    documented = {}
    for name, _, fields, _ in (row for row in rows(page("actions.md")) if len(row) == 4):
        if match := re.fullmatch(r"`eevion\.(\w+)`", name):
            documented[match[1]] = set(re.findall(r"`(\w+)`", fields))
    assert documented.keys() == actions.keys()
    common = {"stations", "config_entry_id", "device_id"}
    for name, action in actions.items():
        known: set[str] = set()
        for key, field in (action.get("fields") or {}).items():
            known |= set(field["fields"]) if "fields" in field else {key}
        if name == "manage_stations":
            known -= set(re.findall(r"`(\w+)`", page("actions.md")))
        assert documented[name] - known <= common | {"wait"}, name
        assert known - documented[name] <= common, name


@pytest.mark.parametrize("kind", ["triggers", "conditions"])
def test_triggers_and_conditions(kind: str, english: dict[str, Any]) -> None:
    named = set(re.findall(r"`eevion\.(\w+)`", page("automations.md")))
    assert english[kind].keys() <= named


def test_named_actions_and_tools_exist(english: dict[str, Any], actions: dict[str, Any]) -> None:
    known = {"zip", *actions, *english["triggers"], *english["conditions"]}
    for path in PAGES:
        text = path.read_text("utf-8")
        assert set(re.findall(r"(?<![\w/-])eevion\.([a-z_]+)(?=[`\n])", text)) <= known, path.name


def test_messages(english: dict[str, Any]) -> None:
    """Every message of the page begins a text of ours; dots stand for what varies."""
    shown = [re.sub(r"\{\w+\}", "…", text) for text in texts(english)]
    listed = [row[0] for row in rows(page("troubleshooting.md")) if row[0] != "message"]
    assert listed
    for cell in listed:
        for message in re.split(r", (?=[A-Z])", cell.removesuffix(" (in Repairs)")):
            assert any(text.startswith(message) for text in shown), message


@pytest.fixture(scope="module")
def frontend() -> set[str]:
    """Return all English texts of the installed frontend."""
    found: set[str] = set()
    for path in (hass_frontend.where() / "static/translations").rglob("en-*.json"):
        if not path.name.startswith("en-GB"):
            found |= set(texts(json.loads(path.read_text("utf-8"))))
    return found


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_menus(path: Path, frontend: set[str], english: dict[str, Any]) -> None:
    """Places are named as Home Assistant names them, in the documentation and in our texts."""
    text = re.sub(r"\s+", " ", path.read_text("utf-8"))
    for place in re.findall(r"\*\*(Settings > [^*]+)\*\*", text):
        for part in place.split(" > "):
            assert part in frontend | OURS, place


def test_menus_of_texts(frontend: set[str], english: dict[str, Any]) -> None:
    for text in texts(english):
        for place in re.findall(r"Settings > [A-Z][^.]*?(?=\.|$)", text):
            for part in place.split(" > "):
                assert part in frontend | OURS, text
