"""How many entities are enabled by default, for new, growing and restarted accounts."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest.mock import patch

from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import MAX_ENABLED_ENTITIES_PER_CONFIG_ENTRY
from hypothesis import given, settings, strategies as st
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.eevion.binary_sensor import BINARY_SENSORS
from custom_components.eevion.entity_budget import EntityBudget, EntityShare
from custom_components.eevion.number import NUMBERS
from custom_components.eevion.sensor import SENSORS
from custom_components.eevion.switch import SWITCHES

ENTRY = MockConfigEntry(domain="eevion", entry_id="entry")
TABLES = (*BINARY_SENSORS, *NUMBERS, *SENSORS, *SWITCHES)


def test_shares_fit_the_tables() -> None:
    """A share is an upper bound of what its stations really enable."""
    by_default = [row for row in TABLES if row.entity_registry_enabled_default]
    essential = [row for row in by_default if row.is_essential]
    assert len(essential) <= EntityShare.ESSENTIAL
    assert len(by_default) <= EntityShare.DEFAULT
    assert all(row.entity_registry_enabled_default for row in TABLES if row.is_essential)


@dataclass
class Registry:
    """The registries of Home Assistant, as far as the budget uses them."""

    devices: set[str] = field(default_factory=set)
    enabled: int = 0

    def async_get_device_by_identifier(
        self, identifier: tuple[str, str], entry_id: str
    ) -> object | None:
        assert entry_id == ENTRY.entry_id
        return identifier if identifier[1] in self.devices else None

    @property
    def entities(self) -> Registry:
        return self

    def get_enabled_count_for_config_entry_id(self, entry_id: str) -> int:
        assert entry_id == ENTRY.entry_id
        return self.enabled


class Account:
    """An account whose stations use their shares up."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._count = 0
        self.start()

    def start(self) -> None:
        """Begin as after a restart of Home Assistant."""
        self._enabling = EntityBudget(None, ENTRY)  # type: ignore[arg-type]
        self._decide()

    def grow(self, count: int) -> list[EntityShare]:
        """Add stations; return what the new ones got."""
        self._count += count
        self._decide()
        new = [name for name in self._names if name not in self._registry.devices]
        shares = [self._enabling.share(name) for name in new]
        self._registry.devices |= set(new)
        self._registry.enabled += sum(shares)
        return shares

    @property
    def shares(self) -> list[EntityShare]:
        return [self._enabling.share(name) for name in self._names]

    @property
    def _names(self) -> list[str]:
        return [str(number) for number in range(self._count)]

    def _decide(self) -> None:
        self._enabling.async_decide(self._names)


@contextmanager
def registries() -> Iterator[Registry]:
    """Put one registry in place of Home Assistant's."""
    registry, module = Registry(), "custom_components.eevion.entity_budget"
    with (
        patch(f"{module}.dr.async_get", return_value=registry),
        patch(f"{module}.er.async_get", return_value=registry),
    ):
        yield registry


@pytest.fixture
def registry() -> Iterator[Registry]:
    with registries() as registry:
        yield registry


@pytest.mark.parametrize(
    ("count", "share"),
    [
        (1, EntityShare.DEFAULT),
        (100, EntityShare.DEFAULT),
        (300, EntityShare.DEFAULT),
        (320, EntityShare.ESSENTIAL),
        (1000, EntityShare.ESSENTIAL),
    ],
)
def test_a_new_account(registry: Registry, count: int, share: EntityShare) -> None:
    account = Account(registry)
    assert account.grow(count) == [share] * count
    assert registry.enabled < MAX_ENABLED_ENTITIES_PER_CONFIG_ENTRY


def test_more_stations_than_fit(registry: Registry) -> None:
    """The first have what is essential, the others are there and disabled."""
    shares = Account(registry).grow(1500)
    enabled = shares.count(EntityShare.ESSENTIAL)
    assert enabled > 1000
    assert shares == [EntityShare.ESSENTIAL] * enabled + [EntityShare.NONE] * (1500 - enabled)


def test_a_growing_account(registry: Registry) -> None:
    account = Account(registry)
    assert set(account.grow(200)) == {EntityShare.DEFAULT}
    assert set(account.grow(100)) == {EntityShare.DEFAULT}
    later = account.grow(700)
    assert set(later) == {EntityShare.NONE, EntityShare.ESSENTIAL} or set(later) == {
        EntityShare.NONE
    }
    assert registry.enabled < MAX_ENABLED_ENTITIES_PER_CONFIG_ENTRY


def test_a_decision_stands(registry: Registry) -> None:
    account = Account(registry)
    account.grow(300)
    before = account.shares
    account.grow(700)
    assert account.shares[:300] == before


def test_stations_of_a_large_account_get_few_new_entities(registry: Registry) -> None:
    """An update of the integration brings them new entities as it would on a new account."""
    account = Account(registry)
    account.grow(1000)
    account.start()
    assert set(account.shares) == {EntityShare.ESSENTIAL}


def test_sites_are_always_enabled(registry: Registry) -> None:
    account = Account(registry)
    account.grow(1500)
    assert account._enabling.share("a site") is EntityShare.DEFAULT


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(min_value=1, max_value=600) | st.just("restart"), max_size=12),
    st.integers(min_value=0, max_value=9500),
)
def test_the_limit_is_never_reached(events: list[int | str], by_hand: int) -> None:
    """In any order, and with any number of entities that people have enabled."""
    with registries() as registry:
        registry.enabled = by_hand
        account = Account(registry)
        for event in events:
            if isinstance(event, int):
                account.grow(event)
            else:
                account.start()
            assert registry.enabled <= max(by_hand, MAX_ENABLED_ENTITIES_PER_CONFIG_ENTRY - 800)


def test_real_registries(hass: HomeAssistant) -> None:
    enabling = EntityBudget(hass, ENTRY)
    enabling.async_decide(["one", "two"])
    assert [enabling.share(name) for name in ("one", "two")] == [EntityShare.DEFAULT] * 2
