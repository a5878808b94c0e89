"""The commands of ``POST /station/manage``: their form and their effect."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import validate
from ..charging.station import Message
from ..json_values import JsonObject
from .limits import set_limit

if TYPE_CHECKING:
    from ..charging.station import Station
    from .network import Network

UNITS = {"amps": "A", "watts": "W"}


class CommandError(Exception):
    """A station cannot follow a command."""


def _require_online(station: Station) -> None:
    if not station.online:
        raise CommandError("The station is not connected")


def _yes(content: JsonObject, key: str) -> bool:
    return content[key] == "yes"


def _communication_id(_: Network, station: Station, content: JsonObject) -> None:
    station.communication_id = str(content["communicationId"])


def _is_private(_: Network, station: Station, content: JsonObject) -> None:
    station.restriction = "private" if _yes(content, "isPrivate") else "public"


def _is_visible(_: Network, station: Station, content: JsonObject) -> None:
    station.visible = _yes(content, "isVisible")


def _model_id(_: Network, station: Station, content: JsonObject) -> None:
    station.model_id = str(content["modelId"])


def _order_number(_: Network, station: Station, content: JsonObject) -> None:
    station.order = int(str(content["orderNb"]))
    station.site.sort()


def _priority_status(world: Network, station: Station, content: JsonObject) -> None:
    world.set_priority_status(station.name, str(content["priorityStatus"]))


def _reset(world: Network, station: Station, content: JsonObject) -> None:
    _require_online(station)
    world.reset(station.name, "hard" if content["type"] == "hard" else "soft")


def _charging_profile(world: Network, station: Station, content: JsonObject) -> None:
    unit = UNITS[str(content["chargingRateUnit"])]
    limit = validate.number(content, "maximumRate")
    if problem := set_limit(world, station, unit, limit):
        raise CommandError(problem)


def _message(world: Network, station: Station, content: JsonObject) -> None:
    words = validate.text(content, "setMessage", default="")
    expires_ms = validate.integer(content, "expirationDate", default=0)
    message = Message(words, expires_ms) if words.strip() else None
    station.message = message
    if message and expires_ms:
        world.timeline.at(expires_ms, lambda: _expire(station, message))


def _expire(station: Station, message: Message) -> None:
    if station.message is message:
        station.message = None


def _tariff_id(world: Network, station: Station, content: JsonObject) -> None:
    wanted = content["tariffId"]
    tariff = next((t for t in world.tariffs if t.tariff_id == wanted), None)
    if tariff is None:
        raise CommandError("There is no such fee")
    station.tariff = tariff


def _string(key: str) -> Check:
    return lambda content: validate.text(content, key)


def _yes_or_no(key: str) -> Check:
    return lambda content: validate.choice(content, key, ("yes", "no"))


def _check_order(content: JsonObject) -> None:
    words = validate.text(content, "orderNb")
    validate.query_integer(words, "orderNb", default=0, minimum=0)


def _check_profile(content: JsonObject) -> None:
    validate.text(content, "chargingProfileId", default="")
    validate.text(content, "chargingProfilePurpose", default="")
    validate.choice(content, "chargingRateUnit", tuple(UNITS))
    validate.number(content, "maximumRate")


def _check_message(content: JsonObject) -> None:
    validate.text(content, "setMessage", default="")
    validate.integer(content, "expirationDate", default=0)


type Check = Callable[[JsonObject], object]
type Apply = Callable[[Network, Station, JsonObject], None]
type Original = Callable[[Station], object]


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its form, its effect and the value that it replaces."""

    check: Check
    apply: Apply
    original: Original | None = None
    """What a job keeps in ``originalValues``, under the command's own name."""


COMMANDS = {
    "communicationId": Command(
        _string("communicationId"), _communication_id, lambda s: s.communication_id
    ),
    "isPrivate": Command(
        _yes_or_no("isPrivate"),
        _is_private,
        lambda s: "yes" if s.restriction == "private" else "no",
    ),
    "isVisible": Command(
        _yes_or_no("isVisible"), _is_visible, lambda s: "yes" if s.visible else "no"
    ),
    "modelId": Command(_string("modelId"), _model_id, lambda s: s.model_id),
    "orderNb": Command(_check_order, _order_number, lambda s: str(s.order)),
    "priorityStatus": Command(
        lambda content: validate.text(content, "priorityStatus", default=""),
        _priority_status,
        lambda s: s.priority_status,
    ),
    "reset": Command(lambda content: validate.choice(content, "type", ("soft", "hard")), _reset),
    "setChargingProfile": Command(_check_profile, _charging_profile),
    "setMessage": Command(_check_message, _message, lambda s: s.message.text if s.message else ""),
    "tariffId": Command(_string("tariffId"), _tariff_id, lambda s: s.tariff.tariff_id),
}


def check_commands(value: object) -> dict[str, JsonObject]:
    """Return the commands of a request, or refuse it."""
    commands = validate.an_object(value, "commands")
    validate.a_list(list(commands), "commands")
    checked = {}
    for name, content in commands.items():
        validate.choice({"command": name}, "command", tuple(COMMANDS))
        checked[name] = validate.an_object(content, name)
        COMMANDS[name].check(checked[name])
    return checked


def describe(world: Network, commands: dict[str, JsonObject]) -> str:
    """Return the description of a job, in the cloud's words if documented."""
    sentences = []
    for name, content in commands.items():
        if name == "tariffId":
            names = {t.tariff_id: t.name for t in world.tariffs}
            fee = names.get(str(content["tariffId"]), "unknown")
            sentences.append(f"Set fee: {fee}.")
        elif name == "setMessage":
            words = content.get("setMessage", "")
            sentences.append(f"Set message to customers: {words}.")
        else:
            values = ", ".join(str(value) for value in content.values())
            sentences.append(f"{name}: {values}.")
    return " ".join(sentences)
