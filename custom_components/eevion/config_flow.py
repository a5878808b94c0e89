"""The config flow and the options flow of an account."""

from collections.abc import Mapping
from typing import Any, override

from homeassistant.config_entries import (
    SOURCE_REAUTH,
    SOURCE_RECONFIGURE,
    ConfigEntry,
    ConfigEntryState,
    ConfigFlow,
    ConfigFlowResult,
    ConfigSubentryFlow,
    OptionsFlowWithReload,
)
from homeassistant.const import CONF_API_KEY, CONF_URL
from homeassistant.core import callback
from homeassistant.data_entry_flow import section
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TemplateSelector,
    TemplateSelectorConfig,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import probatio as vol

from .account import MINOR_VERSION, VERSION, AccountData, AccountOptions, account_title, async_owner
from .api import (
    BASE_URL,
    EevionAuthenticationError,
    EevionClient,
    EevionError,
    EevionRateLimitError,
    Environment,
    Lane,
    Site,
)
from .const import (
    CONF_ADVANCED,
    CONF_ENVIRONMENT,
    CONF_EXCLUDED_SITES,
    CONF_IMPORT_HISTORY,
    CONF_INACTIVE_STATIONS,
    CONF_KNOWN_SITES,
    CONF_SITES,
    CONF_WEBHOOK_URL,
    DOMAIN,
    LOGGER,
    PROFILE_URL,
)
from .helpers import checked_base_url
from .polling import async_get_budgets
from .smart import SUBENTRY_SMART_CHARGING, SmartChargingFlow
from .translation import Texts, escaped

# The only selector with a button to copy that accepts plain text.
_COPY_SELECTOR = TemplateSelector(TemplateSelectorConfig(read_only=True))


