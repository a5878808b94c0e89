"""The order of the packages: each imports only from those below it."""

import pytest

from tests import ROOT
from tests.imports import cycle_in, docstrings_of_packages, import_graph

INTEGRATION = ROOT / "custom_components" / "eevion"

# From the bottom to the top; parts of one line do not import each other.
ORDER = (
    ("const",),
    ("api", "helpers", "translation", "entity_budget"),
    ("errors",),
    ("storage",),
    ("account",),
    ("stations", "webhook"),
    ("devices",),
    ("accounting", "polling"),
    ("coordinator",),
    ("commands", "history", "statements"),
    ("background", "smart"),
    ("models",),
    ("entity", "actions", "assist", "dashboard"),
    ("platforms", "services", "llm", "intent"),
    ("__init__",),
)
# Modules that Home Assistant loads by name.
PLATFORMS = {
    "binary_sensor",
    "button",
    "condition",
    "config_flow",
    "diagnostics",
    "event",
    "notify",
    "number",
    "select",
    "sensor",
    "switch",
    "system_health",
    "time",
    "trigger",
}
# Packages whose `__init__` exports what others use; the others' modules are interfaces as well.
EXPORTING = {"actions", "assist", "commands", "history", "smart", "statements"}
RANKS = {part: rank for rank, parts in enumerate(ORDER) for part in parts}


def part(name: str) -> str:
    """Return the package or the module of the top level that a module belongs to."""
    top = name.partition(".")[0]
    return "platforms" if top in PLATFORMS else top


IMPORTS = import_graph(INTEGRATION)


@pytest.mark.parametrize("name", IMPORTS)
def test_imports_come_from_below(name: str) -> None:
    for other in IMPORTS[name]:
        if part(other) != part(name):
            assert RANKS[part(other)] < RANKS[part(name)], other


@pytest.mark.parametrize("name", IMPORTS)
def test_what_others_use_is_in_the_package_itself(name: str) -> None:
    for other in IMPORTS[name]:
        top, _, module = other.partition(".")
        assert top == part(name) or top not in EXPORTING or module in ("", "__init__"), other


def test_there_are_no_cycles() -> None:
    assert cycle_in(IMPORTS) == []


def test_a_package_has_a_sentence() -> None:
    for package, doc in docstrings_of_packages(INTEGRATION).items():
        assert doc, package
        assert "\n" not in doc, package
