"""Prices to the cent, lists, reports, and past sessions."""

from decimal import Decimal
from itertools import pairwise

from hypothesis import given, strategies as st
import pytest

from simulator import Cloud, Settings
from simulator.billing.bill import Usage, make_bill
from simulator.billing.tariff import Fee, Tariff
from simulator.world.catalog import GST, HST, NO_TAX

IDLE = Fee(price=Decimal("0.40"), unit="minute", max_price=Decimal("0.55"), grace_s=600)
OCCUPANCY = Fee(price=Decimal(1))


def tariff(**options):
    values = {"tariff_id": "1", "name": "A", "type": "kwh", "price": Decimal("0.30")}
    return Tariff(**(values | options))


def cost(tariff, tax=NO_TAX, *, energy_wh=0, duration_s=0, **idle):
    bill = make_bill(tariff, tax, Usage(energy_wh=energy_wh, duration_s=duration_s, **idle))
    assert bill.cost == bill.before_taxes + bill.tax
    return bill


@pytest.mark.parametrize(
    ("options", "usage", "expected"),
    [
        ({}, {"energy_wh": 29_600}, "8.88"),
        ({}, {"energy_wh": 2769}, "0.83"),
        ({}, {"energy_wh": 50}, "0.02"),
        ({"type": "time", "price": Decimal(2)}, {"duration_s": 5400}, "3.00"),
        ({"type": "time", "price": Decimal(1), "unit": "minute"}, {"duration_s": 90}, "1.50"),
        ({"type": "flat", "price": Decimal(5)}, {"duration_s": 1}, "5.00"),
        ({"type": "flat", "price": Decimal(5)}, {}, "0.00"),
        ({"occupancy_fee": OCCUPANCY}, {"duration_s": 5400}, "1.50"),
        (
            {"occupancy_fee": OCCUPANCY, "increment": Decimal("0.5")},
            {"duration_s": 9000},
            "3.50",
        ),
        ({"idle_fee": IDLE}, {"idle_spells_s": (600, 660)}, "0.40"),
        (
            {"idle_fee": IDLE, "increment": Decimal("0.10"), "cycle": "minute"},
            {"idle_spells_s": (600 + 180,)},
            "1.45",
        ),
    ],
)
def test_costs(options, usage, expected):
    assert cost(tariff(**options), **usage).cost == Decimal(expected)


def test_taxes():
    included = cost(tariff(), GST, energy_wh=10_000)
    assert (included.cost, included.before_taxes) == (Decimal("3.00"), Decimal("2.86"))
    added = cost(tariff(), HST, energy_wh=10_000)
    assert (added.cost, added.before_taxes) == (Decimal("3.39"), Decimal("3.00"))


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from([GST, HST, NO_TAX]))
def test_cost_is_the_price_and_its_taxes(energy_wh, idle_s, tax):
    bill = cost(
        tariff(idle_fee=IDLE, increment=Decimal("0.1")),
        tax,
        energy_wh=energy_wh,
        duration_s=idle_s,
        idle_spells_s=(idle_s,),
        idle_now_s=idle_s,
    )
    assert bill.cost == bill.cost.quantize(Decimal("0.01"))
    assert bill.cost >= bill.before_taxes >= 0


async def test_the_idle_fee_of_a_session(api, world, pass_time):
    world.plug_in("2225_B", battery_wh=10_000, percent=90, max_w=36_000, card=True)
    pass_time(4 + 100)
    pass_time(300)
    (session,) = await api.post("/session")
    assert session["tariff"]["idleFee"]["isActive"] is True
    assert session["isIdle"] is session["isInGracePeriod"] is True
    assert (session["gracePeriodElapsedSeconds"], session["currentIdleFee"]) == (300, 0)
    assert session["costBeforeTaxes"] == 0.45
    pass_time(300 + 120)
    (session,) = await api.post("/session")
    assert (session["isIdle"], session["isInGracePeriod"]) == (True, False)
    assert (session["gracePeriodElapsedSeconds"], session["currentIdleFee"]) == (0, 0.4)
    assert session["costBeforeTaxes"] == 0.45 + 0.8
    assert session["cost"] == 1.41
    assert session["taxes"][0]["amount"] == 0.16
    world.unplug("2225_B")
    ended = await api.get(f"/session/{session['sessionId']}")
    assert (ended["isIdle"], ended["cost"]) == (False, 1.41)


async def test_currency_follows_the_site(serve, time):
    cloud = Cloud(Settings(sites=4, stations=4), now=time)
    for station in cloud.world().stations:
        cloud.world().plug_in(station.name, card=True)
    async with serve(cloud) as client:
        headers = {"Authorization": "Bearer demo-key"}
        sessions = await (await client.post("/api/eevion/session", headers=headers)).json()
    assert sorted(session["currency"] for session in sessions) == ["CAD", "CAD", "CAD", "USD"]
    assert cloud.world().sites[3].name == "Harbor View Garage 2"


