"""The dashboard of the integration as the first page, and the energy page with past sessions."""

from .home_assistant import HomeAssistant

URL_PATH = "eevion-demo"


async def make_dashboard(ha: HomeAssistant) -> None:
    """Add the dashboard of the integration, and make it the first page."""
    dashboards = await ha.call("lovelace/dashboards/list")
    if all(dashboard["url_path"] != URL_PATH for dashboard in dashboards):
        await ha.call(
            "lovelace/dashboards/create", url_path=URL_PATH, title="Charging", icon="mdi:ev-station"
        )
    config = {"strategy": {"type": "custom:eevion"}}
    await ha.call("lovelace/config/save", url_path=URL_PATH, config=config)
    await ha.call("frontend/set_system_data", key="core", value={"default_panel": URL_PATH})


async def fill_energy_page(ha: HomeAssistant) -> None:
    """Choose the statistics of the stations, which hold past sessions as well."""
    found = {
        statistic["statistic_id"]
        for statistic in await ha.call("recorder/list_statistic_ids", statistic_type="sum")
        if statistic["source"] == "eevion"
    }
    energy = sorted(id_ for id_ in found if id_.endswith("_energy"))
    await ha.call(
        "energy/save_prefs",
        device_consumption=[{"stat_consumption": id_} for id_ in energy],
        energy_sources=[
            {
                "type": "grid",
                "stat_energy_from": id_,
                "stat_cost": cost
                if (cost := f"{id_.removesuffix('energy')}cost") in found
                else None,
                "cost_adjustment_day": 0,
            }
            for id_ in energy
        ],
    )
