"""Rule sets, read from the shipped TOML files or those of users."""

import hashlib
import os
import string
import tomllib
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from bqat_pipeline.columns import ALL_COLUMNS
from bqat_pipeline.requirements.quantities import Quantity, quantity

_SHIPPED = Path(__file__).parent
_MAX_BYTES = 1_000_000
# Fields that an advice template may use; anything else (attributes, indices) is refused.
_FIELDS = frozenset({"value", "amount", "about", "min", "max"})

Severity = Literal["required", "recommended", "informative"]
Certainty = Literal["read", "secondary", "memory", "own"]


class RuleSetError(ValueError):
    """A rule set does not exist or is invalid; the message says where."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Requirement(_Model):
    """One limit on one quantity."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$", description="Key in results, unique in the rule set.")
    title: str = Field(min_length=1, max_length=100, description="Name for people.")
    quantity: str = Field(description="A numeric or boolean column of the registry; booleans count 0 or 1.")
    min: float | None = Field(None, description="Smallest value that conforms, in the unit of the quantity.")
    max: float | None = Field(None, description="Largest value that conforms, in the unit of the quantity.")
    band: float = Field(
        0.0,
        ge=0,
        description="Uncertainty of the measurement: closer to a limit than this is `borderline`. Absent: the error "
        "that the registry states for the column, else 0.",
    )
    severity: Severity = Field(
        "required",
        description="Only `required` ones decide the overall verdict; `informative` ones are shown and counted, and "
        "give no reason either.",
    )
    source: str = Field(min_length=1, description="Where the limit comes from.")
    certainty: Certainty = Field(
        description="`read` in the source, from a `secondary` text, from `memory`, or our `own` limit."
    )
    format: str = Field(".4g", pattern=r"^[,]?(\.\d)?[fg%]$", description="How values are written, a format spec.")
    target: float | None = Field(None, description="Value that the advice aims at; absent: the limit that was missed.")
    below: str = Field(
        "",
        max_length=300,
        description="Advice when the value is too low; may name "
        + ", ".join(sorted(_FIELDS))
        + ". `{about}` is ` by about 10 degrees`: rounded as far as the error of the column asks.",
    )
    above: str = Field("", max_length=300, description="Advice when the value is too high.")

    yields_to: tuple[str, ...] = Field(
        (),
        description="Requirements that come first: while one of them fails or is borderline, the reason of this one "
        "names value and limit without its advice.",
    )

    @model_validator(mode="before")
    @classmethod
    def _band_of_the_registry(cls, given: object) -> object:
        if isinstance(given, dict) and given.get("band") is None:
            column = ALL_COLUMNS.get(str(given.get("quantity")))
            return {**given, "band": column.error if column else 0.0}
        return given

    @field_validator("min", "max", "band", "target")
    @classmethod
    def _finite(cls, value: float | None) -> float | None:
        if value is not None and not abs(value) < float("inf"):
            raise ValueError("must be a finite number")
        return value

    @field_validator("quantity")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            quantity(name)
        except KeyError:
            raise ValueError(
                f"there is no numeric or boolean column {name!r} in the registry; see docs/columns.md"
            ) from None
        return name

    @field_validator("below", "above")
    @classmethod
    def _template(cls, text: str) -> str:
        for _, field, _, conversion in string.Formatter().parse(text):
            if field is not None and (field not in _FIELDS or conversion):
                raise ValueError(f"{{{field}}} is not one of {', '.join(sorted(_FIELDS))}")
        return text

    @model_validator(mode="after")
    def _limits(self) -> "Requirement":
        if self.min is None and self.max is None:
            raise ValueError("needs min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}")
        if self.below and self.min is None:
            raise ValueError("has advice for values that are too low, but no min")
        if self.above and self.max is None:
            raise ValueError("has advice for values that are too high, but no max")
        for text in (self.below, self.above):
            try:  # so that a bad format is found when the rule set is read, not when a row is judged
                text.format(value=1.0, amount=1.0, about="", min=self.min, max=self.max)
            except (TypeError, ValueError) as error:
                raise ValueError(f"advice {text!r} cannot be written: {error}") from None
        return self

    @cached_property
    def measured(self) -> Quantity:
        """The quantity that the limit is set on."""
        return quantity(self.quantity)

    def written(self, value: float) -> str:
        """A value as text, with the error of its measurement where the registry states one: `6.2 ± 3.5 deg`."""
        unit = f" {self.measured.unit}" if self.measured.unit in ("px", "deg", "bits", "bytes") else ""
        error = f" ± {self.measured.error:{self.format}}" if self.measured.error else ""
        return f"{value:{self.format}}{error}{unit}"

    @property
    def finding(self) -> str:
        """What is wrong where it is failed, for use within a sentence: what its advice says before a colon.

        The title where there is no such part, or another one above the limits than below; it names what is measured.
        """
        said = {text.partition(":")[0] for text in (self.below, self.above) if ":" in text}
        text = said.pop() if len(said) == 1 else self.title
        return self.title.lower() if "{" in text or text == self.title else f"{text[0].lower()}{text[1:]}"

    @cached_property
    def limit(self) -> str:
        """The limit as text: `-5 to 5 deg`, `at least 90 px`, `at most 0.03`, `no`, `yes`."""
        if self.measured.boolean:
            return "no" if self.max is not None and self.max < 1 else "yes"
        unit = f" {self.measured.unit}" if self.measured.unit in ("px", "deg", "bits", "bytes") else ""
        if self.min is None:
            return f"at most {self.max:{self.format}}{unit}"
        if self.max is None:
            return f"at least {self.min:{self.format}}{unit}"
        if self.min == self.max:
            return f"{self.min:{self.format}}{unit}"
        return f"{self.min:{self.format}} to {self.max:{self.format}}{unit}"


