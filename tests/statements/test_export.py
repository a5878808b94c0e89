"""The action that writes a month's sessions into a file, and the file."""

from collections.abc import Iterator
import csv
from datetime import datetime, timedelta
import errno
from pathlib import Path
from typing import Any
from unittest.mock import patch

import atomicwrites
from freezegun.api import FrozenDateTimeFactory
from homeassistant.auth.models import User
from homeassistant.auth.permissions.models import PermissionLookup
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from homeassistant.helpers import device_registry as dr, entity_registry as er
import probatio as vol
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from tests.calls import ask, device
from tests.handmade import HandMadeCloud
from tests.past import IN_DOLLARS, TORONTO, past, two_sites

HEADER = [
    "Start",
    "Station",
    "Site",
    "Duration (h:mm)",
    "Energy (kWh)",
    "Cost",
    "Currency",
    "Started with",
    "Vehicle",
    "End reason",
]


@pytest.fixture
def hand() -> HandMadeCloud:
    return two_sites()


@pytest.fixture(autouse=True)
def media(hass: HomeAssistant, tmp_path: Path) -> Path:
    hass.config.media_dirs = {"other": str(tmp_path / "other"), "local": str(tmp_path / "media")}
    return tmp_path / "media"


def content(path: str) -> list[list[str]]:
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def raw(path: str) -> str:
    return Path(path).read_text("utf-8")


def names(folder: Path) -> list[str]:
    """Return the files of a folder; none where there is no folder."""
    return sorted(path.name for path in folder.glob("*"))


def spoil(folder: Path) -> None:
    folder.write_text("a file in its place")


async def rows(hass: HomeAssistant, **data: Any) -> list[list[str]]:
    """Export October, and return the rows between header and sums."""
    answer = await ask(hass, "export_sessions", period="last_month", **data)
    found = content(answer["path"])
    assert found[0] == HEADER
    assert len(found) == 1 + answer["rows"] + len(answer["sums"])
    return found[1 : 1 + answer["rows"]]


async def test_the_file(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud, media: Path
) -> None:
    hand.past = [
        past("2", "2026-10-20T18:00:00.000Z", **IN_DOLLARS),
        past("1", "2026-10-03T07:05:00.000Z", energy=1234.5, cost=0.1, duration=5174),
        past("3", "2026-10-21T18:00:00.000Z", energy=0.4, cost=0.2),
    ]
    answer = await ask(hass, "export_sessions", period="last_month")
    path = Path(answer.pop("path"))
    assert path == media / "eevion" / "home_2026-10.csv"
    assert names(path.parent) == [path.name]
    assert raw(str(path)).startswith("\ufeffStart,Station,")
    assert content(str(path)) == [
        HEADER,
        ["2026-10-03 00:05", "A", "Home", "1:26", "1.235", "0.10", "CAD", "", "", ""],
        [
            "2026-10-20 14:00",
            "B",
            "Office",
            "1:00",
            "9.330",
            "2.01",
            "USD",
            "iOS app",
            "Toyota bZ4X 2023",
            "Vehicle unplugged",
        ],
        ["2026-10-21 11:00", "A", "Home", "1:00", "0.000", "0.20", "CAD", "", "", ""],
        ["Sum", "", "", "2:26", "1.235", "0.30", "CAD", "", "", ""],
        ["Sum", "", "", "1:00", "9.330", "2.01", "USD", "", "", ""],
    ]
    assert answer == {
        "from": "2026-10-01",
        "to": "2026-10-31",
        "rows": 3,
        "active": 0,
        "sums": [
            {
                "currency": "CAD",
                "sessions": 2,
                "duration_s": 8774,
                "energy_kwh": 1.235,
                "cost": 0.3,
            },
            {
                "currency": "USD",
                "sessions": 1,
                "duration_s": 3600,
                "energy_kwh": 9.33,
                "cost": 2.01,
            },
        ],
        "is_complete": True,
    }
    # A day before the month: zones differ, and a session may have changed before it started.
    assert [body["updatedOnOrAfter"] for body in hand.lists[-1:]] == [
        round(datetime.fromisoformat("2026-09-30T00:00:00+00:00").timestamp() * 1000)
    ]


