"""JSON as the cloud writes it."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

type JsonObject = dict[str, object]


def iso(epoch_ms: int) -> str:
    """Write a time as ISO 8601 with milliseconds."""
    moment = datetime.fromtimestamp(epoch_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{epoch_ms % 1000:03d}Z"


def number(value: Decimal | float) -> int | float:
    """Write whole numbers without a fraction, as JavaScript does."""
    return int(value) if value == int(value) else float(value)
