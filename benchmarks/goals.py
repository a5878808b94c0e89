"""What the integration may cost at most, and whether it keeps to that."""

# Shares of the floor, for accounts of so many stations and more.
POLL = {"nothing changed": 0.5, "1 % changed": 1.5, "a quarter charging": 2.0}
POLL_FROM = 100
STALL_S = 0.02
STALL_FROM = 1000
# Of one station, beyond the cost of Home Assistant itself.
SETUP_S = 0.004
MEMORY = 100_000
COMMAND_S = 0.001
# For accounts of any size.
DASHBOARD_S = 0.05


def judged(value: float, goal: float | None, form: str) -> tuple[str, str]:
    """Return a goal and whether it is reached, for a table; `form` is of the goal."""
    if goal is None:
        return "-", "-"
    return f"≤ {form.format(goal)}", "yes" if value <= goal else "no"