async def charge(world, pass_time, name, seconds=600):
    world.plug_in(name, card=True)
    pass_time(seconds)
    world.unplug(name)


async def test_which_sessions_a_list_holds(api, cloud, world, pass_time):
    await charge(world, pass_time, "2133")
    world.plug_in("2134", card=True)
    pass_time(60)
    now_ms = world.timeline.now_ms

    async def listed(**body):
        return [session["stationId"] for session in await api.post("/session", body)]

    assert await listed() == ["2134", "2133"]
    cloud.settings.list_holds_ended = False
    assert await listed() == ["2134"]
    cloud.settings.list_holds_ended = True
    pass_time(300)
    assert await listed() == ["2134"]
    assert await listed(updatedOnOrAfter=now_ms - 60_000) == ["2134", "2133"]
    assert await listed(updatedOnOrAfter=now_ms) == ["2134"]
    assert await listed(updatedOnOrAfter=0, limit=1) == ["2134"]
    assert await listed(updatedOnOrAfter=0, limit=1, offset=1) == ["2133"]
    assert await listed(updatedOnOrAfter=0, stations=["2133"]) == ["2133"]
    toronto = world.station("2134").site.site_id
    assert await listed(updatedOnOrAfter=0, sites=[toronto]) == ["2134"]
    assert await listed(updatedOnOrAfter=0, sites=[toronto], stations=["2133"]) == []


async def test_reports(api, world, pass_time):
    began_ms = world.timeline.now_ms
    for name in ("2133", "2133", "2134"):
        await charge(world, pass_time, name, 3604)
    now_ms = world.timeline.now_ms

    async def report(**body):
        window = {"startTimestamp": began_ms, "endTimestamp": now_ms + 1}
        return await api.post("/session/report", window | body)

    rows = await report()
    assert rows[0]["count"] == 2
    assert rows[0]["total_energy_watt_hours"] == 2 * 9984
    assert rows[0]["total_cost_cents"] == 600
    assert rows[0]["total_energy_cost_cents"] == 277
    assert rows[0]["most_common_start_with"] == "Card"
    assert rows[-1]["count"] == 1.5
    assert rows[-2]["total_duration_seconds"] == 3 * 3600
    sites = await report(groupBy="site")
    assert [row["location_id"] for row in sites[-2:]] == ["total", "average"]
    assert "station_id" not in sites[0]
    regions = await report(groupBy="region")
    assert [row["region"] for row in regions] == ["BC", "ON", "total", "average"]
    ontario = await report(regions=["ON"])
    assert [row["station_id"] for row in ontario] == ["2134", "total", "average"]
    assert await report(stations=["Left"]) == []
    assert await report(endTimestamp=began_ms + 1000) == []


async def test_a_report_may_count_sessions_at_their_start(api, cloud, world, pass_time):
    began_ms = world.timeline.now_ms
    await charge(world, pass_time, "2133")
    window = {"startTimestamp": began_ms, "endTimestamp": began_ms + 1}
    assert await api.post("/session/report", window) == []
    cloud.settings.report_counts_by = "start"
    assert len(await api.post("/session/report", window)) == 3


def test_cars_of_their_own_cost_what_people_pay(time):
    """Ten days of past sessions, and a week of cars that come while it runs."""
    cloud = Cloud(Settings(stations=12, history_days=10, auto_cars=True), now=time)
    world = cloud.world()
    time.now += 7 * 86_400
    cloud.advance()
    charged = 0
    for station in world.stations:
        sessions = [session.snapshot(world.timeline.now_ms) for session in station.ledger]
        charged += sum(each.energy_wh for each in sessions)
        for each in sessions:
            assert each.bill.cost < 60
            if station.tariff.idle_fee:
                energy_fee = station.tariff.price * each.energy_wh / 1000
                assert each.bill.before_taxes <= energy_fee + 2 + Decimal("0.01")
    assert len(world.charging.ended) > 200
    assert charged / len(world.charging.ended) < 30_000


async def test_history(serve, time):
    cloud = Cloud(Settings(history_days=10), now=time)
    world = cloud.world()
    for station in world.stations:
        spans = [(s.start_ms, s.end_ms) for s in station.ledger]
        assert len(spans) >= 10
        assert all(a[1] < b[0] for a, b in pairwise(spans))
        assert spans[-1][1] < world.timeline.now_ms
    ended = [session.updated_ms for session in world.charging.ended]
    assert ended == sorted(ended)
    async with serve(cloud) as client:
        headers = {"Authorization": "Bearer demo-key"}
        body = {"updatedOnOrAfter": 0, "limit": 1000}
        response = await client.post("/api/eevion/session", headers=headers, json=body)
        assert len(await response.json()) == len(ended)
