"""The cost of setting an account up, beside that of Home Assistant itself."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from homeassistant.helpers import entity_registry as er

from .costs import Work, cost, memory, old_frozen
from .house import home, house
from .reference import DOMAIN, Plan, entities_noted, load_reference, plan
from .server import Server


@dataclass(frozen=True, kw_only=True)
class Setup:
    """CPU times in s, memory in bytes."""

    entities: int
    cpu: float
    reference_cpu: float
    memory: float
    reference_memory: float


async def _cpu(work: Work) -> float:
    return (await cost(work)).cpu


async def measure_setup(server: Server, folder: Path, *, times: int) -> Setup:
    """Set an account up from nothing, and as many plain entities."""
    planned = await _prepare(server, folder / "plan")
    found: list[list[float]] = [[], [], [], []]
    entities = 0
    for number in range(times):
        # Memory is the same each time.
        for index, measured in enumerate((_cpu, memory) if number == 0 else (_cpu,)):
            base = folder / f"{number} {index}"
            ours, entities = await _ours(server, base / "ours", measured)
            reference, as_many = await _reference(planned, base / "reference", measured)
            assert entities == as_many
            found[2 * index].append(ours)
            found[2 * index + 1].append(reference)
    cpu, reference_cpu, bytes_, reference_bytes = (median(values) for values in found)
    return Setup(
        entities=entities,
        cpu=cpu,
        reference_cpu=reference_cpu,
        memory=bytes_,
        reference_memory=reference_bytes,
    )


async def _prepare(server: Server, folder: Path) -> Plan:
    """Do both once so that everything is imported."""
    async with house(folder / "ours", server.url) as ours:
        with entities_noted() as noted:
            await ours.load()
        planned = plan(ours.hass, ours.entry.entry_id, noted)
    await _reference(planned, folder / "reference", _cpu)
    return planned


async def _ours(
    server: Server, folder: Path, measured: Callable[[Work], Awaitable[float]]
) -> tuple[float, int]:
    async with house(folder, server.url) as ours:
        with old_frozen():
            taken = await measured(ours.load)
        registry = er.async_get(ours.hass)
        return taken, len(er.async_entries_for_config_entry(registry, ours.entry.entry_id))


async def _reference(
    planned: Plan, folder: Path, measured: Callable[[Work], Awaitable[float]]
) -> tuple[float, int]:
    async with home(folder) as hass:
        load = load_reference(hass, planned)
        with old_frozen():
            taken = await measured(load)
        registered = er.async_get(hass).entities.values()
        return taken, sum(entity.platform == DOMAIN for entity in registered)
