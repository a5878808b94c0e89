"""The settings of a simulated cloud."""

from dataclasses import dataclass
from typing import Literal

DEFAULT_KEY = "demo-key"


@dataclass(slots=True, kw_only=True)
class Settings:
    """The settings; durations named ``_s`` are simulated seconds unless documented otherwise.

    Everything below ``history_days`` may be changed while the cloud runs.
    """

    keys: tuple[str, ...] = (DEFAULT_KEY,)
    sites: int = 2
    stations: int = 6
    seed: int = 1
    speed: float = 1.0
    auto_cars: bool = False
    clock_ahead_s: float = 0.0
    """By how much the cloud's clock is ahead of the real one; negative is behind."""
    history_days: int = 0
    head_start_s: float = 0.0
    """How long before now the world begins: with ``auto_cars`` cars have come since then."""

    rate_limit: int = 60
    rate_window_s: float = 60.0
    """Real seconds; the limit never runs with the simulated clock."""
    send_retry_after: bool = False

    list_holds_ended: bool = True
    """Whether ``POST /session`` without ``updatedOnOrAfter`` holds ended sessions."""
    ended_in_list_s: float = 300.0
    authorizing_s: float = 4.0
    meter_interval_s: float = 0.0
    """How often stations report their meter; 0 means continuously."""

    job_start_s: float = 5.0
    job_station_s: float = 7.0
    soft_reset_s: float = 10.0
    hard_reset_s: float = 45.0
    offline_after_s: float = 900.0

    exceptions_are_400: bool = False
    """Whether ``GET /station/exceptions`` answers with HTTP 400, as its example is labelled."""
    jobs_name_stations: bool = False
    """Whether the job history names stations where its example has port ids."""
    no_end_time: Literal["", 0] | None = ""
    """The ``endTime`` of a session that goes on."""
    report_names_sites: bool = True
    """Whether a report's rows hold ``location`` and ``location_id``."""
    location_ids_of_sites: bool = True
    """Whether ``location_id`` of reports and exceptions is the id of a site, as in no example."""
    whole_answers: bool = False
    """Whether a start and a stop answer with the whole session."""
    words_in_capitals: bool = False
    """Whether ``status`` is written in capitals."""

    report_counts_by: Literal["start", "end"] = "end"
    energy_price_cents_per_kwh: float = 13.89
    exceptions_webhook: str = ""

    request_log_size: int = 10_000
    webhook_timeout_s: float = 5.0
    """Real seconds."""
