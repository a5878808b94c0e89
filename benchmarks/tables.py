"""What was measured, as tables."""

from collections.abc import Sequence
from dataclasses import dataclass

from . import goals
from .commands import Commands
from .dashboard import Dashboard
from .polls import Polls
from .rest import RestPolls
from .setups import Setup
from .year import SETTLED_DAYS, Year


@dataclass(frozen=True, kw_only=True)
class Size:
    """All that was measured with a number of stations; polls are by the scene's name."""

    count: int
    polls: dict[str, Polls]
    rest_shared: RestPolls
    rest_own: RestPolls
    setup: Setup
    commands: Commands
    dashboard: Dashboard


@dataclass(frozen=True)
class _Absolute:
    """A column's name; what it holds differs from machine to machine."""

    name: str


type _Columns = Sequence[str | _Absolute]


_POLL_COLUMNS: _Columns = (
    "stations",
    "scene",
    "states",
    _Absolute("floor"),
    _Absolute("ours"),
    "ratio",
    "to same requests",
    _Absolute("full poll"),
    "full poll",
    "goal",
    "reached",
    "rest, shared",
    "rest, own",
)
_LOAD_COLUMNS: _Columns = (
    "stations",
    "scene",
    "polls a minute",
    "requests a poll",
    "full poll",
    "rest, shared",
    "rest, own",
    _Absolute("stall"),
    "stall goal",
    "reached",
)
_SETUP_COLUMNS: _Columns = (
    "stations",
    "entities",
    "enabled",
    "requests until ready",
    "goal",
    "reached",
    _Absolute("CPU"),
    _Absolute("beyond"),
    "CPU ratio",
    "beyond goal",
    "reached",
    _Absolute("restart"),
    _Absolute("beyond"),
    "restart ratio",
    "beyond goal",
    "reached",
    _Absolute("memory"),
    _Absolute("beyond"),
    "memory ratio",
    "beyond goal",
    "reached",
)
_COMMAND_COLUMNS: _Columns = (
    "stations",
    _Absolute("floor"),
    _Absolute("idle"),
    "idle ratio",
    _Absolute("during a poll"),
    "during a poll ratio",
    "CPU goal",
    "reached",
    _Absolute("time idle"),
    _Absolute("time during a poll"),
    "time goal",
    "reached",
)
_YEAR_COLUMNS: _Columns = (
    "stations",
    "days",
    _Absolute("memory"),
    f"to that of day {SETTLED_DAYS}",
    "goal",
    "reached",
    "stored a station",
    "goal",
    "reached",
)
_DASHBOARD_COLUMNS: _Columns = (
    "stations",
    _Absolute("views"),
    _Absolute("all stations"),
    "size",
    "goal",
    "reached",
)


def show(sizes: Sequence[Size], year: Year | None, *, ratios: bool) -> None:
    """Print all, or what is the same on any machine."""
    of_polls = [row for size in sizes for row in _poll_rows(size)]
    _print("Polls, CPU", _POLL_COLUMNS, of_polls, ratios=ratios)
    of_loads = [row for size in sizes for row in _load_rows(size)]
    _print("Polls, requests and stalls", _LOAD_COLUMNS, of_loads, ratios=ratios)
    of_setups = [_setup_row(size) for size in sizes]
    _print("Setup, per enabled entity", _SETUP_COLUMNS, of_setups, ratios=ratios)
    of_commands = [_command_row(size) for size in sizes]
    _print("A command, action to socket", _COMMAND_COLUMNS, of_commands, ratios=ratios)
    of_dashboards = [_dashboard_row(size) for size in sizes]
    _print("An answer of the dashboard", _DASHBOARD_COLUMNS, of_dashboards, ratios=ratios)
    if year:
        _print("A year", _YEAR_COLUMNS, [_year_row(year)], ratios=ratios)


def _poll_rows(size: Size) -> list[list[str]]:
    rows = []
    for name, polls in size.polls.items():
        timed = polls.timed
        ratio = timed.cpu / timed.floor
        full = polls.full / polls.full_floor
        rows.append(
            [
                str(size.count),
                name,
                f"{polls.states:.0f}",
                _ms(timed.floor / timed.polls),
                _ms(timed.cpu / timed.polls),
                f"{ratio:.1f}",
                f"{timed.cpu / timed.same:.1f}",
                _ms(polls.full),
                f"{full:.1f}",
                *goals.judged(full, goals.poll(name, size.count), "{:.1f}"),
                f"{size.rest_shared.cpu[name] / polls.full_floor:.0f}",
                f"{size.rest_own.cpu[name] / polls.full_floor:.0f}",
            ]
        )
    return rows


