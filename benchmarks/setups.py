"""The cost of setting an account up, beside that of Home Assistant itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from homeassistant.helpers import entity_registry as er

from .costs import cost, memory, old_frozen
from .house import House, home, house
from .reference import DOMAIN, Reference, entities_noted, make_reference, plan
from .server import Server


@dataclass(frozen=True, kw_only=True)
class Taken:
    """CPU times in s, memory in bytes; medians of several runs."""

    first: float
    """With nothing in the registries and files."""
    restart: float
    """With everything in them."""
    memory: float


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What the integration takes, and a bare one."""

    entities: int
    enabled: int
    requests_until_ready: int
    """Sent before the first state is written."""
    ours: Taken
    reference: Taken


async def measure_setup(server: Server, folder: Path, *, times: int) -> Setup:
    """Set an account up from nothing and again, and as many plain entities."""
    ours: list[tuple[float, float]] = []
    reference: list[tuple[float, float]] = []
    for number in range(times):
        async with house(folder / f"{number}" / "ours", server.url) as house_:
            with entities_noted() as noted:
                ours.append(await _cpu(house_))
            # Those of the first set-up, and the same again.
            planned = plan(house_.hass, house_.entry.entry_id, noted[: len(noted) // 2])
        async with home(folder / f"{number}" / "reference") as hass:
            reference.append(await _cpu(make_reference(hass, planned)))
    # Memory is the same each time.
    async with house(folder / "memory" / "ours", server.url) as house_:
        with old_frozen():
            ours_memory = await memory(house_.load)
        registry = er.async_get(house_.hass)
        entities = er.async_entries_for_config_entry(registry, house_.entry.entry_id)
        requests = house_.requests_until_ready
    async with home(folder / "memory" / "reference") as hass:
        with old_frozen():
            reference_memory = await memory(make_reference(hass, planned).load)
        registered = er.async_get(hass).entities.values()
        assert len(entities) == sum(entity.platform == DOMAIN for entity in registered)
    return Setup(
        entities=len(entities),
        enabled=sum(entity.disabled_by is None for entity in entities),
        requests_until_ready=requests,
        ours=_taken(ours, ours_memory),
        reference=_taken(reference, reference_memory),
    )


async def _cpu(integration: House | Reference) -> tuple[float, float]:
    """Return the CPU times of the first set-up and of the next one."""
    with old_frozen():
        first = (await cost(integration.load)).cpu
        await integration.stop()
    with old_frozen():
        return first, (await cost(integration.start)).cpu


def _taken(cpu: Sequence[tuple[float, float]], memory: float) -> Taken:
    first, restart = (median(values) for values in zip(*cpu, strict=True))
    return Taken(first=first, restart=restart, memory=memory)