class EevionOptionsFlow(OptionsFlowWithReload):
    """The flow for the options of an account, in one form."""

    def __init__(self) -> None:
        """Begin without a form."""
        self._names: dict[str, str] = {}
        """The names of the sites in the form, by id: the cloud may report others meanwhile."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show the form; excluded sites are stored, so that new sites are included."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="not_loaded")
        url = self.config_entry.runtime_data.webhook.url
        errors: dict[str, str] = {}
        if user_input is not None:
            if user_input[CONF_SITES]:
                # A site that the form did not contain is not changed.
                offered = AccountOptions.of(self.config_entry).excluded_sites | self._names.keys()
                return self.async_create_entry(
                    data={
                        CONF_EXCLUDED_SITES: sorted(offered - set(user_input[CONF_SITES])),
                        CONF_IMPORT_HISTORY: user_input[CONF_IMPORT_HISTORY],
                        CONF_INACTIVE_STATIONS: user_input[CONF_INACTIVE_STATIONS],
                    }
                )
            errors[CONF_SITES] = "no_sites"
        else:
            self._names = dict(self.config_entry.runtime_data.coordinator.site_names)
        shown = (user_input or self._present()) | ({CONF_WEBHOOK_URL: url} if url else {})
        texts = await Texts.async_load(self.hass)
        return self.async_show_form(
            step_id="init",
            data_schema=self.add_suggested_values_to_schema(_schema(self._names, url), shown),
            errors=errors,
            description_placeholders={
                "profile_url": PROFILE_URL,
                "push": "" if url else texts("no_webhook_url"),
            },
        )

    def _present(self) -> dict[str, Any]:
        options = AccountOptions.of(self.config_entry)
        return {
            CONF_SITES: [
                site_id for site_id in self._names if site_id not in options.excluded_sites
            ],
            CONF_INACTIVE_STATIONS: options.with_inactive,
            CONF_IMPORT_HISTORY: options.import_history,
        }


def _schema(names: dict[str, str], url: str | None) -> vol.Schema:
    sites = SelectSelector(
        SelectSelectorConfig(
            options=[
                SelectOptionDict(value=site_id, label=name) for site_id, name in names.items()
            ],
            mode=SelectSelectorMode.LIST,
            multiple=True,
        )
    )
    fields: dict[vol.Marker, Any] = {
        vol.Required(CONF_SITES): sites,
        vol.Required(CONF_INACTIVE_STATIONS, default=False): BooleanSelector(),
        vol.Required(CONF_IMPORT_HISTORY, default=False): BooleanSelector(),
    }
    if url:
        fields[vol.Optional(CONF_WEBHOOK_URL)] = _COPY_SELECTOR
    return vol.Schema(fields)


_KEY_SELECTOR = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off"))
_REAUTH_SCHEMA = vol.Schema({vol.Required(CONF_API_KEY): _KEY_SELECTOR})


def _user_schema(*, is_advanced_open: bool) -> vol.Schema:
    address = vol.Schema(
        {
            vol.Required(CONF_URL, default=BASE_URL): TextSelector(
                TextSelectorConfig(type=TextSelectorType.URL)
            )
        }
    )
    return vol.Schema(
        {
            vol.Required(CONF_API_KEY): _KEY_SELECTOR,
            vol.Required(CONF_ENVIRONMENT, default=Environment.PRODUCTION.value): SelectSelector(
                SelectSelectorConfig(
                    options=[environment.value for environment in Environment],
                    translation_key=CONF_ENVIRONMENT,
                )
            ),
            vol.Optional(CONF_ADVANCED): section(address, {"collapsed": not is_advanced_open}),
        }
    )


class _InputError(Exception):
    """The input is invalid or was refused; the argument is the translation key."""


class EevionConfigFlow(ConfigFlow, domain=DOMAIN):
    """The flow that adds an account, replaces its key or changes its connection."""

    VERSION = VERSION
    MINOR_VERSION = MINOR_VERSION

    @override
    @staticmethod
    @callback
    def async_get_options_flow(config_entry: ConfigEntry) -> EevionOptionsFlow:
        """Return the options flow."""
        return EevionOptionsFlow()

    @override
    @classmethod
    @callback
    def async_get_supported_subentry_types(
        cls, config_entry: ConfigEntry
    ) -> dict[str, type[ConfigSubentryFlow]]:
        """Return the flow of an electrical connection."""
        return {SUBENTRY_SMART_CHARGING: SmartChargingFlow}

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Add an account."""
        return await self._async_step("user", user_input)

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Request a new key, as the cloud does not accept the stored one."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Replace the key; reconfigure all data if the rest of it is invalid."""
        stored = AccountData.of(self._get_reauth_entry())
        if not (stored.environment and stored.url):
            return await self.async_step_reconfigure()
        return await self._async_step("reauth_confirm", user_input)

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Change the key, the environment or the URL."""
        return await self._async_step("reconfigure", user_input)

    async def _async_step(
        self, step_id: str, user_input: dict[str, Any] | None
    ) -> ConfigFlowResult:
        """Show the form of a step, or finish the flow.

        The frontend shows no errors inside a section, so all of them are above the form.
        """
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                data = self._merged(user_input)
                sites = await self._async_fetch_sites(data)
            except _InputError as err:
                errors["base"] = str(err)
            else:
                return await self._async_finish(data, sites)
        shown = self._stored_input() if user_input is None else dict(user_input)
        if errors.get("base") == "invalid_auth":
            del shown[CONF_API_KEY]
        schema = _REAUTH_SCHEMA
        if step_id != "reauth_confirm":
            address = shown.get(CONF_ADVANCED, {}).get(CONF_URL, BASE_URL)
            schema = _user_schema(is_advanced_open=address != BASE_URL)
        title = entry.title if (entry := self._entry()) else ""
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, shown),
            errors=errors,
            description_placeholders={
                "profile_url": PROFILE_URL,
                "account": title,
                "named_account": escaped(title),
            },
        )

    def _entry(self) -> ConfigEntry | None:
        if self.source == SOURCE_REAUTH:
            return self._get_reauth_entry()
        if self.source == SOURCE_RECONFIGURE:
            return self._get_reconfigure_entry()
        return None

    def _stored_input(self) -> dict[str, Any]:
        """Return the stored values of the form, without the key."""
        if (entry := self._entry()) is None:
            return {}
        stored = AccountData.of(entry)
        shown: dict[str, Any] = {}
        if stored.environment:
            shown[CONF_ENVIRONMENT] = stored.environment.value
        if stored.url:
            shown[CONF_ADVANCED] = {CONF_URL: stored.url}
        return shown

    def _merged(self, user_input: dict[str, Any]) -> dict[str, Any]:
        """Return the data of the entry with the input; raise _InputError for an invalid URL."""
        entry = self._entry()
        data = dict(entry.data) if entry else {}
        environment, url = Environment.PRODUCTION.value, BASE_URL
        if entry:
            stored = AccountData.of(entry)
            environment = stored.environment.value if stored.environment else environment
            url = stored.url or url
        data[CONF_API_KEY] = user_input[CONF_API_KEY].strip()
        data[CONF_ENVIRONMENT] = user_input.get(CONF_ENVIRONMENT, environment)
        try:
            entered = user_input.get(CONF_ADVANCED, {}).get(CONF_URL, url)
            data[CONF_URL] = checked_base_url(entered)
        except ValueError as err:
            raise _InputError("invalid_url") from err
        return data

    async def _async_fetch_sites(self, data: Mapping[str, Any]) -> list[Site]:
        """Return the sites that the key sees; raise _InputError for any failure."""
        budgets = await async_get_budgets(self.hass)
        client = EevionClient(
            session=async_get_clientsession(self.hass),
            api_key=data[CONF_API_KEY],
            environment=Environment(data[CONF_ENVIRONMENT]),
            url=data[CONF_URL],
            rate_limit=budgets.async_get(data[CONF_API_KEY]),
        )
        try:
            sites = await client.list_sites(lane=Lane.COMMAND)
        except EevionAuthenticationError as err:
            raise _InputError("invalid_auth") from err
        except EevionRateLimitError as err:
            raise _InputError("rate_limited") from err
        except EevionError as err:
            LOGGER.debug("The key could not be checked: %s", err)
            raise _InputError("cannot_connect") from err
        except Exception as err:
            LOGGER.exception("Unexpected error while the key was checked")
            raise _InputError("unknown") from err
        if not any(site.ports for site in sites.sites):
            raise _InputError("no_stations")
        return list(sites.sites)

    async def _async_finish(self, data: dict[str, Any], sites: list[Site]) -> ConfigFlowResult:
        """Create or change the entry; its sites identify an account, as it has no id."""
        site_ids = sorted(site.site_id for site in sites)
        entry = self._entry()
        owners = {site_id: async_owner(self.hass, site_id) for site_id in site_ids}
        free = [site_id for site_id, owner in owners.items() if owner in (None, entry)]
        if entry is None and (not free or self._has_connection(data)):
            return self.async_abort(reason="already_configured")
        stored = AccountData.of(entry) if entry else None
        is_same_environment = stored and stored.environment in (None, data[CONF_ENVIRONMENT])
        if stored and is_same_environment and stored.known_sites:
            # Shared sites do not identify an account, unless it has no others.
            own = {s for s in stored.known_sites if async_owner(self.hass, s) in (None, entry)}
            is_same = not (own or stored.known_sites).isdisjoint(site_ids)
        else:
            is_same = bool(free)
        if not is_same:
            return self.async_abort(reason="wrong_account")
        data[CONF_KNOWN_SITES] = site_ids
        unique_id = f"{data[CONF_ENVIRONMENT]}_{(free or site_ids)[0]}"
        if entry:
            if is_same_environment:
                unique_id = entry.unique_id or unique_id
            return self.async_update_reload_and_abort(entry, unique_id=unique_id, data=data)
        await self.async_set_unique_id(unique_id)
        self._abort_if_unique_id_configured()
        used = {other.title for other in self._async_current_entries()}
        names = [site.name for site in sites if site.site_id in free]
        return self.async_create_entry(title=account_title(names, used), data=data)

    def _has_connection(self, data: Mapping[str, Any]) -> bool:
        """Return whether an entry has the same key, environment and URL."""
        return any(
            (stored.api_key, stored.environment, stored.url)
            == (data[CONF_API_KEY], data[CONF_ENVIRONMENT], data[CONF_URL])
            for stored in map(AccountData.of, self._async_current_entries())
        )