async def test_a_month_is_that_of_the_site(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud
) -> None:
    """And of daylight-saving time, which ends on the first of November here."""
    await hass.config.async_set_time_zone("Asia/Tokyo")
    hand.past = [
        past("september", "2026-10-01T06:59:59.000Z"),
        past("first", "2026-10-01T07:00:00.000Z"),
        past("last", "2026-11-01T06:59:59.000Z"),
        past("november", "2026-11-01T07:00:00.000Z"),
        past("first there", "2026-10-01T04:00:00.000Z", location=TORONTO),
        past("november there", "2026-11-01T04:00:00.000Z", location=TORONTO),
        past("by its site", "2026-10-15T12:00:00.000Z", location={"id": "site"}),
    ]
    assert [row[0] for row in await rows(hass)] == [
        "2026-10-01 00:00",
        "2026-10-01 00:00",
        "2026-10-15 21:00",
        "2026-10-31 23:59",
    ]
    # An hour that the night has twice.
    hand.past = [
        past("before", "2026-11-01T08:30:00.000Z"),
        past("after", "2026-11-01T09:30:00.000Z"),
    ]
    answer = await ask(hass, "export_sessions", period="this_month")
    assert [row[0] for row in content(answer["path"])[1:3]] == ["2026-11-01 01:30"] * 2


@pytest.mark.parametrize("name", ["America", "../../etc/passwd", "/etc/localtime", "Nowhere/At", 7])
async def test_a_zone_that_does_not_exist(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud, name: object
) -> None:
    """Home Assistant's counts."""
    hand.past = [past("1", "2026-10-03T07:05:00.000Z", location={"id": "site", "timeZone": name})]
    assert [row[0] for row in await rows(hass)] == ["2026-10-03 00:05"]


async def test_the_zone_of_a_sites_last_session(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud, wait: Any
) -> None:
    hand.sessions = 200, [past("0", "2026-11-02T07:00:00.000Z", location=TORONTO, portId="B")]
    await wait(31)
    hand.past = [past("1", "2026-10-03T07:05:00.000Z", location={}, portId="B", stationId="B")]
    assert [row[:3] for row in await rows(hass)] == [["2026-10-03 03:05", "B", "Office"]]


async def test_each_session_once_on_all_pages(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud
) -> None:
    """5,000 sessions, of which one moves to the next page while the pages are read."""
    start = datetime.fromisoformat("2026-10-01T07:00:00+00:00")
    hand.past = [
        past(str(number), (start + timedelta(minutes=8 * number)).isoformat(), energy=1000.001)
        for number in range(5000)
    ]
    hand.past.insert(1000, hand.past[999])
    answer = await ask(hass, "export_sessions", period="last_month")
    assert answer["rows"] == 5000
    assert answer["is_complete"] is True
    assert answer["sums"][0]["energy_kwh"] == 5000
    assert answer["sums"][0]["cost"] == 7500
    assert content(answer["path"])[-1][3:6] == ["5000:00", "5000.000", "7500.00"]
    assert [body["offset"] for body in hand.lists[-6:]] == list(range(0, 6000, 1000))


async def test_what_is_cut_or_unreadable_is_said(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud
) -> None:
    hand.past = [past("1", "2026-10-03T07:05:00.000Z"), {"energy": 5}]
    assert (await ask(hass, "export_sessions", period="last_month"))["is_complete"] is False
    dateless = past("2", "2026-10-03T07:05:00.000Z") | dict.fromkeys(
        ("createdAt", "startTime", "endTime", "updatedAt")
    )
    hand.past = [past("1", "2026-10-03T07:05:00.000Z"), dateless]
    answer = await ask(hass, "export_sessions", period="last_month")
    assert (answer["rows"], answer["is_complete"]) == (1, False)


def reported(station: str, count: int, canceled: int = 0) -> dict[str, Any]:
    """Return the row of a report."""
    return {"station_id": station, "count": count, "cancel_count": canceled}


@pytest.mark.parametrize(
    ("rows_", "is_complete"),
    [
        ([], True),
        ([reported("A", 2)], True),
        ([reported("A", 7, canceled=5)], True),
        ([reported("A", 2), reported("B", 1)], False),
        ([reported("A", 3)], False),
    ],
)
async def test_a_cloud_that_lists_active_sessions_alone(
    hass: HomeAssistant,
    account: MockConfigEntry,
    hand: HandMadeCloud,
    rows_: list[dict[str, Any]],
    is_complete: bool,
) -> None:
    """A report has more sessions than its list: of days beside the month, one or two."""
    hand.past = [past("1", "2026-10-03T07:05:00.000Z")]
    hand.others["/session/report"] = 200, rows_
    answer = await ask(hass, "export_sessions", period="last_month")
    assert (answer["rows"], answer["is_complete"]) == (1, is_complete)
    # Those of other stations do not count.
    answer = await ask(hass, "export_sessions", period="last_month", stations=["C"])
    assert (answer["rows"], answer["is_complete"]) == (0, True)


