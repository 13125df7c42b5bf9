"""Shares of pictures with their 95 % intervals, and differences of two such shares."""

from math import sqrt

from pydantic import BaseModel, ConfigDict

from bqat_pipeline.requirements import wilson


class Rate(BaseModel):
    """A share of a count with its 95 % Wilson interval; value and bounds are null when nothing was counted."""

    model_config = ConfigDict(frozen=True)

    count: int
    total: int
    value: float | None
    low: float | None
    high: float | None


class Change(BaseModel):
    """Difference of two shares (now minus before) with its 95 % interval, -1..1."""

    model_config = ConfigDict(frozen=True)

    value: float
    low: float
    high: float
    certain: bool


def rate(count: int, total: int) -> Rate:
    """Share ``count / total`` with its interval."""
    interval = wilson(count, total)
    if interval is None:
        return Rate(count=count, total=0, value=None, low=None, high=None)
    share = count / total
    # Rounding must not push a bound past the share itself.
    return Rate(count=count, total=total, value=share, low=min(interval[0], share), high=max(interval[1], share))


def change(now: Rate, before: Rate) -> Change | None:
    """Difference of two independent shares; None when one of them is empty.

    Newcombe, R. G. (1998), Statistics in Medicine 17, 873-890, method 10. ``certain``: the interval leaves out zero.
    """
    if now.value is None or before.value is None:
        return None
    assert now.low is not None and now.high is not None and before.low is not None and before.high is not None
    difference = now.value - before.value
    low = difference - sqrt((now.value - now.low) ** 2 + (before.high - before.value) ** 2)
    high = difference + sqrt((now.high - now.value) ** 2 + (before.value - before.low) ** 2)
    return Change(value=difference, low=low, high=high, certain=low > 0 or high < 0)
