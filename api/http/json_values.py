"""Values as JSON can hold them: no NaN, times as text."""

import math
from datetime import UTC, datetime
from typing import Any


def wire_time(moment: datetime | float) -> str:
    """Naive ISO 8601 in UTC with six digits of fraction: `2026-02-10T05:15:07.123000`."""
    if not isinstance(moment, datetime):
        moment = datetime.fromtimestamp(moment, UTC)
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")


def finite(value: Any) -> Any:
    """The value, or None where JSON has no word for it (NaN, infinity)."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def plain(value: Any) -> Any:
    """The value as JSON can hold it: NaN becomes null, times are text in UTC."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    if isinstance(value, dict):
        return {name: plain(entry) for name, entry in value.items()}
    return finite(value)