async def test_no_report(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud
) -> None:
    """The file does not depend on it."""
    hand.past = [past("1", "2026-10-03T07:05:00.000Z")]
    hand.others["/session/report"] = 500, {}
    assert (await ask(hass, "export_sessions", period="last_month"))["is_complete"] is True


async def test_sessions_without_figures(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud
) -> None:
    """Money without a currency has no sum; what is not reported is an empty cell."""
    hand.past = [
        past("1", "2026-10-03T07:00:00.000Z", currency="", cost=3),
        past("2", "2026-10-04T07:00:00.000Z", currency="EUR", energy=None, cost=None),
        past("3", "2026-10-05T07:00:00.000Z", duration=0, endTime="", cost=-1),
        past("4", "2026-10-06T07:00:00.000Z", duration=0, startTime="", cost=0),
        past("5", "2026-10-07T07:00:00.000Z", duration=0),
    ]
    answer = await ask(hass, "export_sessions", period="last_month")
    assert [row[3:7] for row in content(answer["path"])[1:]] == [
        ["1:00", "5.000", "3.00", ""],
        ["1:00", "", "", ""],
        ["", "5.000", "-1.00", "CAD"],
        ["", "5.000", "0.00", "CAD"],
        ["1:00", "5.000", "1.50", "CAD"],
        ["1:00", "15.000", "0.50", "CAD"],
        ["2:00", "5.000", "", ""],
    ]
    assert [one["cost"] for one in answer["sums"]] == [0.5, None]


async def test_a_session_without_a_start_is_of_the_day_of_its_end(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud
) -> None:
    nothing = {"startTime": "", "createdAt": ""}
    hand.past = [
        past("1", "2026-10-03T07:00:00.000Z", **nothing),
        past("2", "2026-10-04T07:00:00.000Z", endTime="", **nothing),
        past("3", "2026-10-05T07:00:00.000Z", endTime="", updatedAt="", **nothing),
    ]
    answer = await ask(hass, "export_sessions", period="last_month")
    assert [row[0] for row in content(answer["path"])[1:3]] == [
        "2026-10-03 01:00",
        "2026-10-04 00:00",
    ]
    assert (answer["rows"], answer["is_complete"]) == (2, False)


async def test_no_sessions(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud
) -> None:
    answer = await ask(hass, "export_sessions")
    assert (answer["from"], answer["to"], answer["rows"]) == ("2026-11-01", "2026-11-30", 0)
    assert content(answer["path"])[1:] == [["Sum", "", "", "0:00", "0.000", "", "", "", "", ""]]


async def test_a_session_that_goes_on(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud
) -> None:
    hand.past = [
        past("1", "2026-11-02T07:00:00.000Z", status="charging", endTime="", duration=0),
        past("2", "2026-11-01T12:00:00.000Z"),
    ]
    answer = await ask(hass, "export_sessions", period="this_month")
    assert answer["active"] == 1
    last = content(answer["path"])[2]
    assert (last[3], last[-1]) == ("1:00", "Still active")


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1", "'  =1"),
        ("\uff1d1", "'\uff1d1"),
        ('A "quoted", name', 'A "quoted", name'),
        ("two\nlines", "two\nlines"),
        ("\t=1", "'\t=1"),
        ("\rx", "'\rx"),
        ("<b>bold</b>", "<b>bold</b>"),
        ("Left;=1+1", "Left;'=1+1"),
        ("Left; @x;-2;Right", "Left;' @x;'-2;Right"),
    ],
)
async def test_names_that_a_spreadsheet_would_run(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud, name: str, cell: str
) -> None:
    """Those that people gave to stations in Home Assistant, and those of the cloud."""
    dr.async_get(hass).async_update_device(device(hass, account, "A"), name_by_user=name)
    hand.past = [past("1", "2026-10-03T07:05:00.000Z", vehicle=f"{name}!")]
    (row,) = await rows(hass)
    assert row[1] == cell
    assert row[8].lstrip("'")[0] == name.strip()[0]
    assert row[8][0] not in "=+-@\uff1d\t\r"


async def test_in_home_assistants_language(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud
) -> None:
    """A language without these texts has them in English."""
    hass.config.language = "cs"
    hand.past = [past("1", "2026-10-03T07:05:00.000Z", startWith="Card")]
    (row,) = await rows(hass)
    assert row[7] == "Card"