class RuleSet(_Model):
    """A named set of requirements, in order of importance."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    title: str = Field(min_length=1, max_length=200)
    version: str = Field(min_length=1, max_length=32)
    description: str = Field("", max_length=2000)
    not_covered: tuple[str, ...] = Field((), description="Rules of the source that cannot be judged from the columns.")
    requirements: tuple[Requirement, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _unique(self) -> "RuleSet":
        seen: set[str] = {"overall"}
        for requirement in self.requirements:
            if requirement.name in seen:
                raise ValueError(f"requirement name {requirement.name!r} is taken")
            seen.add(requirement.name)
        for requirement in self.requirements:
            for name in requirement.yields_to:
                if name not in seen - {"overall", requirement.name}:
                    raise ValueError(
                        f"{requirement.name} yields to {name!r}, which is no other requirement of the rule set"
                    )
        return self

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the content, hexadecimal: equal for files that differ only in layout or comments."""
        # Fields of later versions count only where they are used, so that digests of older rule sets stay.
        unused: dict[int, set[str]] = {n: {"yields_to"} for n, r in enumerate(self.requirements) if not r.yields_to}
        return hashlib.sha256(self.model_dump_json(exclude={"requirements": unused}).encode()).hexdigest()

    @cached_property
    def precedence(self) -> dict[str, tuple[Requirement, ...]]:
        """The requirements that each one yields to, in the order of the rule set."""
        return {r.name: tuple(o for o in self.requirements if o.name in r.yields_to) for r in self.requirements}

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Columns that the requirements need, without repeats."""
        return tuple(dict.fromkeys(c for r in self.requirements for c in r.measured.columns))


def list_rule_sets() -> list[str]:
    """Names of the shipped rule sets, sorted."""
    return sorted(path.stem for path in _SHIPPED.glob("*.toml"))


def load_rule_set(name_or_path: str | os.PathLike[str]) -> RuleSet:
    """The shipped rule set of a name, or the rule set in a TOML file.

    Parameters
    ----------
    name_or_path : One of ``list_rule_sets()``, or a path ending in ``.toml``. Paths come from the operator
        (``BQAT_REQUIREMENTS``, ``dataset.json``), never from a client.

    Raises
    ------
    RuleSetError : when there is no such rule set, or it is invalid; the message names file, place and fault.
    """
    text = os.fspath(name_or_path)
    if text in list_rule_sets():
        path = _SHIPPED / f"{text}.toml"
    elif text.endswith(".toml"):
        path = Path(text).expanduser()
    else:
        raise RuleSetError(
            f"there is no rule set {text!r}; shipped are {', '.join(list_rule_sets())}; "
            "your own is given as the path of a .toml file"
        )
    try:
        with path.open("rb") as stream:
            content = stream.read(_MAX_BYTES + 1)
    except OSError as error:
        raise RuleSetError(f"rule set {text} cannot be read: {error.strerror or error}") from error
    if len(content) > _MAX_BYTES:
        raise RuleSetError(f"rule set {text} is larger than {_MAX_BYTES} bytes")
    return _parsed(text, content)


@lru_cache(maxsize=16)  # a run asks eight times for the same one, and parsing takes 5 ms
def _parsed(text: str, content: bytes) -> RuleSet:
    try:
        return RuleSet.model_validate(tomllib.loads(content.decode()))
    except ValidationError as error:
        faults = "; ".join(_fault(e["loc"], e["msg"]) for e in error.errors(include_url=False)[:5])
        raise RuleSetError(f"rule set {text} is wrong: {faults}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RuleSetError(f"rule set {text} is not valid TOML: {error}") from error


def _fault(location: tuple[int | str, ...], message: str) -> str:
    place = ".".join(str(part + 1) if isinstance(part, int) else part for part in location)
    return f"{place}: {message}" if place else message
