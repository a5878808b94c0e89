"""The imports of one package's modules from each other, for tests of their order."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path


def import_graph(root: Path) -> dict[str, set[str]]:
    """Return what each module imports, by dotted names inside a package."""
    modules = {
        ".".join(path.relative_to(root).with_suffix("").parts): path
        for path in sorted(root.rglob("*.py"))
    }
    return {name: _imported(name, path, modules) for name, path in modules.items()}


def _imported(name: str, path: Path, modules: dict[str, Path]) -> set[str]:
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
            found.add(next(c for c in candidates if c in modules))
    return found - {name}


def cycle_in(graph: dict[str, set[str]]) -> list[str]:
    """Return the modules of a cycle of imports, or nothing."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as err:
        cycle: list[str] = err.args[1]
        return cycle
    return []


def docstrings_of_packages(root: Path) -> dict[str, str]:
    """Return the docstring of each package, by its folder."""
    return {
        str(path.parent.relative_to(root)): ast.get_docstring(ast.parse(path.read_text("utf-8")))
        or ""
        for path in root.rglob("__init__.py")
    }
