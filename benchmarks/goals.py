"""What the integration may cost at most, and whether it keeps to that."""

# Shares of the floor, by the least number of stations that the goal is for.
POLL = {
    "nothing changed": {1: 1.2, 1000: 0.4},
    "1 % changed": {1: 1.5},
    "a quarter charging": {100: 2.5, 1000: 2.0},
}
STALL_S = 0.02
STALL_FROM = 1000
# Of one enabled entity, beyond the cost of Home Assistant itself.
SETUP_S = 0.0005
MEMORY = 11_000
# Those of a poll, which are sent at once: one round trip before the first states.
READY_REQUESTS = 2
COMMAND_CPU_S = 0.0012
# From the action to the socket; ten of them wait for other limits.
COMMAND_S = 0.012
# Memory at the end of a year, as a share of that after some months; files of one station.
YEAR_GROWTH = 1.02
YEAR_STORED = 40_000
# For accounts of any size.
DASHBOARD_S = 0.05


def poll(scene: str, count: int) -> float | None:
    """Return the goal of a poll of so many stations, as a share of the floor."""
    return next((share for least, share in reversed(POLL[scene].items()) if count >= least), None)


def judged(value: float, goal: float | None, form: str) -> tuple[str, str]:
    """Return a goal and whether it is reached, for a table; `form` is of the goal."""
    if goal is None:
        return "-", "-"
    return f"≤ {form.format(goal)}", "yes" if value <= goal else "no"
