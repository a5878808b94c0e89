"""``python -m simulator``: serve a simulated Eevion cloud."""

import argparse
from collections.abc import Sequence
from functools import partial
import json
from pathlib import Path
import sys

from aiohttp import web

from .app import create_app
from .http.cloud import Cloud
from .http.pipeline import PREFIX
from .settings import DEFAULT_KEY, Settings

CONTROL_HELP = """\
Control, from this machine only and without a key:
  GET  /                        a page with buttons for all of it
  GET  /control/state           sites, stations, faults and settings
  GET  /control/requests        the requests that clients made
  GET  /control/webhooks        the webhook calls made, with what came back
  GET  /control/ledger?station=2133
                                every session of a station, to the watt-hour and the cent
  POST /control/{action}        JSON; see simulator/README.md for the actions, such as
       curl -H 'Content-Type: application/json' -d '{"station": "2133", "card": true}' \\
            http://127.0.0.1:9555/control/plug_in
"""


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        message = f"{text} is not above 0"
        raise argparse.ArgumentTypeError(message)
    return value


def _not_negative(text: str) -> float:
    return 0.0 if float(text) == 0 else _positive(text)


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        message = f"{text} is below 0"
        raise argparse.ArgumentTypeError(message)
    return value


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    options = argparse.ArgumentParser(
        prog="python -m simulator",
        description="A simulated Eevion cloud: sites, stations, cars and everything that breaks.",
        epilog=CONTROL_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = options.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=_count, default=9555, help="port to listen on (default: %(default)s)")
    add("--key", action="append", help=f"API key, one account each (default: {DEFAULT_KEY})")
    add("--sites", type=_count, default=2, help="sites per account (default: %(default)s)")
    add(
        "--stations",
        type=_count,
        default=6,
        help="stations per account, over all sites (default: %(default)s)",
    )
    add("--speed", type=_positive, default=1.0, help="60 makes an hour a minute")
    add("--seed", type=int, default=1, help="the same seed makes the same ids, names and cars")
    add("--history-days", type=_count, default=0, help="days of past sessions to begin with")
    add(
        "--head-start",
        type=_not_negative,
        default=0,
        metavar="HOURS",
        help="how long before now cars began to come",
    )
    add(
        "--state",
        type=Path,
        metavar="FILE",
        help="keeps the sessions for the next start, which then needs no --history-days",
    )
    add(
        "--meter-interval",
        type=_not_negative,
        default=0,
        metavar="SECONDS",
        help="how often meters report",
    )
    cars = options.add_mutually_exclusive_group()
    cars.add_argument("--auto-cars", action="store_true", help="cars come and go on their own")
    cars.add_argument(
        "--no-cars",
        dest="auto_cars",
        action="store_false",
        help="cars come and go by control only (default)",
    )
    return options


def settings_from(arguments: argparse.Namespace) -> Settings:
    """Turn the command line into settings."""
    return Settings(
        keys=tuple(dict.fromkeys(arguments.key or [DEFAULT_KEY])),
        sites=arguments.sites,
        stations=arguments.stations,
        seed=arguments.seed,
        speed=arguments.speed,
        auto_cars=arguments.auto_cars,
        history_days=arguments.history_days,
        head_start_s=arguments.head_start * 3600,
        meter_interval_s=arguments.meter_interval,
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Serve until interrupted."""
    arguments = parser().parse_args(argv)
    settings = settings_from(arguments)

    def say_ready(_: str) -> None:
        base = f"http://{arguments.host}:{arguments.port}"
        print(f"API     {base}{PREFIX}")
        for key in settings.keys:
            print(f"key     {key}")
        print(f"control {base}/", flush=True)

    file: Path | None = arguments.state
    cloud = Cloud(settings, saved=json.loads(file.read_text()) if file and file.exists() else None)

    def save(file: Path) -> None:
        written = file.with_suffix(".new")
        written.write_text(json.dumps(cloud.to_json()))
        written.replace(file)

    app = create_app(cloud, ticker=True, save=partial(save, file) if file else None)
    web.run_app(app, host=arguments.host, port=arguments.port, print=say_ready)


if __name__ == "__main__":
    main(sys.argv[1:])
