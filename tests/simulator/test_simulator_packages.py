"""The order of the simulator's packages: each imports only from those below it."""

import pytest

from tests import ROOT
from tests.imports import cycle_in, docstrings_of_packages, import_graph

SIMULATOR = ROOT / "simulator"

# From the bottom to the top; what stands in one line does not import each other.
ORDER = (
    ("clock", "errors", "ids", "json_values", "settings", "timeline"),
    ("validate", "billing"),
    ("charging",),
    ("world",),
    ("http",),
    ("control",),
    ("app",),
    ("__init__", "__main__"),
)
RANKS = {part: rank for rank, parts in enumerate(ORDER) for part in parts}
IMPORTS = import_graph(SIMULATOR)


@pytest.mark.parametrize("name", IMPORTS)
def test_imports_come_from_below(name: str) -> None:
    part = name.partition(".")[0]
    for other in IMPORTS[name]:
        other_part = other.partition(".")[0]
        if other_part != part:
            assert RANKS[other_part] < RANKS[part], other


def test_there_are_no_cycles() -> None:
    assert cycle_in(IMPORTS) == []


def test_a_package_has_a_sentence() -> None:
    packages = docstrings_of_packages(SIMULATOR)
    del packages["."]
    for package, doc in packages.items():
        assert doc, package
        assert "\n" not in doc, package