async def test_chosen_stations(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud, media: Path
) -> None:
    """A file of its own for each choice."""
    hand.past = [
        past("1", "2026-10-03T07:00:00.000Z"),
        past("2", "2026-10-04T07:00:00.000Z", portId="B", stationId="B", location=TORONTO),
        past("3", "2026-10-05T07:00:00.000Z", portId="C", stationId="C"),
        # Another station that has the name, or had it.
        past("4", "2026-10-06T07:00:00.000Z", portId="B", stationId="A"),
        past("5", "2026-10-06T07:00:00.000Z", portId="old", stationId="A"),
    ]
    assert [row[1] for row in await rows(hass)] == ["A", "B", "C", "A", "A"]
    assert [row[0][:10] for row in await rows(hass, stations=["A"])] == ["2026-10-03", "2026-10-06"]
    assert hand.lists[-1]["stations"] == ["A"]
    assert [row[1] for row in await rows(hass, device_id=device(hass, account, "site"))] == [
        "A",
        "C",
        "A",
    ]
    with pytest.raises(ServiceValidationError) as error:
        await rows(hass, stations=["D"])
    assert error.value.translation_key == "unknown_station"
    first, *others = names(media / "eevion")
    assert first == "home_2026-10.csv"
    assert len(others) == 2
    assert all(name.startswith("home_a_") for name in others)


async def test_sites_that_are_left_out(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud
) -> None:
    hass.config_entries.async_update_entry(account, options={"excluded_sites": ["east"]})
    assert await hass.config_entries.async_reload(account.entry_id)
    hand.past = [
        past("1", "2026-10-03T07:00:00.000Z"),
        past("2", "2026-10-04T07:00:00.000Z", portId="B", stationId="A", location=TORONTO),
    ]
    assert len(await rows(hass)) == 1
    assert hand.lists[-1]["sites"] == ["site"]
    # By its name the cloud returns that of the other site, too.
    assert len(await rows(hass, stations=["A"])) == 1


@pytest.mark.parametrize(
    ("data", "span"),
    [
        ({}, ("2026-11-01", "2026-11-30")),
        ({"period": "this_month"}, ("2026-11-01", "2026-11-30")),
        ({"period": "last_month"}, ("2026-10-01", "2026-10-31")),
        ({"from": "2026-10-15"}, ("2026-10-15", "2026-11-02")),
        ({"to": "2026-10-15"}, ("2026-10-01", "2026-10-15")),
        ({"from": "2026-02-01", "to": "2026-02-28"}, ("2026-02-01", "2026-02-28")),
        ({"from": "2026-11-02", "to": "2026-12-31"}, ("2026-11-02", "2026-12-31")),
    ],
)
async def test_spans(
    hass: HomeAssistant,
    account: MockConfigEntry,
    data: dict[str, str],
    span: tuple[str, str],
) -> None:
    answer = await ask(hass, "export_sessions", **data)
    assert (answer["from"], answer["to"]) == span
    name = Path(answer["path"]).stem.removeprefix("home_")
    is_month = span[0].endswith("-01") and span[1][-2:] in ("28", "30", "31")
    assert name == (span[0][:7] if is_month else "_".join(span))


async def test_the_last_month_in_january(
    hass: HomeAssistant, account: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    freezer.move_to("2027-01-31T20:00:00+00:00")
    answer = await ask(hass, "export_sessions", period="last_month")
    assert (answer["from"], answer["to"]) == ("2026-12-01", "2026-12-31")


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ({"period": "next_month"}, "unknown_period"),
        ({"period": ""}, "unknown_period"),
        ({"period": "last_month", "from": "2026-10-01"}, "span_twice"),
        ({"from": "2026-10-02", "to": "2026-10-01"}, "dates_turned_round"),
        ({"from": "2026-11-03"}, "dates_turned_round"),
        ({"from": "2027-01-01", "to": "2027-01-31"}, "dates_turned_round"),
    ],
)
async def test_spans_that_cannot_be(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud, data: Any, key: str
) -> None:
    hand.requests.clear()
    with pytest.raises(ServiceValidationError) as error:
        await ask(hass, "export_sessions", **data)
    assert error.value.translation_key == key
    assert not hand.requests


async def test_days_that_are_no_days(hass: HomeAssistant, account: MockConfigEntry) -> None:
    with pytest.raises(vol.Invalid):
        await ask(hass, "export_sessions", **{"from": "2026-02-30"})


async def test_an_older_file_is_replaced(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud, media: Path
) -> None:
    hand.past = [past("1", "2026-10-03T07:05:00.000Z")]
    await rows(hass)
    hand.past = []
    await rows(hass)
    (name,) = names(media / "eevion")
    assert len(content(str(media / "eevion" / name))) == 2


