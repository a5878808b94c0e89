"""The wishes: which sites and stations; and the URL to paste into Quantev."""

from typing import Any

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult, OptionsFlowWithReload
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TemplateSelector,
    TemplateSelectorConfig,
)
import probatio as vol

from .account.settings import AccountOptions
from .const import (
    CONF_EXCLUDED_SITES,
    CONF_IMPORT_HISTORY,
    CONF_INACTIVE_STATIONS,
    CONF_SITES,
    CONF_WEBHOOK_URL,
    PROFILE_URL,
)
from .translation import Texts

# Of all selectors only editors have a button to copy, and this one takes plain text.
_COPY_SELECTOR = TemplateSelector(TemplateSelectorConfig(read_only=True))


class EevionOptionsFlow(OptionsFlowWithReload):
    """One form for all options of an account."""

    def __init__(self) -> None:
        """Start before any form is shown."""
        self._names: dict[str, str] = {}
        """The sites that the form offers, by id: the cloud may name others meanwhile."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the sites; what is left out is stored, so that new sites are included."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="not_loaded")
        url = self.config_entry.runtime_data.webhook.url
        errors: dict[str, str] = {}
        if user_input is not None:
            if user_input[CONF_SITES]:
                # A site that the form did not offer stays as it was.
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
