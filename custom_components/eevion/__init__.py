"""Eevion: charging stations on Hypercharge's cloud."""

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE, Platform
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConfigEntryAuthFailed
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.device_registry import DeviceEntry
from homeassistant.helpers.typing import ConfigType

from .account import AccountData, async_dismiss_all, async_forget_shared, async_migrate
from .accounting import Accounting
from .api import EevionClient
from .background import ExceptionLog, LedgerReconciler, Push, SessionWatch
from .commands import Control, Jobs
from .const import DOMAIN
from .coordinator import EevionCoordinator
from .dashboard import async_setup_frontend, async_setup_websocket
from .history import HistoryStore, async_make_history
from .models import EevionConfigEntry, EevionRuntimeData
from .polling import async_get_budgets
from .services import async_setup_services
from .smart import SmartCharging, async_remove_smart_charging
from .stations import StationMemory
from .webhook import Webhook, async_remove_cloudhook

# The page of an area lists entities as they were registered: what people look for comes first.
PLATFORMS = [
    Platform.SWITCH,
    Platform.NUMBER,
    Platform.SELECT,
    Platform.TIME,
    Platform.SENSOR,
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.EVENT,
    Platform.NOTIFY,
]

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Register the actions and the dashboard; without a loaded account they say so."""
    async_setup_services(hass)
    async_setup_websocket(hass)
    await async_setup_frontend(hass)
    return True


async def async_migrate_entry(hass: HomeAssistant, entry: EevionConfigEntry) -> bool:
    """Migrate a config entry of an earlier version."""
    async_migrate(hass, entry)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: EevionConfigEntry) -> bool:
    """Set up an account from a config entry."""
    client = await _async_client(hass, entry)
    if client is None:
        raise ConfigEntryAuthFailed(translation_domain=DOMAIN, translation_key="unreadable_account")
    accounting = Accounting(hass, entry)
    await accounting.async_load()
    entry.async_on_unload(
        hass.bus.async_listen_once(EVENT_HOMEASSISTANT_FINAL_WRITE, accounting.async_close)
    )
    # A set-up that fails must not write over the ledgers of the next one.
    entry.async_on_unload(accounting.async_cancel)
    memory = StationMemory(hass, entry)
    await memory.async_load()
    coordinator = EevionCoordinator(hass, entry, client, accounting, memory)
    await coordinator.async_config_entry_first_refresh()
    webhook = Webhook(hass, entry)
    jobs = Jobs(coordinator, memory, webhook)
    history = await async_make_history(hass, coordinator)
    control = Control(coordinator, webhook)
    smart = SmartCharging(hass, coordinator, control)
    await smart.async_load()
    entry.runtime_data = EevionRuntimeData(
        coordinator=coordinator,
        control=control,
        jobs=jobs,
        memory=memory,
        rate_limit=client.rate_limit,
        webhook=webhook,
        smart=smart,
        history=history,
    )
    SessionWatch(coordinator).async_start()
    for platform in PLATFORMS:
        await hass.config_entries.async_forward_entry_setups(entry, [platform])
    LedgerReconciler(coordinator).async_start()
    if history:
        await history.async_start()
    exceptions = ExceptionLog(coordinator, memory)
    exceptions.async_start()
    webhook.async_start(Push(coordinator, jobs, exceptions).async_process)
    jobs.async_start()
    smart.async_start()
    return True


async def _async_client(hass: HomeAssistant, entry: EevionConfigEntry) -> EevionClient | None:
    """Return a client of the account; None where its key or its address is unreadable."""
    data = AccountData.of(entry)
    if not (data.api_key and data.environment and data.url):
        return None
    return EevionClient(
        session=async_get_clientsession(hass),
        api_key=data.api_key,
        environment=data.environment,
        url=data.url,
        rate_limit=(await async_get_budgets(hass)).async_get(data.api_key),
    )


async def async_unload_entry(hass: HomeAssistant, entry: EevionConfigEntry) -> bool:
    """Unload an account."""
    if is_unloaded := await hass.config_entries.async_unload_platforms(entry, PLATFORMS):
        data = entry.runtime_data
        for old_id, new_id in data.coordinator.devices.replaced.items():
            await data.coordinator.accounting.async_hand_over(old_id, new_id)
            data.memory.async_hand_over(old_id, new_id)
        await data.coordinator.accounting.async_close()
        await data.memory.async_close()
        await data.smart.async_close(data.coordinator.devices.replaced)
        if entry.disabled_by:
            async_forget_shared(hass, entry)
    return is_unloaded


async def async_remove_entry(hass: HomeAssistant, entry: EevionConfigEntry) -> None:
    """Remove the stored data of an account; its statistics stay."""
    await async_remove_cloudhook(hass, entry)
    await Accounting(hass, entry).async_remove()
    await HistoryStore(hass, entry).async_remove()
    await StationMemory(hass, entry).async_remove()
    await async_remove_smart_charging(hass, entry, await _async_client(hass, entry))
    async_forget_shared(hass, entry)
    async_dismiss_all(hass, entry)
    if not hass.config_entries.async_entries(DOMAIN):
        budgets = await async_get_budgets(hass)
        await budgets.async_remove()


async def async_remove_config_entry_device(
    hass: HomeAssistant, entry: EevionConfigEntry, device: DeviceEntry
) -> bool:
    """Return whether a device may be removed: its site or station is no longer listed."""
    if entry.state is not ConfigEntryState.LOADED:
        return True
    snapshot = entry.runtime_data.coordinator.data
    present = snapshot.sites.keys() | snapshot.stations.keys()
    return not any(id_ in present for domain, id_ in device.identifiers if domain == DOMAIN)
