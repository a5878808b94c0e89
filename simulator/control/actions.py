"""What the control API can do: one for each ``POST /control/{action}``."""

from collections.abc import Callable
from dataclasses import asdict
import inspect
from typing import Any, Literal, get_args, get_origin, get_type_hints

from ..errors import ControlError
from ..http.cloud import Cloud
from ..settings import Settings
from ..world.world import World
from .state import CHANGEABLE

type Options = dict[str, Any]


WORLD_ACTIONS = (
    "plug_in",
    "unplug",
    "swipe_card",
    "stop_locally",
    "demand_response",
    "set_session_limit",
    "fault",
    "clear_fault",
    "disconnect",
    "connect",
    "reset",
    "take_offline",
    "take_online",
    "add_station",
    "remove_station",
    "set_lifecycle",
    "rename_station",
    "fail_jobs",
)
"""Methods of ``World``; the body's ``station`` is their ``name``, the rest their arguments."""


def act_on_world(world: World, action: str, options: Options) -> object:
    """Call a method of a world with the options of a body."""
    if action not in WORLD_ACTIONS:
        raise ControlError(f"There is no action {action!r}")
    method = getattr(world, action)
    arguments = {"name" if key == "station" else key: value for key, value in options.items()}
    check_arguments(method, arguments)
    return method(**arguments)


def check_arguments(method: Callable[..., object], arguments: Options) -> None:
    """Refuse arguments that a method does not have, or of another type."""
    hints = get_type_hints(method)
    inspect.signature(method).bind(**arguments)
    for name, value in arguments.items():
        if not _fits(value, hints[name]):
            raise ControlError(f"{name} cannot be {value!r}")


def _fits(value: object, hint: Any) -> bool:
    hint = getattr(hint, "__value__", hint)
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, int | float if hint is float else hint)


def _set_fault(cloud: Cloud, options: Options) -> object:
    check_arguments(cloud.faults.set, options)
    return asdict(cloud.faults.set(**options))


def _clear_faults(cloud: Cloud, options: Options) -> object:
    check_arguments(cloud.faults.clear, options)
    cloud.faults.clear(**options)
    return None


def _change_settings(cloud: Cloud, options: Options) -> object:
    hints = get_type_hints(Settings)
    for name, value in options.items():
        if name not in CHANGEABLE or not _fits(value, hints[name]):
            raise ControlError(f"{name} cannot be changed to {value!r}")
    for name, value in options.items():
        setattr(cloud.settings, name, value)
    if "speed" in options:
        cloud.clock.speed = options["speed"]
    return None


CLOUD_ACTIONS: dict[str, Callable[[Cloud, Options], object]] = {
    "set_fault": _set_fault,
    "clear_faults": _clear_faults,
    "settings": _change_settings,
}
