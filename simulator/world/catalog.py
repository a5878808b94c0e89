"""The addresses, models and tariffs that simulated accounts are made of."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from ..billing.tariff import Fee, TaxRule, Unit
from ..charging.model import Address, Model


@dataclass(frozen=True, slots=True, kw_only=True)
class TariffTemplate:
    """A tariff before it has an id."""

    name: str
    type: Literal["kwh", "time", "flat"]
    price: str
    unit: Unit = "hour"
    idle_fee: Fee | None = None
    occupancy_fee: Fee | None = None
    increment: str = "0"


GST = TaxRule(rate=Decimal("0.05"), description="TPS/GST 5% #000000000RT0001")
HST = TaxRule(rate=Decimal("0.13"), description="TVH/HST 13% #000000000RT0001", included=False)
NO_TAX = TaxRule()

ADDRESSES = (
    Address(
        name="Harbor View Garage",
        lat=49.318136,
        long=-123.1024812,
        street=" West 1st Street",
        street_number="1070",
        city="North Vancouver",
        state="BC",
        country="CAN",
        zip="V7P 3N6",
        time_zone="America/Vancouver",
        currency="CAD",
        tax=GST,
        continue_if_battery_full=True,
    ),
    Address(
        name="Lakeside Hotel",
        lat=43.63876880000001,
        long=-79.3858767,
        street=" Queens Quay West",
        street_number="249",
        city="Toronto",
        state="ON",
        country="CAN",
        zip="M5J 2N5",
        time_zone="America/Toronto",
        currency="CAD",
        tax=HST,
    ),
    Address(
        name="Cedar Street Lofts",
        lat=48.7519,
        long=-122.4787,
        street=" Cedar Street",
        street_number="12",
        city="Bellingham",
        state="WA",
        country="USA",
        zip="98225",
        time_zone="America/Los_Angeles",
        currency="USD",
        tax=NO_TAX,
    ),
)

_JOINT_48 = Model(name="JointTech EVC-10 48A", level=2, volts=208, amps=48, kw=10)

MODELS = (
    _JOINT_48,
    Model(
        name="EVCP5",
        level=2,
        volts=240,
        amps=80,
        kw=80,
        group_index=0,
        restriction="restricted",
    ),
    Model(
        name="MaxiChargerAC 80A (x2)",
        level=2,
        volts=208,
        amps=80,
        kw=16.6,
        shared_power=True,
        restriction="restricted",
        dated=False,
    ),
    Model(name="BTC 50kW Slim", level=3, volts=480, amps=104, kw=50),
    Model(name="EVBox Iqon", level=2, volts=208, amps=30, kw=7200, shared_power=True),
    Model(
        name="IC3",
        level=2,
        volts=240,
        amps=29,
        kw=7,
        cost_by_id=True,
        restriction="private",
    ),
    Model(
        name="Gen3 40A",
        level=2,
        volts=208,
        amps=39,
        kw=8.3,
        dated=False,
    ),
)

NAMES = ("2133", "2134", "2225_A", "2225_B", "Left", "Right", "0013a20041e035cf")

TARIFFS = (
    TariffTemplate(name="$0.30/kWh", type="kwh", price="0.30"),
    TariffTemplate(name="Time - 2", type="time", price="2"),
    TariffTemplate(name="Free", type="kwh", price="0"),
    TariffTemplate(
        name="$0.45/kWh, idle fee",
        type="kwh",
        price="0.45",
        idle_fee=Fee(price=Decimal("0.40"), unit="minute", max_price=Decimal(1), grace_s=600),
        increment="0.10",
    ),
    TariffTemplate(name="Flat - 5", type="flat", price="5"),
    TariffTemplate(
        name="$0.20/kWh, occupancy fee",
        type="kwh",
        price="0.20",
        occupancy_fee=Fee(price=Decimal(1), max_price=Decimal(3)),
        increment="0.50",
    ),
)

VEHICLES = (
    "Tesla Model S 2016",
    "Toyota bZ4X 2023",
    "Hyundai Ioniq 5 2022",
    "Chevrolet Bolt EUV 2023",
    "Unknown",
)
