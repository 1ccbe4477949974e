"""How long the rules take: a million lawyer letters through every gate, two cores (POLARS_MAX_THREADS: how many).

    python bench/compliance_rules.py [--actions 1000000] [--gate lock] [--out FILE.json]

Each gate asks for what it asks for in a letter's life; --gate measures that one alone.

Half of the actions are in order, the others break one to three facts each or lack them.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from datetime import date
from pathlib import Path
from typing import Any

os.environ.setdefault("POLARS_MAX_THREADS", "2")

import numpy as np
import polars as pl

from songda.compliance import GATES, NEVER, RuleSet, load_rules

_FIELDS = ["debtor_name", "balance", "reason", "law", "rights_duties", "how_to_query", "how_to_repay"]
_FIELDS += ["how_to_object", "issuer_contact", "seal"]

#: A lawyer letter with which nothing is wrong.
LAWFUL: dict[str, object] = {
    "a.amount": 1_234_500,
    "a.amount_age_days": 1,
    "a.archived": True,
    "a.batch": "b1",
    "a.days_since_posting": 5,
    "a.proof_fetched": True,
    "a.record": ["who", "whom", "when", "channel", "content", "result", "recording"],
    "a.signed_by": "debtor",
    "a.content_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "a.decided_by": "model",
    "a.delivery": "post",
    "a.fee_extra": 0,
    "a.fields": _FIELDS,
    "a.human_route": "客服热线",
    "a.letter_no": "LH2026-000123",
    "a.pia_id": "PIA-1",
    "a.purpose": "demand",
    "a.reason": "金额与时效",
    "a.region": "CN",
    "a.role": "debtor",
    "a.template_hash": "t1",
    "a.window_shows_body": False,
    "addr.basis": "contract_performance",
    "addr.expired": False,
    "addr.origin": "contract",
    "addr.owner_role": "debtor",
    "addr.tenant": "bank",
    "case.annual_cost": 0.18,
    "case.assigned": False,
    "case.assignment_notice_arrived": False,
    "case.credit_notice_given": True,
    "case.dispute_open": False,
    "case.evidence": ["contract", "disbursement", "repayment_ledger", "overdue_statement", "identity", "mandate"],
    "case.ledger_amount": 1_234_500,
    "case.limitation_days_left": 400,
    "case.mandate_valid": True,
    "case.state": "open",
    "case.tenant": "bank",
    "chain.present": ["purpose", "term", "method", "kinds", "safeguards", "duties"],
    "chain.sub_consent": True,
    "cover_hits.debt_words": 0,
    "debtor.flags": [],
    "debtor.state": "normal",
    "firm.licence": "valid",
    "last_days.letter_sent.debtor+institution": NEVER,
    "lawyer.approved_batches": ["b1", "b2"],
    "lawyer.approved_template_hash": "t1",
    "lawyer.assigned": True,
    "lawyer.conflict": False,
    "lawyer.licence": "valid",
    "person.age": 35,
    "person.origin": "contract",
    "w.carrier": "china_post_ems",
    "w.item": "函件 第LH2026-000123号 1份",
    "w.name_hidden": 1,
    "w.phone_hidden": 6,
    "w.room_hidden": True,
    "w.sender_address": "北京市某区某路1号",
    "w.sender_name": "某律师事务所",
    "w.sender_phone": "010-00000000",
} | {
    f"text_hits.{name}": 0
    for name in (
        "borrow_to_pay",
        "credit_record",
        "crime",
        "exposure",
        "fee_extra",
        "impersonation",
        "insult",
        "overstate",
        "threat",
    )
}


def actions(count: int, *, seed: int = 1) -> pl.DataFrame:
    """`count` letters; every fact is missing in about 1 % of them."""
    chance = np.random.default_rng(seed)
    one = pl.DataFrame({name: [value] for name, value in LAWFUL.items()}).with_columns(
        pl.col("debtor.flags").cast(pl.List(pl.String))
    )
    frame = one.select(pl.all().sample(count, with_replacement=True, seed=seed))
    broken = {name: pl.Series(chance.random(count) < 0.01) for name in LAWFUL}
    return frame.with_columns(
        pl.when(~mask).then(pl.col(name)).alias(name) for name, mask in broken.items()
    ).with_columns(
        pl.Series("action_id", np.arange(count)).cast(pl.String),
        # The ledger has moved against one letter in a hundred.
        pl.Series("a.amount", 1_234_500 + (chance.random(count) < 0.01)),
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--actions", type=int, default=1_000_000)
    arguments.add_argument("--gate", choices=GATES)
    arguments.add_argument("--out", type=Path)
    chosen = arguments.parse_args()
    rules = load_rules(date(2026, 11, 26))
    frame = actions(chosen.actions)
    gates = [measured(rules, frame, gate) for gate in ([chosen.gate] if chosen.gate else GATES)]
    result = {
        "actions": chosen.actions,
        "gates": gates,
        "seconds": round(sum(each["seconds"] for each in gates), 2),
        "cpu_s": round(sum(each["cpu_s"] for each in gates), 2),
        "threads": pl.thread_pool_size(),
        # Of other work on the same cores: what ran beside it at the end.
        "load_1min": round(os.getloadavg()[0], 2),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    for each in gates:
        print("  ".join(f"{name} {value}" for name, value in each.items()))
    print("  ".join(f"{name} {value}" for name, value in result.items() if name != "gates"))
    if chosen.out:
        chosen.out.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n")


def measured(rules: RuleSet, frame: pl.DataFrame, gate: str) -> dict[str, Any]:
    """Seconds by the clock and by the processor for all of `frame` at `gate`, and how the verdicts fell."""
    started, busy = time.perf_counter(), time.process_time()
    verdicts = rules.evaluate(frame, scope="lawyer_letter", gate=gate)
    seconds, cpu = time.perf_counter() - started, time.process_time() - busy
    return {
        "gate": gate,
        "rules": len(rules.at("lawyer_letter", gate)),
        "facts": len(rules.facts_needed("lawyer_letter", gate)),
        "seconds": round(seconds, 2),
        "cpu_s": round(cpu, 2),
        "actions_per_s": round(verdicts.height / seconds),
        "verdicts": dict(verdicts["verdict"].value_counts(sort=True).rows()),
    }


if __name__ == "__main__":
    main()
