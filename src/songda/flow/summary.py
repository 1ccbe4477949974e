"""What one run came to: the numbers that the report, the terminal and `--json` show. Nothing here names a person.

>>> summary = Summary(institution="示例银行", firm="示例律师事务所", as_of=date(2026, 11, 24), posted=2,
...                   grades={"A1": 1, "C": 1}, cost_fen=2400)
>>> summary.signed, summary.cost_per_signed_fen
(1, 2400)
>>> summary.to_json()["grades"]["C"]
1

Every field is a count over the run; totals and shares are computed here once, so that two screens never disagree.
Only grades A1 and A2 are a signature, and A, B and C are always reported apart: a parcel locker is not a signature.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Grade:
    """One proof grade as a reader must understand it."""

    code: str
    #: Three to six characters for legends.
    short_zh: str
    meaning_zh: str
    #: What it is worth as proof of a demand that interrupts limitation.
    proof_zh: str


GRADES = (
    Grade("A1", "本人签收", "债务人本人签收，姓名相符", "可证明送达"),
    Grade("A2", "家属签收", "同住成年家属或受托人签收，注明关系", "可证明送达"),
    Grade("B1", "预留地址", "投至或试投持卡人预留地址，存根与内容留存", "信用卡可证明"),
    Grade("B2", "约定地址", "投至合同、约定或证件地址，签收人不明，存根与内容留存", "多可证明"),
    Grade("C", "代收或存放", "物业、前台、驿站、快递柜或他人代收", "单独不足，不计签收"),
    Grade("D", "本人拒收", "收件人拒收", "有争议"),
    Grade("E", "退回", "迁移、查无此人、无电话、地址有误", "不能证明"),
    Grade("F", "无结果", "丢失，或期限内无最终轨迹", "不能证明"),
)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the funnel, in order from rows to grades."""

    label_zh: str
    count: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why rows were rejected or letters were not sent."""

    code: str
    label_zh: str
    count: int


@dataclass(frozen=True, slots=True)
class Cost:
    label_zh: str
    amount_fen: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Day:
    """What happened on one business day."""

    day: date
    ready: int = 0
    posted: int = 0
    signed: int = 0
    returned: int = 0
    settled: int = 0


@dataclass(frozen=True, slots=True)
class Province:
    letters: int = 0
    #: Grades A1 and A2 only.
    signed: int = 0
    returned: int = 0


@dataclass(frozen=True, slots=True)
class Stage:
    """Speed of one stage of the run."""

    stage: str
    items: int
    seconds: float

    @property
    def per_s(self) -> float | None:
        """Items a second; None when the stage took no measurable time."""
        return self.items / self.seconds if self.seconds > 0 else None


@dataclass(frozen=True, slots=True)
class Level:
    """How many address texts state a level themselves, and for how many it is known after standardising."""

    level: str
    stated: int
    known: int


#: Levels that the report shows: columns of STANDARD of which any one makes the level known, and the name on screens.
LEVELS: Mapping[str, tuple[tuple[str, ...], str]] = MappingProxyType(
    {
        "province": (("province",), "省级"),
        "city": (("city",), "地级市"),
        "district": (("district",), "区县"),
        "town": (("town",), "街道乡镇"),
        "door": (("road_no", "poi"), "门牌或小区"),
        "building": (("building",), "楼栋"),
        "room": (("room",), "室号"),
    }
)


@dataclass(frozen=True, slots=True)
class AddressQuality:
    #: Address texts looked at; the denominator of every level.
    texts: int = 0
    levels: tuple[Level, ...] = ()
    #: Texts in which at least one part was corrected (alias, renamed or merged division, misspelling).
    corrected: int = 0
    #: Texts that turned out to mean a place already stated by another text of the same debtor.
    merged: int = 0
    #: Texts that fit more than one place; they are never guessed.
    ambiguous: int = 0

    def __add__(self, other: AddressQuality) -> AddressQuality:
        """Quality of two chunks together. Both must list the same levels, or one none at all."""
        if self.levels and other.levels:
            pairs = zip(self.levels, other.levels, strict=True)
            levels = tuple(Level(a.level, a.stated + b.stated, a.known + b.known) for a, b in pairs)
        else:
            levels = self.levels or other.levels
        return AddressQuality(
            texts=self.texts + other.texts,
            levels=levels,
            corrected=self.corrected + other.corrected,
            merged=self.merged + other.merged,
            ambiguous=self.ambiguous + other.ambiguous,
        )


def address_quality(standard: pl.DataFrame, *, merged: int = 0) -> AddressQuality:
    """Quality of a frame of schema STANDARD, one row a text. `merged` needs the debtors, so the caller counts it."""
    import polars as pl

    def known(names: tuple[str, ...]) -> pl.Expr:
        return pl.any_horizontal(pl.col(name).fill_null("") != "" for name in names)

    def stated(names: tuple[str, ...]) -> pl.Expr:
        # A part that was completed upward is known, but the text did not say it.
        return pl.any_horizontal(
            (pl.col(name).fill_null("") != "") & ~pl.col("inferred").list.contains(name).fill_null(value=False)
            for name in names
        )

    counts = standard.select(
        *(stated(names).sum().alias(f"{level}:stated") for level, (names, _) in LEVELS.items()),
        *(known(names).sum().alias(f"{level}:known") for level, (names, _) in LEVELS.items()),
        (pl.col("corrections").list.len() > 0).sum().alias("corrected"),
        (pl.col("alternatives").list.len() > 0).sum().alias("ambiguous"),
    ).row(0, named=True)
    return AddressQuality(
        texts=standard.height,
        levels=tuple(Level(level, counts[f"{level}:stated"], counts[f"{level}:known"]) for level in LEVELS),
        corrected=counts["corrected"],
        merged=merged,
        ambiguous=counts["ambiguous"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Everything that the report and the terminal show about one run. Aggregates only."""

    institution: str
    firm: str
    #: The business day on which the run was made, or its last day when it lasted several.
    as_of: date
    #: Business days that the run covers.
    days: int = 1

    cases: int = 0
    rejected_rows: int = 0
    debtors: int = 0
    addresses: int = 0
    addresses_standardised: int = 0
    letters: int = 0
    not_sent: int = 0
    #: Physical envelopes; second attempts and reprints are pieces of their own.
    pieces: int = 0
    runs: int = 0
    waybills: int = 0
    #: Letters of which at least one piece was handed to the carrier.
    posted: int = 0
    settled: int = 0
    #: A1, A2, B1, B2, C, D, E, F → letters; a missing grade counts 0.
    grades: Mapping[str, int] = field(default_factory=dict)
    cost_fen: int = 0
    elapsed_s: float = 0.0
    peak_rss_mb: float = 0.0
    out: str = ""

    #: The carrier is the stand-in: nothing left the house, and every artefact says 演练.
    drill: bool = False
    #: People and outcomes are invented: every table says 模拟结果 and names `config`.
    simulated: bool = False
    config: str = ""
    #: An invented firm approved by itself; only demonstrations and benchmarks may.
    self_approved: bool = False

    funnel: tuple[Step, ...] = ()
    address_quality: AddressQuality = AddressQuality()
    not_sent_reasons: tuple[Reason, ...] = ()
    rejected_reasons: tuple[Reason, ...] = ()
    costs: tuple[Cost, ...] = ()
    timeline: tuple[Day, ...] = ()
    #: Standard name of the province (广东省, or 广东) → counts.
    provinces: Mapping[str, Province] = field(default_factory=dict)
    stages: tuple[Stage, ...] = ()
    second_attempts: int = 0
    #: Things that wait for a person (unanswered orders, conflicting events, unknown codes).
    tasks: int = 0
    #: State of the audit chain, e.g. 审计链 1,204 条，已校验.
    audit_note: str = ""

    @property
    def signed(self) -> int:
        """Letters with a signature: A1 and A2. A locker, a reception or a station (C) is none."""
        return self.grade("A1") + self.grade("A2")

    @property
    def proven(self) -> int:
        """Letters whose arrival can be proven: A and B."""
        return self.signed + self.grade("B1") + self.grade("B2")

    @property
    def cost_per_signed_fen(self) -> int | None:
        return round(self.cost_fen / self.signed) if self.signed else None

    @property
    def cost_per_proven_fen(self) -> int | None:
        return round(self.cost_fen / self.proven) if self.proven else None

    def grade(self, code: str) -> int:
        return self.grades.get(code, 0)

    def to_json(self) -> dict[str, Any]:
        """The object of `songda run --json`. Keys are only ever added."""
        return {
            "cases": self.cases,
            "rejected_rows": self.rejected_rows,
            "addresses": self.addresses,
            "addresses_standardised": self.addresses_standardised,
            "letters": self.letters,
            "not_sent": self.not_sent,
            "pieces": self.pieces,
            "runs": self.runs,
            "waybills": self.waybills,
            "posted": self.posted,
            "settled": self.settled,
            "grades": {grade.code: self.grade(grade.code) for grade in GRADES},
            "cost_fen": self.cost_fen,
            "elapsed_s": round(self.elapsed_s, 3),
            "peak_rss_mb": round(self.peak_rss_mb, 1),
            "out": self.out,
            "as_of": self.as_of.isoformat(),
            "days": self.days,
            "second_attempts": self.second_attempts,
            "tasks": self.tasks,
            "drill": self.drill,
            "simulated": self.simulated,
            "self_approved": self.self_approved,
        }
