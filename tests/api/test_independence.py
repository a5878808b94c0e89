"""The client library stands alone."""

import ast
from pathlib import Path
import subprocess
import sys

from tests import ROOT

INTEGRATION = ROOT / "custom_components" / "eevion"
ALLOWED = {"aiohttp", "orjson", "yarl"}

PROGRAM = """
import sys
sys.modules["homeassistant"] = None
sys.path.insert(0, sys.argv[1])
import api
assert all(hasattr(api, name) for name in api.__all__)
assert list(api.__all__) == sorted(api.__all__, key=lambda name: (not name.isupper(), name))
"""


def _imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level in (0, 1), "nothing outside the folder"
            if node.level == 0:
                names.add(node.module.partition(".")[0])
    return names


def test_nothing_of_home_assistant_is_imported():
    files = sorted((INTEGRATION / "api").rglob("*.py"))
    assert files
    for path in files:
        assert _imported(path) <= ALLOWED | sys.stdlib_module_names, path.name


def test_it_works_where_there_is_no_home_assistant():
    subprocess.run([sys.executable, "-c", PROGRAM, str(INTEGRATION)], check=True)
