"""Advice never contradicts a limit: it is given for what misses one, names the right side, and following it helps."""

import re
import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqat_pipeline.requirements import Requirement, evaluate_row, list_rule_sets, load_rule_set, requirement_outcomes
from bqat_pipeline.requirements.evaluate import FAIL, MAX_REASONS, PASS, advice_sentence, outcome_codes

LIMITS = [
    pytest.param(requirement, id=f"{name}-{requirement.name}")
    for name in list_rule_sets()
    for requirement in load_rule_set(name).requirements
]
COLUMNS = sorted({column for name in list_rule_sets() for column in load_rule_set(name).columns})
VALUES = st.none() | st.booleans() | st.floats(-100, 100) | st.floats(0, 1) | st.integers(0, 5000)


def _around(limit: float, width: float) -> st.SearchStrategy[float]:
    return st.floats(limit - width, limit + width)


def _value_of(requirement: Requirement) -> st.SearchStrategy[float]:
    """Values about the limits, within some bands of them, and far away."""
    if requirement.measured.boolean:
        return st.sampled_from([0.0, 1.0])
    limits = [limit for limit in (requirement.min, requirement.max) if limit is not None]
    near = [_around(limit, 3 * requirement.band + 1e-3 * abs(limit)) for limit in limits]
    return st.one_of(*near, *(_around(limit, 3 * abs(limit) + 1) for limit in limits))


def _amount(template: str, sentence: str, error: float) -> tuple[float, float] | None:
    """The amount in a sentence and how far it is rounded; None where the sentence names none."""
    pattern, spec = "", None
    for literal, field, form, _ in string.Formatter().parse(template.rstrip(". ")):
        pattern += re.escape(literal)
        if field == "amount" and spec is None:
            pattern, spec = pattern + r"(?P<amount>[\d.,]+)%?", form or ""
        elif field == "about":
            pattern += r"(?: a little| by about (?P<about>[\d.]+)( degrees| px)?)"
        elif field is not None:
            pattern += r"[-\d.,%]+"
    found = re.match(pattern, sentence)
    assert found, f"{sentence!r} does not follow {template!r}"
    if found.groupdict().get("about"):
        step = min(n for n in (0.5, 1, 2, 5, 10) if n >= error)
        assert float(found["about"]) % step == 0  # nothing finer than the error of the measurement
        return float(found["about"]), step / 2
    if spec is None:
        return None
    text = found["amount"].rstrip(".").replace(",", "")
    unit = 0.01 if spec.endswith("%") else 1.0
    return float(text) * unit, unit * 10.0 ** -len(text.partition(".")[2])


@pytest.mark.parametrize("requirement", LIMITS)
@given(data=st.data())
def test_advice_is_about_the_side_that_is_missed_and_following_it_helps(
    requirement: Requirement, data: st.DataObject
) -> None:
    value = data.draw(_value_of(requirement))
    code = int(outcome_codes(requirement, np.array([value]))[0])
    if code == PASS:
        return
    r = requirement
    low = r.min is not None and value < r.min + r.band
    high = r.max is not None and value > r.max - r.band
    sentence = advice_sentence(r, value, borderline=code != FAIL)
    assert not re.search(r"\d(?:st|nd|rd|th)\b", sentence), "numbers that are worked out are no ordinals: 'every 3th'"
    start = ""
    if code != FAIL and not r.measured.boolean:
        doubt = "within the error of the measurement" if r.measured.error else "borderline)"
        assert doubt in sentence
        start = "Perhaps "
        if (r.min is None or value >= r.min) and (r.max is None or value <= r.max):
            start = "To be sure, "
            if sentence.startswith("Look at the picture: "):
                assert f": {r.title.lower()} is within the limit, but by less than its error (" in sentence
                return  # claims nothing and asks for no change
        assert sentence.startswith(start)
        if r.measured.error:
            assert not any(character.isdigit() for character in sentence.partition(" (")[0]), sentence
        sentence = sentence[len(start)].upper() + sentence[len(start) + 1 :]
    templates = {True: r.below or f"{r.title} is too low", False: r.above or f"{r.title} is too high"}
    if start == "To be sure, ":  # what is within the limit is not called a fault
        templates = {side: template.partition(": ")[0] for side, template in templates.items()}
    # Where both limits are near, either side is right.
    sides = [side for side, missed in ((True, low), (False, high)) if missed]
    assert sides
    followed = [side for side in sides if sentence.startswith(templates[side].partition("{")[0].rstrip(". "))]
    assert followed, f"{value} {r.limit}: {sentence}"
    if len(sides) > 1 or r.measured.boolean:
        return
    named = _amount(templates[followed[0]], sentence, r.measured.error)
    if named is not None:
        amount, step = named
        assert amount > 0
        moved = value + amount if followed[0] else value - amount
        reached = outcome_codes(r, np.array([moved - step, moved, moved + step]))
        # Of a failure the sentence says how far the limit is, where the measurement is in doubt: borderline.
        enough = (reached != FAIL) if code == FAIL and r.target is None else (reached == PASS)
        assert enough.any(), f"{value} {r.limit}: {sentence} leads to {moved}"


@pytest.mark.parametrize("name", list_rule_sets())
@given(row=st.dictionaries(st.sampled_from(COLUMNS), VALUES))
def test_sentences_are_of_what_misses_a_limit_and_of_nothing_else(name: str, row: dict) -> None:
    rules = load_rule_set(name)
    verdict, outcomes = evaluate_row(rules, row), requirement_outcomes(rules, row)
    missed = {o.sentence for o in outcomes if o.outcome in ("borderline", "fail")}
    assert set(verdict.reasons) <= missed and "" not in missed
    assert not any(o.sentence for o in outcomes if o.outcome in ("pass", "not_assessed"))
    assert len(verdict.reasons) == min(MAX_REASONS, sum(o.outcome in ("borderline", "fail") for o in outcomes))
