"""Every view of the dashboard, as a browser shows it."""

import fcntl
from importlib.util import find_spec
from itertools import product
import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests import ROOT
from tests.browser import browser

pytestmark = pytest.mark.skipif(
    not find_spec("playwright"), reason="no browser: scripts/setup --browser brings one"
)

FOLDER = ROOT / ".pictures" / "dashboard"
TEXTS = ROOT / "custom_components/eevion/translations"
# What the frontend shows in place of a card or an entity that it cannot show.
FAULTS = {"hui-error-card", "hui-warning", "hui-error-badge", "hui-error-heading-badge"}
VIEWS = ("stations", "sessions", "energy", "map", "station")

type Visit = dict[str, Any]
type Visits = dict[tuple[int, str, str], Visit]


@pytest.fixture(scope="module")
def visits(tmp_path_factory: pytest.TempPathFactory) -> Visits:
    """Return the visits of the tour by number of stations, view and look.

    Where several processes share the tests, the first makes the tour, and the others wait for it.
    """
    if browser() is None:
        pytest.skip("no browser: scripts/setup --browser brings one")
    command = [sys.executable, "-m", "tests.browser.tour", str(FOLDER)]
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    outcome = tmp_path_factory.getbasetemp().parent / f"tour-{run}"
    with outcome.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not outcome.exists():
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            outcome.write_text(done.stderr[-4000:] if done.returncode else "")
    failure = outcome.read_text()
    assert not failure, failure
    found = json.loads((FOLDER / "visits.json").read_text("utf-8"))
    return {(visit["stations"], visit["view"], visit["look"]): visit for visit in found}


def common(language: str) -> dict[str, str]:
    """Return the texts of a language; English where there is none."""
    texts: dict[str, str] = {}
    for name in ("en", language):
        texts |= json.loads((TEXTS / f"{name}.json").read_text("utf-8")).get("common", {})
    return texts


def test_nothing_goes_wrong_on_any_page(visits: Visits) -> None:
    assert {key: visit["problems"] for key, visit in visits.items() if visit["problems"]} == {}
    faults = {key: FAULTS & {*visit["parts"]} for key, visit in visits.items()}
    assert {key: found for key, found in faults.items() if found} == {}


@pytest.mark.parametrize(
    ("stations", "look"),
    [
        *product((1, 4, 60), ("desktop-light-en", "phone-dark-fr")),
        (4, "desktop-dark-de"),
    ],
)
def test_each_view_is_shown(visits: Visits, stations: int, look: str) -> None:
    for view in VIEWS:
        assert "hui-view" in visits[stations, view, look]["parts"], view


@pytest.mark.parametrize("look", ["desktop-light-en", "phone-dark-fr"])
def test_few_stations_have_tiles_and_many_have_lists(visits: Visits, look: str) -> None:
    texts = common(look.rpartition("-")[2])
    few, many = visits[4, "stations", look], visits[60, "stations", look]
    assert "hui-tile-card" in few["parts"]
    assert "hui-tile-card" not in many["parts"]
    for key in ("dashboard_problems", "dashboard_charging", "dashboard_free"):
        assert texts[key] in many["text"].splitlines()
    assert texts["dashboard_limit"] in few["text"].splitlines()


@pytest.mark.parametrize("look", ["desktop-light-en", "phone-dark-fr"])
def test_one_station_has_its_history_and_sessions_in_the_first_view(
    visits: Visits, look: str
) -> None:
    history = {"hui-history-graph-card", "hui-statistics-graph-card", "eevion-sessions"}
    assert history <= {*visits[1, "stations", look]["parts"]}
    assert not history & {*visits[4, "stations", look]["parts"]}


def test_a_dark_desktop_in_german(visits: Visits) -> None:
    lines = visits[4, "stations", "desktop-dark-de"]["text"].splitlines()
    texts = common("de")
    for key in ("dashboard_limit", "dashboard_switch", "dashboard_power"):
        assert texts[key] != common("en")[key]
        assert texts[key] in lines


def test_sixty_stations_are_a_screen_for_each_site(visits: Visits) -> None:
    assert visits[60, "stations", "desktop-light-en"]["height"] <= 2 * 900
    assert visits[4, "stations", "desktop-light-en"]["height"] <= 900


@pytest.mark.parametrize("look", ["desktop-light-en", "phone-dark-fr"])
def test_without_an_account_the_page_says_what_to_do(visits: Visits, look: str) -> None:
    texts = common(look.rpartition("-")[2])
    text = visits[0, "stations", look]["text"]
    assert texts["dashboard_no_account_title"] in text
    assert texts["dashboard_no_account_button"] in text


@pytest.mark.parametrize("stations", [1, 4, 60])
def test_a_page_whose_station_goes_says_so(visits: Visits, stations: int) -> None:
    text = visits[stations, "gone", "desktop-light-en"]["text"]
    assert common("en")["dashboard_station_gone_title"] in text


def test_it_is_offered_where_a_person_adds_a_dashboard(visits: Visits) -> None:
    text = visits[60, "picker", "desktop-light-en"]["text"]
    community = text.rpartition("Community")[2]
    assert community.count("Eevion") == 1
    for look, language in (("desktop-light-en", "en"), ("phone-dark-fr", "fr")):
        assert common(language)["picker_dashboard"] in visits[60, "picker", look]["text"]


def test_a_tap_opens_the_page_of_a_station(visits: Visits) -> None:
    visit = visits[60, "tapped", "desktop-light-en"]
    assert "/eevion-test/station-" in visit["text"].splitlines()[0]
    assert common("en")["dashboard_now"] in visit["text"].splitlines()
