"""The configuration folder of the demonstration's Home Assistant."""

from importlib.util import find_spec
import json
from pathlib import Path
import shutil
from typing import Any

ROOT = Path(__file__).parents[2]

# Without `default_config`, which finds devices on the network and asks the internet.
CONFIGURATION = """\
assist_pipeline:
config:
conversation:
energy:
frontend:
history:
logbook:
my:
recorder:
  commit_interval: 1
sun:
webhook:
logger:
  default: warning
  logs:
    custom_components.eevion: debug
    haffmpeg: fatal
template: !include template.yaml
automation: !include automations.yaml
scene: !include scenes.yaml
script: !include scripts.yaml
"""
# In a container Home Assistant otherwise writes to /media.
MEDIA_FOLDER = """\
homeassistant:
  media_dirs:
    local: {}
"""
GRID_POWER = "sensor.grid_power"
PRICE = "sensor.electricity_price"
# A house with panels of 9 kW, the simulated station behind its meter, and a price by the hour.
TEMPLATE = """\
- triggers:
    - trigger: time_pattern
      seconds: /10
    - trigger: homeassistant
      event: start
  variables:
    hour: "{{ now().hour + now().minute / 60 }}"
    house: "{{ 0.6 + 0.3 * sin(hour * 5) }}"
    sun: "{{ 9 * [0, sin((hour - 6) / 13 * pi)] | max if 6 < hour < 19 else 0 }}"
    station: "{{ states('sensor.station_2133_power') | float(0) }}"
  sensor:
    - name: Grid power
      unique_id: demo_grid_power
      device_class: power
      state_class: measurement
      unit_of_measurement: kW
      state: "{{ (house + station - sun) | round(2) }}"
    - name: Solar power
      unique_id: demo_solar_power
      device_class: power
      state_class: measurement
      unit_of_measurement: kW
      state: "{{ sun | round(2) }}"
    - name: Electricity price
      unique_id: demo_electricity_price
      unit_of_measurement: CAD/kWh
      state: "{{ 0.076 if hour < 7 or hour >= 19 else 0.158 if 11 <= hour < 17 else 0.122 }}"
"""
# New in 2026.11; without a disabled entry it adds itself and asks the internet.
MARKETPLACE = {
    "created_at": "2026-01-01T00:00:00+00:00",
    "data": {},
    "disabled_by": "user",
    "discovery_keys": {},
    "domain": "marketplace",
    "entry_id": "0" * 32,
    "minor_version": 1,
    "modified_at": "2026-01-01T00:00:00+00:00",
    "options": {},
    "pref_disable_new_entities": False,
    "pref_disable_polling": False,
    "source": "system",
    "subentries": [],
    "title": "Marketplace",
    "unique_id": None,
    "version": 1,
}


def write_configuration(folder: Path, port: int) -> bool:
    """Lay the folder out, keep what people changed; return whether it has a user already."""
    (folder / ".storage").mkdir(parents=True, exist_ok=True)
    (media := folder.absolute() / "media").mkdir(exist_ok=True)
    for name, text in {
        "configuration.yaml": CONFIGURATION + MEDIA_FOLDER.format(json.dumps(str(media))),
        "automations.yaml": "[]\n",
        "scenes.yaml": "[]\n",
        "scripts.yaml": "{}\n",
        "template.yaml": TEMPLATE,
    }.items():
        if not (path := folder / name).exists():
            path.write_text(text)
    # Home Assistant takes `http:` in YAML for a trial and undoes it after five minutes.
    _storage(folder, "http").unlink(missing_ok=True)
    _seed(folder, "http", {"server_host": ["127.0.0.1"], "server_port": port})
    # Where the simulator can call it.
    _seed(folder, "core.config", {"internal_url": f"http://127.0.0.1:{port}", "radius": 100})
    # This step counts as done: it would add integrations that ask the internet.
    _seed(folder, "onboarding", {"done": ["core_config"]}, version=4)
    if find_spec("homeassistant.components.marketplace"):
        _seed(folder, "core.config_entries", {"entries": [MARKETPLACE]}, minor_version=5)
    if not (link := folder / "custom_components").is_symlink():
        link.symlink_to(ROOT / "custom_components")
    for name in ("blueprints", "custom_sentences"):
        shutil.copytree(ROOT / name, folder / name, dirs_exist_ok=True)
    onboarding = json.loads(_storage(folder, "onboarding").read_text())
    return "user" in onboarding["data"]["done"]


def _storage(folder: Path, key: str) -> Path:
    return folder / ".storage" / key


def _seed(folder: Path, key: str, data: Any, version: int = 1, minor_version: int = 1) -> None:
    if not (path := _storage(folder, key)).exists():
        stored = {"version": version, "minor_version": minor_version, "key": key, "data": data}
        path.write_text(json.dumps(stored))
