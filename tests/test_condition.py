"""Automations that go on under the integration's own conditions."""

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.eevion.condition import CONDITIONS
from simulator import Cloud, World
from tests.automations import TARGETS, automate, target
from tests.conftest import Pass

FIRST, SECOND = "2133", "2134"
# Whether it holds with a car that charges, and the entity it looks at.
CASES: dict[str, tuple[bool, tuple[str, str]]] = {
    "is_available": (False, ("sensor", "status")),
    "is_charging": (True, ("binary_sensor", "charging")),
    "is_plugged_in": (True, ("binary_sensor", "plugged_in")),
}


def test_all_are_tried() -> None:
    assert set(CASES) == set(CONDITIONS)


class Checker:
    """An automation with a condition, and whether that held."""

    def __init__(self, hass: HomeAssistant) -> None:
        self._hass = hass

    async def begin(self, condition: dict[str, object]) -> None:
        trigger = {"trigger": "event", "event_type": "ask"}
        self._fired = await automate(self._hass, trigger, [condition])

    async def holds(self) -> bool:
        self._fired.clear()
        self._hass.bus.async_fire("ask")
        await self._hass.async_block_till_done()
        return bool(self._fired)


@pytest.fixture
def condition(hass: HomeAssistant) -> Checker:
    return Checker(hass)


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("name", CASES)
async def test_each(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    world: World,
    condition: Checker,
    wait: Pass,
    name: str,
    kind: str,
) -> None:
    when_charging, entity = CASES[name]
    where = target(hass, loaded, world, kind, (FIRST, *entity))
    await condition.begin({"condition": f"eevion.{name}", "target": where})
    assert await condition.holds() is not when_charging
    world.plug_in(SECOND, card=True)
    await wait(31)
    assert await condition.holds() is not when_charging, "another station"
    world.plug_in(FIRST, card=True)
    await wait(31)
    await wait(5)
    assert await condition.holds() is when_charging
    world.unplug(FIRST)
    await wait(31)
    await wait(31)
    assert await condition.holds() is not when_charging


@pytest.mark.parametrize(("behavior", "expected"), {"any": [0, 1, 1], "all": [0, 0, 1]}.items())
async def test_of_several_stations(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    world: World,
    condition: Checker,
    wait: Pass,
    behavior: str,
    expected: list[int],
) -> None:
    entity = CASES["is_charging"][1]
    target(hass, loaded, world, "area_id", (SECOND, *entity))
    where = target(hass, loaded, world, "area_id", (FIRST, *entity))
    await condition.begin(
        {"condition": "eevion.is_charging", "target": where, "options": {"behavior": behavior}}
    )
    found = [await condition.holds()]
    for name in (FIRST, SECOND):
        world.plug_in(name, card=True)
        await wait(31)
        await wait(5)
        found.append(await condition.holds())
    assert found == expected


async def test_for_a_while(
    hass: HomeAssistant, loaded: MockConfigEntry, world: World, condition: Checker, wait: Pass
) -> None:
    where = target(hass, loaded, world, "device_id", (FIRST, *CASES["is_plugged_in"][1]))
    await condition.begin(
        {"condition": "eevion.is_plugged_in", "target": where, "options": {"for": "00:02:00"}}
    )
    world.plug_in(FIRST, card=True)
    await wait(31)
    assert not await condition.holds()
    await wait(121)
    assert await condition.holds()


@pytest.mark.parametrize("name", CASES)
async def test_while_the_cloud_is_away(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    world: World,
    cloud: Cloud,
    condition: Checker,
    wait: Pass,
    name: str,
) -> None:
    where = target(hass, loaded, world, "device_id", (FIRST, *CASES[name][1]))
    await condition.begin({"condition": f"eevion.{name}", "target": where})
    if CASES[name][0]:
        world.plug_in(FIRST, card=True)
        await wait(31)
        await wait(5)
    assert await condition.holds()
    cloud.faults.set("error")
    for _ in range(10):
        await wait(31)
    assert not await condition.holds()
