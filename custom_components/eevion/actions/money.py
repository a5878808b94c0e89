"""The currency of amounts for which the cloud names none."""

from collections.abc import Iterable

from .targets import Target


def reported_currency(target: Target, site_id: str, port_id: str) -> str | None:
    """Return the currency of a station's sessions, else that of its site, else None."""
    data = target.coordinator.data

    def reported(ids: Iterable[str]) -> set[str]:
        # A site may have ports that no device stands for.
        states = [data.stations[id_] for id_ in ids if id_ in data.stations]
        found = {state.session.currency for state in states if state.session}
        return {currency for currency in found if currency} | {
            state.totals.currency for state in states if state.totals and state.totals.currency
        }

    here = [p for p, state in data.stations.items() if state.site_id == site_id]
    return only(reported([port_id])) or only(reported(here))


def only[T](values: Iterable[T]) -> T | None:
    """Return the value if there is exactly one, else None."""
    found = set(values)
    return found.pop() if len(found) == 1 else None
