"""Values that JSON can hold: no NaN, times as text."""

import math
from datetime import UTC, datetime
from typing import Any


def wire_time(moment: datetime | float) -> str:
    """Naive ISO 8601 in UTC with six digits of fraction: `2026-02-10T05:15:07.123000`."""
    if not isinstance(moment, datetime):
        moment = datetime.fromtimestamp(moment, UTC)
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")


def finite(value: Any) -> Any:
    """The value, or None where JSON cannot hold it (NaN, infinity)."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def json_value(value: Any) -> Any:
    """The value in a form that JSON can hold: NaN becomes null, times become text in UTC; lists and dicts in depth."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, list):
        return [json_value(entry) for entry in value]
    if isinstance(value, dict):
        return {name: json_value(entry) for name, entry in value.items()}
    return finite(value)
