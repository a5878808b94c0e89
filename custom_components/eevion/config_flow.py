"""From an API key to an account; and when the key, the address or the wishes change."""

from collections.abc import Mapping
from typing import Any, override

from homeassistant.config_entries import (
    SOURCE_REAUTH,
    SOURCE_RECONFIGURE,
    ConfigEntry,
    ConfigFlow,
    ConfigFlowResult,
)
from homeassistant.const import CONF_API_KEY, CONF_URL
from homeassistant.core import callback
from homeassistant.data_entry_flow import section
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.selector import (
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import probatio as vol
from yarl import URL

from .addresses import is_local_host
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
from .budget import async_get_budgets
from .const import (
    CONF_ADVANCED,
    CONF_ENVIRONMENT,
    CONF_KNOWN_SITES,
    DOMAIN,
    LOGGER,
    PROFILE_URL,
)
from .options_flow import EevionOptionsFlow

_KEY_SELECTOR = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off"))
_REAUTH_SCHEMA = vol.Schema({vol.Required(CONF_API_KEY): _KEY_SELECTOR})
_USER_SCHEMA = vol.Schema(
    {
        vol.Required(CONF_API_KEY): _KEY_SELECTOR,
        vol.Required(CONF_ENVIRONMENT, default=Environment.PRODUCTION.value): SelectSelector(
            SelectSelectorConfig(
                options=[environment.value for environment in Environment],
                translation_key=CONF_ENVIRONMENT,
            )
        ),
        vol.Optional(CONF_ADVANCED): section(
            vol.Schema(
                {
                    vol.Required(CONF_URL, default=BASE_URL): TextSelector(
                        TextSelectorConfig(type=TextSelectorType.URL)
                    )
                }
            ),
            {"collapsed": True},
        ),
    }
)
_TITLE = "Eevion"
"""Of an account with several sites."""


class _InputError(Exception):
    """What was entered does not work; the argument is the error's key."""


def _checked_url(text: str) -> str:
    """Return a base URL that the key may travel to: https, or http within the house."""
    try:
        url = URL(text.strip())
        is_plain = url.scheme == "http"
        host = url.host
        port = url.port
    except ValueError as err:
        raise _InputError("invalid_url") from err
    if (
        url.scheme not in ("http", "https")
        or not host
        or not port
        or url.raw_user is not None
        or url.raw_password is not None
        or url.query_string
        or url.fragment
        or (is_plain and not is_local_host(host))
    ):
        raise _InputError("invalid_url")
    return str(url).rstrip("/")


class EevionConfigFlow(ConfigFlow, domain=DOMAIN):
    """One form for an account: new, with a new key, or changed."""

    @override
    @staticmethod
    @callback
    def async_get_options_flow(config_entry: ConfigEntry) -> EevionOptionsFlow:
        """Return the flow for the wishes."""
        return EevionOptionsFlow()

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the key of a new account."""
        return await self._async_step("user", _USER_SCHEMA, user_input)

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Begin to ask for a new key: the cloud does not take the old one any more."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for a new key of the same account."""
        return await self._async_step("reauth_confirm", _REAUTH_SCHEMA, user_input)

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for everything anew."""
        return await self._async_step("reconfigure", _USER_SCHEMA, user_input)

    async def _async_step(
        self, step_id: str, schema: vol.Schema, user_input: dict[str, Any] | None
    ) -> ConfigFlowResult:
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                data = self._merged(user_input)
                sites = await self._async_try(data)
            except _InputError as err:
                errors["base"] = str(err)
            else:
                return await self._async_finish(data, sites)
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, self._shown_input(user_input)),
            errors=errors,
            description_placeholders={"profile_url": PROFILE_URL},
        )

    def _entry(self) -> ConfigEntry | None:
        if self.source == SOURCE_REAUTH:
            return self._get_reauth_entry()
        if self.source == SOURCE_RECONFIGURE:
            return self._get_reconfigure_entry()
        return None

    def _shown_input(self, user_input: dict[str, Any] | None) -> dict[str, Any]:
        """Return what the form begins with; the key is never shown."""
        if user_input is not None:
            return {key: value for key, value in user_input.items() if key != CONF_API_KEY}
        if (entry := self._entry()) is None:
            return {}
        return {
            CONF_ENVIRONMENT: entry.data[CONF_ENVIRONMENT],
            CONF_ADVANCED: {CONF_URL: entry.data[CONF_URL]},
        }

    def _merged(self, user_input: dict[str, Any]) -> dict[str, Any]:
        """Return the account's data as wished for."""
        entry = self._entry()
        data = dict(entry.data) if entry else {}
        data[CONF_API_KEY] = user_input[CONF_API_KEY].strip()
        if CONF_ENVIRONMENT in user_input:
            data[CONF_ENVIRONMENT] = user_input[CONF_ENVIRONMENT]
            advanced = user_input.get(CONF_ADVANCED, {})
            data[CONF_URL] = _checked_url(advanced.get(CONF_URL, data.get(CONF_URL, BASE_URL)))
        return data

    async def _async_try(self, data: Mapping[str, Any]) -> list[Site]:
        """Return the sites that the key sees; raise _InputError where it does not work."""
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
            LOGGER.debug("The key could not be tried: %s", err)
            raise _InputError("cannot_connect") from err
        except Exception as err:
            LOGGER.exception("Unexpected error while the key was tried")
            raise _InputError("unknown") from err
        if not any(site.ports for site in sites.sites):
            raise _InputError("no_stations")
        return list(sites.sites)

    async def _async_finish(self, data: dict[str, Any], sites: list[Site]) -> ConfigFlowResult:
        """Make or change the entry; an account is known by its sites, for it has no id."""
        site_ids = sorted(site.site_id for site in sites)
        entry = self._entry()
        owner = self._owner(data[CONF_ENVIRONMENT], site_ids)
        is_same_world = entry and entry.data[CONF_ENVIRONMENT] == data[CONF_ENVIRONMENT]
        if entry is None and owner:
            return self.async_abort(reason="already_configured")
        if entry and owner is not entry and (owner or is_same_world):
            return self.async_abort(reason="wrong_account")
        data[CONF_KNOWN_SITES] = site_ids
        unique_id = f"{data[CONF_ENVIRONMENT]}_{site_ids[0]}"
        if entry:
            if is_same_world:
                unique_id = entry.unique_id or unique_id
            return self.async_update_reload_and_abort(entry, unique_id=unique_id, data=data)
        await self.async_set_unique_id(unique_id)
        self._abort_if_unique_id_configured()
        title = sites[0].name if len(sites) == 1 else _TITLE
        return self.async_create_entry(title=title, data=data)

    def _owner(self, environment: str, site_ids: list[str]) -> ConfigEntry | None:
        """Return the entry that has one of these sites already."""
        return next(
            (
                entry
                for entry in self._async_current_entries()
                if entry.data[CONF_ENVIRONMENT] == environment
                and not set(site_ids).isdisjoint(entry.data[CONF_KNOWN_SITES])
            ),
            None,
        )