def _load_rows(size: Size) -> list[list[str]]:
    rows = []
    for name, polls in size.polls.items():
        goal = goals.STALL_S * 1000 if size.count >= goals.STALL_FROM else None
        rows.append(
            [
                str(size.count),
                name,
                f"{polls.polls_a_minute:.0f}",
                f"{polls.timed.requests / polls.timed.polls:.1f}",
                f"{polls.full_requests:.0f}",
                str(size.rest_shared.requests),
                str(size.rest_own.requests),
                _ms(polls.stall),
                *goals.judged(polls.stall * 1000, goal, "{:.0f} ms"),
            ]
        )
    return rows


def _setup_row(size: Size) -> list[str]:
    setup = size.setup
    requests = setup.requests_until_ready
    row = [str(size.count), str(setup.entities), str(setup.enabled), str(requests)]
    row += goals.judged(requests, goals.READY_REQUESTS, "{}")
    for taken, bare in (
        (setup.ours.first, setup.reference.first),
        (setup.ours.restart, setup.reference.restart),
    ):
        beyond = (taken - bare) / setup.enabled
        row += [_ms(taken / setup.enabled), _ms(beyond), f"{taken / bare:.2f}"]
        row += goals.judged(beyond * 1000, goals.SETUP_S * 1000, "{:.1f} ms")
    taken, bare = setup.ours.memory, setup.reference.memory
    beyond = (taken - bare) / setup.enabled
    row += [_kb(taken / setup.enabled), _kb(beyond), f"{taken / bare:.2f}"]
    row += goals.judged(beyond / 1000, goals.MEMORY / 1000, "{:.0f} KB")
    return row


def _command_row(size: Size) -> list[str]:
    idle, polling, floor = size.commands.idle, size.commands.polling, size.commands.floor
    cpu, wall = max(idle.cpu, polling.cpu), max(idle.wall, polling.wall)
    return [
        str(size.count),
        _ms(floor.cpu),
        _ms(idle.cpu),
        f"{idle.cpu / floor.cpu:.1f}",
        _ms(polling.cpu),
        f"{polling.cpu / floor.cpu:.1f}",
        *goals.judged(cpu * 1000, goals.COMMAND_CPU_S * 1000, "{:.1f} ms"),
        _ms(idle.wall),
        _ms(polling.wall),
        *goals.judged(wall * 1000, goals.COMMAND_S * 1000, "{:.0f} ms"),
    ]


def _year_row(year: Year) -> list[str]:
    growth, stored = year.memory / year.settled, year.stored / year.count
    return [
        str(year.count),
        str(year.days),
        _kb(year.memory / year.count),
        f"{growth:.3f}",
        *goals.judged(growth, goals.YEAR_GROWTH, "{:.2f}"),
        _kb(stored),
        *goals.judged(stored / 1000, goals.YEAR_STORED / 1000, "{:.0f} KB"),
    ]


def _dashboard_row(size: Size) -> list[str]:
    dashboard = size.dashboard
    slower = max(dashboard.views, dashboard.stations)
    return [
        str(size.count),
        _ms(dashboard.views),
        _ms(dashboard.stations),
        f"{dashboard.size / 1000:.0f} KB",
        *goals.judged(slower * 1000, goals.DASHBOARD_S * 1000, "{:.0f} ms"),
    ]


def _kb(size: float) -> str:
    return f"{size / 1000:.1f} KB"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"


def _print(title: str, columns: _Columns, rows: Sequence[list[str]], *, ratios: bool) -> None:
    kept = [
        index
        for index, column in enumerate(columns)
        if not (ratios and isinstance(column, _Absolute))
    ]
    names = [column if isinstance(column, str) else column.name for column in columns]
    lines = [[line[index] for index in kept] for line in (names, *rows)]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    print(f"\n{title}\n")
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        print(f"| {' | '.join(cells)} |")