@pytest.fixture
def full_disk() -> Iterator[None]:
    error = OSError(errno.ENOSPC, "No space left on device")
    with patch.object(atomicwrites, "_proper_fsync", side_effect=error):
        yield


async def test_a_full_disk(
    hass: HomeAssistant, account: MockConfigEntry, media: Path, request: pytest.FixtureRequest
) -> None:
    """The file of before stays."""
    before = (await ask(hass, "export_sessions"))["path"]
    request.getfixturevalue("full_disk")
    with pytest.raises(HomeAssistantError, match="No space left on device") as error:
        await ask(hass, "export_sessions")
    assert error.value.translation_key == "export_not_written"
    assert names(media / "eevion") == [Path(before).name]


async def test_a_folder_that_cannot_be(
    hass: HomeAssistant, account: MockConfigEntry, media: Path
) -> None:
    spoil(media)
    with pytest.raises(HomeAssistantError) as error:
        await ask(hass, "export_sessions")
    assert error.value.translation_key == "export_not_written"


async def test_no_media_folder(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud
) -> None:
    hass.config.media_dirs = {}
    hand.requests.clear()
    with pytest.raises(HomeAssistantError) as error:
        await ask(hass, "export_sessions")
    assert error.value.translation_key == "no_media_folder"
    assert not hand.requests


async def test_another_media_folder(
    hass: HomeAssistant, account: MockConfigEntry, tmp_path: Path
) -> None:
    hass.config.media_dirs = {"nas": str(tmp_path / "nas")}
    assert Path((await ask(hass, "export_sessions"))["path"]).is_relative_to(tmp_path / "nas")


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Harbor View +1", "harbor_view_1"),
        ("家", "jia"),
        ("…/x", "x"),
        ("../../etc", "etc"),
        ("+1", "eevion_1"),
        ("2133", "eevion_2133"),
        ("🏠", "eevion"),
        ("", "eevion"),
        ("a " * 50, "_".join("a" * 30)),
    ],
)
async def test_titles_as_names(
    hass: HomeAssistant, account: MockConfigEntry, media: Path, title: str, name: str
) -> None:
    hass.config_entries.async_update_entry(account, title=title)
    answer = await ask(hass, "export_sessions", period="last_month")
    assert Path(answer["path"]) == media / "eevion" / f"{name}_2026-10.csv"


async def test_titles_that_make_one_name(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud, media: Path
) -> None:
    """Two accounts, and a title that is no name of a file."""
    data = {key: value for key, value in account.data.items() if key != "webhook_id"}
    other = MockConfigEntry(domain="eevion", title="../../HOME", data=data, unique_id="other")
    other.add_to_hass(hass)
    assert await hass.config_entries.async_setup(other.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    with pytest.raises(ServiceValidationError) as error:
        await ask(hass, "export_sessions")
    assert error.value.translation_key == "several_accounts"
    paths = [
        Path((await ask(hass, "export_sessions", config_entry_id=entry.entry_id))["path"])
        for entry in (account, other)
    ]
    assert names(media / "eevion") == sorted(path.name for path in paths)
    assert len({path.name for path in paths}) == 2


async def test_no_answer_of_the_cloud(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud, media: Path
) -> None:
    hand.past_fault = 500, {}
    with pytest.raises(HomeAssistantError) as error:
        await ask(hass, "export_sessions")
    assert error.value.translation_key == "bad_response"
    assert not names(media)


async def test_a_user_who_may_read_one_station(
    hass: HomeAssistant, account: MockConfigEntry, hand: HandMadeCloud
) -> None:
    user: User = MockUser().add_to_hass(hass)
    user.perm_lookup = PermissionLookup(er.async_get(hass), dr.async_get(hass))
    switch = er.async_get(hass).async_get_entity_id("switch", "eevion", "A_charging")
    assert switch
    user.mock_policy({"entities": {"entity_ids": {switch: {"read": True}}}})  # type: ignore[attr-defined]
    context = Context(user_id=user.id)
    hand.past = [
        past("1", "2026-10-03T07:00:00.000Z"),
        past("2", "2026-10-04T07:00:00.000Z", portId="old", stationId="A"),
    ]
    assert [row[0] for row in await rows(hass, stations=["A"], context=context)] == [
        "2026-10-03 00:00"
    ]
    for data in ({}, {"stations": ["B"]}):
        with pytest.raises(Unauthorized):
            await ask(hass, "export_sessions", context=context, **data)
