"""Hold every module to its share of covered lines and branches: coverage_check.py REPORT.json."""

import json
from pathlib import Path
import sys

# In percent; the first that fits counts.
FLOORS = {
    "custom_components/eevion/config_flow.py": 100,
    "custom_components/eevion/": 95,
    "simulator/": 90,
}


def main() -> int:
    """Name the modules below their floor."""
    files = json.loads(Path(sys.argv[1]).read_text())["files"]
    failed = False
    for name, file in files.items():
        floor = next(percent for prefix, percent in FLOORS.items() if name.startswith(prefix))
        if (covered := file["summary"]["percent_covered"]) < floor:
            lines = ", ".join(map(str, file["missing_lines"])) or "branches only"
            print(f"{name}: {covered:.1f} % covered, not {floor} %; missing: {lines}")
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
