"""What responses contain: fees, and commands of jobs in the words of the action that gives them."""

from typing import Any

import pytest

from custom_components.eevion.api import Tariff
from custom_components.eevion.stations.serialize import commands_json, tariff_json


@pytest.mark.parametrize(
    ("reported", "answered"),
    [
        ({"tariffId": {"tariffId": "t1"}}, {"tariff": "t1"}),
        (
            {"isPrivate": "yes", "isVisible": {"isVisible": "no"}},
            {"is_private": True, "is_visible": False},
        ),
        ({"orderNb": {"orderNb": "123"}}, {"order_number": 123}),
        ({"reset": {"type": "hard"}}, {"reset": "hard"}),
        (
            {"setMessage": {"setMessage": "hello", "expirationDate": 1711929600000}},
            {"message": "hello", "message_expires": "2024-04-01T00:00:00+00:00"},
        ),
        ({"setMessage": {"setMessage": "", "expirationDate": 0}}, {"message": ""}),
        (
            {
                "setChargingProfile": {
                    "chargingProfileId": "1",
                    "chargingProfilePurpose": "ofTheFuture",
                    "maximumRate": 10,
                }
            },
            {
                "charging_profile_id": "1",
                "charging_profile_amps": 10,
                "charging_profile_purpose": "ofTheFuture",
            },
        ),
        (
            {"priorityStatus": {"priorityStatus": "outOfService"}},
            {"priority_status": "out_of_service"},
        ),
        ({"somethingNew": {"a": 1}}, {"somethingNew": {"a": 1}}),
    ],
)
def test_commands(reported: dict[str, Any], answered: dict[str, Any]) -> None:
    assert commands_json(reported) == answered


def test_fees() -> None:
    fee = {"price": 0.4, "maxPrice": 12, "unit": "minute", "isActive": True}
    tariff = tariff_json(Tariff.from_json({"idleFee": fee, "occupancyFee": {}}))
    assert tariff
    assert tariff["idle_fee"] == {
        "price": 0.4,
        "max_price": 12,
        "unit": "minute",
        "is_active": True,
    }
    assert set(tariff["occupancy_fee"].values()) == {None}
