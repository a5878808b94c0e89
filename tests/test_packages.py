"""The order of the packages: each imports only from those below it."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests import ROOT

INTEGRATION = ROOT / "custom_components" / "eevion"

# From the bottom to the top; what stands in one line does not import each other.
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
    ("commands", "history"),
    ("background",),
    ("models",),
    ("entity", "actions", "assist"),
    ("platforms", "services", "llm", "intent"),
    ("__init__",),
)
# What Home Assistant looks for by name.
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
    "trigger",
}
RANKS = {part: rank for rank, parts in enumerate(ORDER) for part in parts}


def modules() -> dict[str, Path]:
    """Return the modules by their dotted name inside the integration."""
    return {
        ".".join(path.relative_to(INTEGRATION).with_suffix("").parts): path
        for path in sorted(INTEGRATION.rglob("*.py"))
    }


def imported(name: str, path: Path, known: dict[str, Path]) -> set[str]:
    """Return the modules that a module imports, those for type checking included."""
    found: set[str] = set()
    package = name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        parts = package[: len(package) + 1 - node.level] + (node.module or "").split(".")
        base = ".".join(filter(None, parts))
        for alias in node.names:
            submodule = f"{base}.{alias.name}".removeprefix(".")
            candidates = (submodule, base, f"{base}.__init__".removeprefix("."))
            found.add(next(c for c in candidates if c in known))
    return found - {name}


def part(name: str) -> str:
    """Return the package or the module of the top level that a module belongs to."""
    top = name.partition(".")[0]
    return "platforms" if top in PLATFORMS else top


IMPORTS = {name: imported(name, path, modules()) for name, path in modules().items()}


@pytest.mark.parametrize("name", IMPORTS)
def test_imports_come_from_below(name: str) -> None:
    for other in IMPORTS[name]:
        if part(other) != part(name):
            assert RANKS[part(other)] < RANKS[part(name)], other


def test_there_are_no_cycles() -> None:
    try:
        TopologicalSorter(IMPORTS).prepare()
    except CycleError as err:
        pytest.fail(" <- ".join(err.args[1]))


def test_a_package_has_a_sentence() -> None:
    for path in INTEGRATION.rglob("__init__.py"):
        doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        assert doc, path
        assert "\n" not in doc, path
