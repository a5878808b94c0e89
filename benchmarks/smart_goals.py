"""What smart charging is to reach beside evcc, and the tables that show it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from .smart_plant import Tally, total

WORSE_DAY = 0.02
"""Of a day's energy, by which it may be worse than with evcc."""

_ROUNDING = 1e-6
_COLUMNS = (
    "charged kWh",
    "from the sun",
    "import kWh",
    "from battery kWh",
    "cost",
    "starts",
    "changes",
    "most a minute",
    "missed",
)


@dataclass(slots=True)
class Pair:
    """One day, both ways; evcc's figures are of each second of its interval that it may look at."""

    name: str
    energy_wh: float
    """What the sun left for cars, as far as they wanted it."""
    ours: Tally
    evcc: Sequence[Tally]

    def mean(self, name: str) -> float:
        """Return a figure of evcc's."""
        return mean(self.evcc, name)


def mean(tallies: Sequence[Tally], name: str) -> float:
    """Return the mean of a figure."""
    return sum(float(getattr(tally, name)) for tally in tallies) / len(tallies)


def print_table(title: str, pairs: Sequence[Pair]) -> None:
    """Print each day and all of them, a line each for this integration and for evcc."""
    print(f"\n{title}\n\n| day | | " + " | ".join(_COLUMNS) + " |")
    print("| --- " * (len(_COLUMNS) + 2) + "|")
    rows = [*pairs, together(pairs)] if len(pairs) > 1 else pairs
    for pair in rows:
        print(f"| {pair.name} | ours | {' | '.join(_cells([pair.ours]))} |")
        print(f"| | evcc | {' | '.join(_cells(pair.evcc))} |")


def together(pairs: Sequence[Pair]) -> Pair:
    """Return all days as one."""
    return Pair(
        "all",
        sum(pair.energy_wh for pair in pairs),
        total(pair.ours for pair in pairs),
        [total(tallies) for tallies in zip(*(pair.evcc for pair in pairs), strict=True)],
    )


def _cells(tallies: Sequence[Tally]) -> Iterator[str]:
    yield f"{mean(tallies, 'charged_wh') / 1000:.2f}"
    yield f"{mean(tallies, 'solar_share'):.1%}"
    yield f"{mean(tallies, 'imported_wh') / 1000:.3f}"
    yield f"{mean(tallies, 'drained_wh') / 1000:.2f}"
    yield f"{mean(tallies, 'cost'):.2f}"
    for name in ("starts", "changes", "fullest_minute", "missed"):
        yield f"{mean(tallies, name):.0f}"


def failures(title: str, pairs: Sequence[Pair]) -> Iterator[str]:
    """Yield the goals that are missed."""
    both = together(pairs)
    for name, is_more_better in (
        ("solar_wh", True),
        ("solar_share", True),
        ("imported_wh", False),
        ("cost", False),
        ("starts", False),
        ("changes", False),
        ("fullest_minute", False),
    ):
        ours, evcc = float(getattr(both.ours, name)), both.mean(name)
        is_worse = ours < evcc - _ROUNDING if is_more_better else ours > evcc + _ROUNDING
        if is_worse:
            yield f"{title}: {name} is {ours:.4g}, with evcc {evcc:.4g}"
    for pair in pairs:
        less_wh = pair.mean("solar_wh") - pair.ours.solar_wh
        if less_wh > WORSE_DAY * pair.energy_wh:
            yield f"{title}: {pair.name} has {less_wh:.0f} Wh less from the sun than with evcc"
    if both.ours.missed:
        yield f"{title}: {both.ours.missed} targets are missed"


def print_verdict(missed: Iterable[str]) -> bool:
    """Print the goals that are missed; return whether there are none."""
    missed = list(missed)
    print("\n" + ("\n".join(f"MISSED {line}" for line in missed) or "All goals are reached."))
    return not missed
