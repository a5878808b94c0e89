"""Power over time, and the exact energy under it."""

from bisect import bisect_right

WMS_PER_WH = 3_600_000


class PowerCurve:
    """Piecewise constant power.

    Times are epoch milliseconds, power is whole watts and energy is whole
    watt-milliseconds, so that no step size and no rounding can change a sum.
    """

    def __init__(self) -> None:
        """Start without power."""
        self._starts_ms: list[int] = []
        self._watts: list[int] = []
        self._before_wms: list[int] = []

    def set(self, at_ms: int, watts: int) -> None:
        """Let ``watts`` flow from ``at_ms`` on."""
        if self._watts and self._watts[-1] == watts:
            return
        self._before_wms.append(self.energy_wms(at_ms))
        self._starts_ms.append(at_ms)
        self._watts.append(watts)

    def points(self) -> list[tuple[int, int]]:
        """Return the (start, power) of each change."""
        return list(zip(self._starts_ms, self._watts, strict=True))

    def watts(self, at_ms: int) -> int:
        """Return the power at a moment."""
        index = bisect_right(self._starts_ms, at_ms) - 1
        return self._watts[index] if index >= 0 else 0

    def energy_wms(self, at_ms: int) -> int:
        """Return the energy until a moment."""
        index = bisect_right(self._starts_ms, at_ms) - 1
        if index < 0:
            return 0
        elapsed_ms = at_ms - self._starts_ms[index]
        return self._before_wms[index] + self._watts[index] * elapsed_ms

    def energy_wh(self, at_ms: int) -> int:
        """Return the energy until a moment as a meter shows it."""
        return self.energy_wms(at_ms) // WMS_PER_WH

    def idle_spells_ms(self, until_ms: int) -> list[tuple[int, int]]:
        """Return the (start, length) of each time without power until a moment."""
        ends_ms = [*self._starts_ms[1:], until_ms]
        curve = zip(self._starts_ms, ends_ms[: len(self._watts)], strict=True)
        return [
            (start_ms, min(end_ms, until_ms) - start_ms)
            for watts, (start_ms, end_ms) in zip(self._watts, curve, strict=True)
            if watts == 0 and start_ms <= until_ms
        ]
