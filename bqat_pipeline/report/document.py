"""report.json: every number of the page. NaN and infinities become null."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from bqat_pipeline.datasets.report_folder import SCHEMA_VERSION
from bqat_pipeline.report.by_group_document import ByGroup
from bqat_pipeline.report.identities import Identities
from bqat_pipeline.report.rates import Change, Rate
from bqat_pipeline.report.reviewed import Reviewed
from bqat_pipeline.requirements.rule_set import Severity

Outcome = Literal["pass", "borderline", "fail", "not_assessed"]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, ser_json_inf_nan="null")


class Outcomes(_Model):
    """Pictures by outcome, and the shares among the assessed ones."""

    passed: int
    borderline: int
    failed: int
    not_assessed: int
    pass_rate: Rate
    fail_rate: Rate

    @property
    def assessed(self) -> int:
        return self.passed + self.borderline + self.failed

    @property
    def total(self) -> int:
        return self.assessed + self.not_assessed


class StatusCount(_Model):
    """Files by what became of them."""

    status: str
    meaning: str
    count: int
    share: Rate
    measured: bool


class RequirementResult(_Model):
    """One line of the scorecard."""

    name: str
    title: str
    measure: str = Field(description="Name of the measure among `measures`; empty: the profiles do not have it.")
    description: str
    clause: str
    unit: str
    low: float | None
    high: float | None
    band: float
    limit: str = Field(description="The limit in words.")
    severity: Severity
    source: str
    certainty: str
    outcomes: Outcomes
    p5: float | None = Field(None, description="5th percentile of the data set's own values.")
    p50: float | None = None
    p95: float | None = None
    own: str = Field("", description="The three percentiles as the limit is written.")
    before: Rate | None = Field(None, description="Pass rate of the data set it is compared with.")
    change: Change | None = None


class Histogram(_Model):
    """Counts between edges; the rest lies below the first and above the last edge."""

    edges: list[float]
    counts: list[float]
    below: float
    above: float


class Spread(_Model):
    """Distribution of a measure over the measured pictures; quantiles are exact to 0.1 % of the value."""

    n: int
    missing: int
    mean: float | None
    sd: float | None
    min: float | None
    p1: float | None
    p5: float | None
    p25: float | None
    p50: float | None
    p75: float | None
    p95: float | None
    p99: float | None
    max: float | None


class Limit(_Model):
    """A limit on a measure, for drawing."""

    requirement: str
    low: float | None
    high: float | None
    band: float


class WorstValue(_Model):
    """A picture at the bad end of a measure."""

    row: int
    label: str
    value: float | None


class MeasureResult(_Model):
    """Distribution of one measure."""

    name: str
    title: str
    description: str
    unit: str
    clause: str
    method: str
    error: float = Field(0.0, description="Error of one measurement, in `unit`; 0 where it is not stated.")
    direction: str
    group: str
    boolean: bool
    spread: Spread
    histogram: Histogram | None
    share_true: Rate | None = Field(None, description="For yes/no measures: share of yes.")
    score_median: float | None = Field(None, description="Median of the standard's 0..100 component value.")
    score_p5: float | None = None
    limits: list[Limit] = []
    worst: list[WorstValue] = Field([], description="Pictures at the bad end, worst first.")


class Picture(_Model):
    """A picture shown in a gallery."""

    row: int
    label: str = Field(description="File name, or a pseudonym.")
    folder: str
    status: str
    verdict: str = ""
    reasons: list[str] = []
    note: str = ""


class Outliers(_Model):
    """What the outlier detection found; null fields: it has not run."""

    available: bool = False
    detector: str = ""
    scored: int = 0
    flagged: int = 0
    extreme: int = 0
    note: str = ""
    pictures: list[Picture] = []


class DuplicateGroup(_Model):
    """Pictures that are copies of one another."""

    kind: Literal["exact", "near", "changed"]
    size: int
    pictures: list[Picture]


class Duplicates(_Model):
    """Copies; only ever listed, never deleted."""

    available: bool = False
    total_groups: int = 0
    exact_copies: int = Field(0, description="Pictures beside the keepers, byte for byte the same.")
    near_copies: int = Field(0, description="Pictures beside the keepers that show the same photograph.")
    changed_copies: int = Field(0, description="Of these: cropped, turned, mirrored or brightened, known by the face.")
    spare: int = Field(0, description="Pictures that could be dropped when one of each group is kept.")
    note: str = ""
    groups: list[DuplicateGroup] = []


class UnusableGroup(_Model):
    """Files that could not be measured, by reason."""

    status: str
    code: str
    title: str
    sentence: str
    count: int
    examples: list[str]


class GroupRow(_Model):
    """One group of pictures against the rest."""

    name: str
    files: int
    measured: int
    outcomes: Outcomes
    wide: bool = Field(description="The interval is wider than 20 percentage points.")
    main_fault: str = Field("", description="Requirement that most pictures of the group miss.")
    main_fault_rate: float | None = None
    widest_gap: str = Field("", description="Requirement that the group misses most often beyond the whole data set.")
    gap: float | None = None


class GroupTable(_Model):
    """Pass rates by one column."""

    column: str
    title: str
    groups: list[GroupRow]
    small: int = Field(description="Groups that are too small to be shown on their own.")
    small_files: int
    more: int = Field(description="Groups beyond the most that are shown.")
    more_files: int
    ungrouped: int = Field(description="Files of groups beyond the most that are counted.")


class Shift(_Model):
    """How far one measure moved."""

    name: str
    title: str
    unit: str
    median_before: float | None
    median_now: float | None
    shift: float | None = Field(description="Wasserstein distance in standard deviations of the distribution before.")
    flagged: bool


class ChangedPicture(_Model):
    """A picture with another outcome than before."""

    file: str
    row: int
    row_before: int
    before: str
    now: str
    same_bytes: bool = Field(description="Whether the files are the same, and only measures or limits differ.")


class ChangedPictures(_Model):
    """Pictures that both scans hold, and those of them that changed sides."""

    matched: int
    only_before: int
    only_now: int
    better: int
    worse: int
    other: int = Field(description="Assessed only before, or only now.")
    examples: list[ChangedPicture] = Field([], description="At most 200 that got better and 200 that got worse.")


class Comparison(_Model):
    """Against the previous scan or a baseline, both judged by the same rule set."""

    kind: Literal["previous", "baseline"]
    name: str
    created: datetime | None
    measured_before: int
    measured_now: int
    pass_rate_before: Rate
    pass_rate_now: Rate
    change: Change | None
    requirements: list[RequirementResult] = []
    shifts: list[Shift] = []
    flags: bool = Field(description="Both have enough pictures (1,000) for shifts to be flagged.")
    new_files: int | None = None
    changed_files: int | None = None
    gone_files: int | None = None
    pictures: ChangedPictures | None = Field(None, description="Of `bqat compare`: the same pictures in both scans.")


class Fact(_Model):
    """One line of the provenance."""

    name: str
    value: str
    code: bool = False


class Caveat(_Model):
    """A limit of the method."""

    title: str
    text: str


class Download(_Model):
    """A file beside the page."""

    file: str
    title: str
    rows: int | None = None


class DatasetInfo(_Model):
    """What the report is about."""

    id: str
    key: str
    name: str
    engine: str
    generation: str
    scanned: datetime
    thumbnails: str
    names: str


class RuleSetResult(_Model):
    """Verdicts on the data set by one rule set."""

    name: str
    title: str
    chosen: bool = Field(description="Whether it is the one that this report is about.")
    outcomes: Outcomes


class DatasetVerdict(_Model):
    """The data set against the rule set."""

    profile: str
    profile_title: str
    profile_version: str
    profile_description: str
    profile_digest: str
    not_covered: list[str]
    files: int
    measured: int
    usable: Rate
    outcomes: Outcomes
    headline: str
    causes: list[str]
    advice: list[str] = Field([], description="What costs most, and how many would pass without it or after a crop.")
    rule_sets: list[RuleSetResult] = Field([], description="The same pictures judged by every shipped rule set.")


class Report(_Model):
    """All numbers of a report."""

    schema_version: int = SCHEMA_VERSION
    product: str = "bqat-pipeline"
    product_version: str
    created: datetime
    dataset: DatasetInfo
    standing: DatasetVerdict
    statuses: list[StatusCount]
    scorecard: list[RequirementResult]
    measures: list[MeasureResult]
    worst: list[Picture]
    unusual: Outliers
    duplicates: Duplicates
    unusable: list[UnusableGroup]
    groups: list[GroupTable]
    by_group: ByGroup | None = Field(None, description="Failure rates by columns of the metadata table.")
    identities: Identities | None = Field(None, description="Pairs that may show one person; null: not asked for.")
    comparison: Comparison | None
    review: Reviewed | None = Field(None, description="What people had decided by then; null: nothing.")
    provenance: list[Fact]
    caveats: list[Caveat]
    notes: list[str] = Field([], description="What could not be included, and why.")
    downloads: list[Download]
