"""Who gets how many amps: whole ones, nobody between 0 and 6, never more than there is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .model import MIN_A


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one station may get."""

    port_id: str
    watts_per_a: float
    max_a: int
    """The most it is to get; below 6 A it gets nothing."""
    limit_a: float
    """The limit in force."""

    @property
    def least_w(self) -> float:
        """The power at 6 A."""
        return MIN_A * self.watts_per_a

    @property
    def most_w(self) -> float:
        """The power at the most that it is to get."""
        return self.max_a * self.watts_per_a


def allocate(claims: Sequence[Claim], available_w: float) -> dict[str, int]:
    """Divide a power over stations in their order; return amps by port id.

    As many as possible get 6 A; what is left goes to the first, up to its most, then to the
    next: one station follows the sun while the others keep what they have.
    """
    amps = dict.fromkeys((claim.port_id for claim in claims), 0)
    left = available_w
    served = []
    for claim in claims:
        if claim.max_a >= MIN_A and claim.least_w <= left:
            amps[claim.port_id] = MIN_A
            left -= claim.least_w
            served.append(claim)
    for claim in served:
        more = int(min(claim.max_a - MIN_A, max(0.0, left) / claim.watts_per_a))
        amps[claim.port_id] += more
        left -= more * claim.watts_per_a
    return amps


def power_w(claims: Iterable[Claim], amps: Mapping[str, int]) -> float:
    """Return what stations may draw together at some amps."""
    return sum(amps.get(claim.port_id, 0) * claim.watts_per_a for claim in claims)
