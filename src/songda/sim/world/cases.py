"""The loans: amounts, days, states, why a row must not be sent, and which rows are broken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from songda.sim.world.config import Config, Stops
from songda.sim.world.persons import Floats, Ints
from songda.sim.world.streams import Streams, choice

PRODUCTS = {"消费贷": 0.60, "信用卡": 0.20, "现金贷": 0.12, "经营贷": 0.04, "车贷": 0.04}
#: Reasons of one row; "" = may be sent. The first two hold for the debtor and so for all rows of the debtor.
OF_DEBTOR = ("deceased", "protected")
OF_ROW = (
    "dispute", "paid", "plan_kept", "over_cost", "time_barred", "small_amount", "forbidden_address", "missing_fact",
    "assigned_without_notice",
)  # fmt: skip
#: Facts of which a row with reason `missing_fact` leaves one out: our column names of seen.py.
FACTS = ("annual_cost", "state", "dispute_open", "debtor_state", "assigned", "debtor_flags")
PROTECTED = ("重大疾病", "残疾", "受灾", "怀孕", "住院")
_TERMS_MONTHS = (6, 12, 24, 36)
_DAYS_A_MONTH = 30.4375


@dataclass(frozen=True, slots=True)
class Cases:
    """Parallel columns, one entry a row of the case file, in its order. Days count from 1970-01-01; -1 = none."""

    debtor: Ints
    case_no: list[str]
    contract_no: list[str]
    #: Number in PRODUCTS; number in portfolio.roles.
    product: Ints
    role: Ints
    loan_fen: Ints
    principal_fen: Ints
    interest_fen: Ints
    penalty_fen: Ints
    fees_fen: Ints
    paid_fen: Ints
    disbursed: Ints
    due: Ints
    overdue: Ints
    limitation: Ints
    annual_cost: Floats
    #: Why this row must not be sent, "" when it may.
    stop: list[str]
    #: Which fact or which special circumstance, for the stops that have several kinds.
    detail: Ints
    assigned: list[bool]
    credit_notice: list[bool]
    one_forbidden: list[bool]
    #: Why intake must refuse this row, "" when it is sound.
    broken: list[str]

    def __len__(self) -> int:
        return len(self.case_no)


def debtors_of_rows(count: int, *, config: Config, streams: Streams) -> Ints:
    """Number of the debtor of each of `count` rows, in the order of the file; debtors are numbered from 0."""
    rng = streams("loans")
    loans = choice(rng.random(count), config.portfolio.loans) + 1
    debtor = np.repeat(np.arange(count), loans)[:count]
    shuffled: Ints = debtor[rng.permutation(count)]
    return shuffled


def make_cases(debtor: Ints, able: Floats, *, as_of: date, config: Config, streams: Streams) -> Cases:
    """`able`: how able each debtor is to pay, standard normal, one a debtor."""
    count = len(debtor)
    stop = _stops(debtor, config=config, streams=streams)
    reason = np.array(stop)
    rng = streams("cases")
    detail = rng.integers(0, 1000, count)
    product = choice(rng.random(count), PRODUCTS)
    role = choice(rng.random(count), config.portfolio.roles)
    days = _days(reason, as_of=as_of, config=config, streams=streams)
    amounts = _amounts(reason, days, able[debtor], as_of=as_of, config=config, streams=streams)
    usual = np.clip(rng.normal(config.portfolio.cost_median, config.portfolio.cost_sigma, count), 0.05, 0.239)
    cost: Floats = np.where(reason == "over_cost", 0.245 + 0.115 * rng.random(count), usual).round(4)
    assigned = (rng.random(count) < config.stops.assigned) | (reason == "assigned_without_notice")
    notice = rng.random(count) >= config.stops.no_credit_notice
    one_forbidden = (rng.random(count) < config.stops.one_forbidden_address) & (reason != "forbidden_address")
    case_no, contract_no = _numbers(count, as_of=as_of, streams=streams)
    broken = _broken(count, config=config, streams=streams)
    _repeat_case_numbers(case_no, broken)
    return Cases(
        debtor=debtor,
        case_no=case_no,
        contract_no=contract_no,
        product=product,
        role=role,
        annual_cost=cost,
        stop=stop,
        detail=detail,
        assigned=assigned.tolist(),
        credit_notice=notice.tolist(),
        one_forbidden=one_forbidden.tolist(),
        broken=broken,
        **days,
        **amounts,
    )


def _stops(debtor: Ints, *, config: Config, streams: Streams) -> list[str]:
    rng = streams("stops")
    of_debtor = _alternative(rng.random(int(debtor.max()) + 1), OF_DEBTOR, config.stops)
    of_row = _alternative(rng.random(len(debtor)), OF_ROW, config.stops)
    return [of_debtor[person] or row for person, row in zip(debtor.tolist(), of_row, strict=True)]


def _alternative(draws: Floats, reasons: tuple[str, ...], stops: Stops) -> list[str]:
    edges = np.cumsum([getattr(stops, reason) for reason in reasons])
    return [(*reasons, "")[n] for n in np.searchsorted(edges, draws, side="right").tolist()]


def _days(reason: NDArray[np.str_], *, as_of: date, config: Config, streams: Streams) -> dict[str, Ints]:
    rng = streams("case days")
    count = len(reason)
    today = int(np.datetime64(as_of, "D").astype(np.int64))
    low, high = config.portfolio.overdue_days
    # Most are young: the square of a uniform.
    overdue_for = low + ((high - low) * rng.random(count) ** 2).astype(np.int64)
    barred = reason == "time_barred"
    overdue_for = np.where(barred, 3 * 366 + 30 + rng.integers(0, 700, count), overdue_for)
    first, last = config.portfolio.month_on_book
    booked = (rng.uniform(first, last, count) * _DAYS_A_MONTH).astype(np.int64)
    overdue = today - overdue_for
    disbursed = overdue - booked
    term = np.array(_TERMS_MONTHS)[rng.integers(0, len(_TERMS_MONTHS), count)]
    due = disbursed + (np.maximum(term, booked / _DAYS_A_MONTH) * _DAYS_A_MONTH).astype(np.int64)
    # A barred claim fell due as a whole when it became overdue, and nothing has happened since.
    due = np.where(barred, overdue, due)
    event = overdue + (rng.random(count) * overdue_for).astype(np.int64)
    silent = barred | (rng.random(count) < 0.4)
    return {"disbursed": disbursed, "due": due, "overdue": overdue, "limitation": np.where(silent, -1, event)}


def _amounts(
    reason: NDArray[np.str_], days: dict[str, Ints], able: Floats, *, as_of: date, config: Config, streams: Streams
) -> dict[str, Ints]:
    from scipy.special import ndtr, ndtri

    rng, shares = streams("amounts"), config.portfolio
    count = len(reason)
    loan = np.exp(rng.normal(np.log(shares.amount_median_yuan), shares.amount_sigma, count)) * 1.6
    loan = np.clip(loan, shares.amount_min_yuan * 2, 2_000_000).round(-2)
    # Who is able has repaid more: the share is uniform all the same (a Gaussian copula).
    rho = shares.repaid_able
    left = ndtr(np.sqrt(1 - rho**2) * ndtri(rng.random(count)) - rho * able)
    principal = np.maximum(loan * (0.3 + 0.68 * left), shares.amount_min_yuan)
    low, high = config.stops.small_yuan
    principal = np.where(reason == "small_amount", rng.uniform(low, high, count) * 0.8, principal)
    years = (np.datetime64(as_of, "D").astype(np.int64) - days["overdue"]) / 365
    interest = principal * np.minimum(years, 3) * rng.uniform(0.06, 0.12, count)
    penalty = np.where(rng.random(count) < 0.8, interest * rng.uniform(0.1, 0.5, count), 0)
    fees = np.where(rng.random(count) < 0.2, rng.uniform(20, 200, count), 0) * (reason != "small_amount")
    whole = {"loan": loan, "principal": principal, "interest": interest, "penalty": penalty, "fees": fees}
    fen = {f"{name}_fen": np.round(yuan * 100).astype(np.int64) for name, yuan in whole.items()}
    # What a paid loan still shows is nothing; otherwise what is not outstanding has been repaid.
    for name in ("principal", "interest", "penalty", "fees"):
        fen[f"{name}_fen"] *= reason != "paid"
    return fen | {"paid_fen": fen["loan_fen"] - fen["principal_fen"]}


def _numbers(count: int, *, as_of: date, streams: Streams) -> tuple[list[str], list[str]]:
    rng = streams("case numbers")
    start = int(rng.integers(100_000, 400_000))
    steps = start + np.cumsum(rng.integers(1, 9, count))
    contracts = rng.permutation(count) + int(rng.integers(10**6, 9 * 10**6))
    cases = [f"AJ{as_of.year}-{number:07d}" for number in steps.tolist()]
    return cases, [f"HT{as_of.year % 100:02d}{number:09d}" for number in contracts.tolist()]


def _broken(count: int, *, config: Config, streams: Streams) -> list[str]:
    rng = streams("broken")
    kinds = [*config.broken.kinds]
    chosen = choice(rng.random(count), config.broken.kinds)
    hit = rng.random(count) < config.broken.share
    broken = [kinds[kind] if bad else "" for kind, bad in zip(chosen.tolist(), hit.tolist(), strict=True)]
    if broken.count("duplicate") == 1:
        # A number cannot occur twice in one row.
        broken[broken.index("duplicate")] = "id_checksum"
    return broken


def _repeat_case_numbers(case_no: list[str], broken: list[str]) -> None:
    """Pairs of rows share a number; a last odd one joins the pair before."""
    rows = [row for row, kind in enumerate(broken) if kind == "duplicate"]
    for position in range(1, len(rows)):
        if position % 2 or position == len(rows) - 1:
            case_no[rows[position]] = case_no[rows[position - 1]]
