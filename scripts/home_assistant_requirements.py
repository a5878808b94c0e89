"""Print what Home Assistant would install at its first start, at its own pins."""

import json
from pathlib import Path
import sys

from homeassistant import bootstrap
from homeassistant.requirements import DISCOVERY_INTEGRATIONS

OURS = Path(__file__).parents[1] / "custom_components/eevion/manifest.json"
# What the demonstration and the tests set up, beside what is always set up and what we name.
DOMAINS = {
    "assist_pipeline",
    "blueprint",
    "config",
    "conversation",
    "energy",
    "group",
    "history",
    "isal",
    "logbook",
    "my",
    "sun",
    "template",
    "utility_meter",
}
# They have no wheels (see stand_ins/), and nothing here listens or plays a video.
WITHOUT = ("av==", "ha-av==", "pymicro-vad==", "pyspeex-noise==")


def main() -> int:
    """Follow the manifests from the domains set up to all that these may load."""
    components = Path(bootstrap.__file__).parent / "components"
    ours = json.loads(OURS.read_text())
    todo = DOMAINS | {*ours["dependencies"], *ours["after_dependencies"]}
    todo |= set(bootstrap.CORE_INTEGRATIONS) | set(bootstrap.DEFAULT_INTEGRATIONS)
    done: set[str] = set()
    requirements: set[str] = set()
    while todo:
        done.add(domain := todo.pop())
        path = components / domain / "manifest.json"
        if not path.exists():
            continue
        manifest = json.loads(path.read_text())
        requirements.update(manifest.get("requirements", []))
        # As homeassistant/requirements.py does it.
        todo.update(manifest.get("dependencies", []), manifest.get("after_dependencies", []))
        todo.update(d for d, keys in DISCOVERY_INTEGRATIONS.items() if set(keys) & manifest.keys())
        todo -= done
    print(*sorted(r for r in requirements if not r.startswith(WITHOUT)), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
