"""What holds for every blueprint."""

from pathlib import Path
from typing import Any

from homeassistant.components.automation.config import AUTOMATION_BLUEPRINT_SCHEMA
from homeassistant.components.blueprint.importer import _get_github_import_url
from homeassistant.components.blueprint.models import Blueprint
from homeassistant.helpers.selector import selector
from homeassistant.util.yaml import load_yaml_dict, parse_yaml
import pytest

from tests.blueprints.conftest import FOLDER

FILES = sorted((FOLDER / "eevion").glob("*.yaml"))
REQUIRED = {"monthly_statement": set(), "move_your_car": {"stations"}}
SHOWN = 6
"""So many questions a person meets at first; the others are in sections."""


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def file(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def blueprint(file: Path) -> Blueprint:
    return Blueprint(
        load_yaml_dict(str(file)),
        path=file.name,
        expected_domain="automation",
        schema=AUTOMATION_BLUEPRINT_SCHEMA,
    )


def test_all_are_here() -> None:
    assert [file.stem for file in FILES] == sorted(REQUIRED)


def test_frame(blueprint: Blueprint, file: Path) -> None:
    assert blueprint.validate() is None
    metadata = blueprint.metadata
    assert metadata["homeassistant"]["min_version"] == "2026.10.0"
    url = f"https://github.com/eevion-ha/eevion/blob/main/{file.relative_to(FOLDER.parents[1])}"
    assert metadata["source_url"] == url
    assert str(_get_github_import_url(url)).startswith("https://raw.githubusercontent.com/")
    assert metadata["name"].startswith("Eevion: ")
    for word in ("You need", "**What it does.**"):
        assert word in metadata["description"]


def test_messages_are_in_each_language(blueprint: Blueprint) -> None:
    texts = blueprint.data["variables"]["texts"]
    options = blueprint.inputs["language"]["selector"]["select"]["options"]
    assert list(texts) == [option["value"] for option in options]
    for words in texts.values():
        assert words.keys() == texts["en"].keys()
        for key, text in texts["en"].items():
            if isinstance(text, str):
                assert words[key].count("%s") == text.count("%s"), key


def test_inputs(blueprint: Blueprint, file: Path) -> None:
    """Each says what it is; all but a few have a default that is one of its values."""
    for name, field in blueprint.inputs.items():
        assert field["name"], name
        assert field["description"].endswith("."), name
        assert ("default" in field) is (name not in REQUIRED[file.stem]), name
        if not field.get("default"):
            continue  # nothing chosen
        select = selector(field["selector"])
        assert select(field["default"]) == field["default"], name


def test_sections(blueprint: Blueprint) -> None:
    sections: list[Any] = []
    shown = 0
    for field in blueprint.metadata["input"].values():
        if "input" in field:
            sections.append(field)
        else:
            assert not sections, "questions come before sections"
            shown += 1
    assert shown <= SHOWN
    for section in sections:
        assert section["name"]
        assert section["icon"].startswith("mdi:")
        assert section["description"].endswith(".")
        assert section["collapsed"] is True


def test_survives_an_import(blueprint: Blueprint) -> None:
    """Home Assistant writes an imported blueprint again, without comments and anchors."""
    again = Blueprint(
        parse_yaml(blueprint.yaml()),  # type: ignore[arg-type]
        expected_domain="automation",
        schema=AUTOMATION_BLUEPRINT_SCHEMA,
    )
    assert again.data == blueprint.data


def test_guesses_no_entities(file: Path) -> None:
    """People rename entities."""
    text = file.read_text(encoding="utf-8")
    for platform in ("sensor", "number", "switch", "binary_sensor"):
        assert f"'{platform}.eevion" not in text
        assert f"{platform}.station_" not in text
