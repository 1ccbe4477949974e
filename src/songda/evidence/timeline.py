"""Everything that was done about a letter or toward a person, in order: decisions with the rules they applied, approvals,
changes of state, what the carrier told.

for entry in timeline(records):
    entry.when, entry.letter_no, entry.text
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from songda.base.days import SHANGHAI
from songda.evidence.links import instant, word

#: Objects whose changes of state a reader follows; a run's are those of hundreds of other letters too.
_TOLD = frozenset({"letter", "attempt", "piece", "stop_order"})
#: Prefix of a code → whose word it is; without one it is the carrier's own.
_TELLERS = {
    "app": "承运商程序的回报",
    "courier": "投递人员的回报",
    "kd100": "第三方转述的轨迹",
    "kdniao": "第三方转述的轨迹",
    "post": "出具机构的退件扫描",
}


@dataclass(frozen=True, slots=True)
class Entry:
    #: Instant or day, Chinese.
    when: str
    letter_no: str
    text: str


def timeline(records: Iterable[Mapping[str, Any]]) -> list[Entry]:
    """The entries of all `records` (record.json of letters), oldest first."""
    every = sorted(entry for record in records for entry in _entries(record))
    return [Entry(when, letter_no, text) for _, letter_no, _, when, text in every]


#: (sort key, letter, order within it, when, text).
_Row = tuple[str, str, int, str, str]


def _entries(record: Mapping[str, Any]) -> Iterator[_Row]:
    name = record["letter"]["no"] or record["letter"]["id"]

    def at(text: str, order: int, said: str) -> _Row:
        return datetime.fromisoformat(text).astimezone(SHANGHAI).isoformat(), name, order, instant(text), said

    for number, decision in enumerate(record["decisions"]):
        # Decisions bear a day only: each stands before what it led to.
        yield decision["day"], name, number, decision["day"], _decision(decision)
    if record["approval"] is not None:
        document = record["approval"]["document"]
        yield at(document["at"], 0, f"律师{document['lawyer']}签发")
    for order in record["stops"]:
        text = f"停止令（{word('scope', order['scope'])}）：{order['words']}"
        yield at(order["given_at"], 0, text)
    for number, step in enumerate(record["history"], 1):
        if step["object"] in _TOLD:
            moved = f"{word('state', step['source'])} → {word('state', step['target'])}"
            who = f"{word('actor', step['actor'])}：{step['reason']}"
            yield at(step["at"], number, f"{word('object', step['object'])}：{moved}（{who}）")
    for attempt in record["attempts"]:
        for event in attempt["events"]:
            parts = event["parts"]
            teller = _TELLERS.get(parts["op_code"].partition(":")[0], "承运商轨迹")
            text = f"收到{teller} {parts['op_code']}（{event['waybill_no']}），发生于 {instant(parts['op_time'])}"
            yield at(event["received_at"], event["arrival"], text)


def _decision(decision: Mapping[str, Any]) -> str:
    if decision["stage"] == "outcome":
        state, _, grade = decision["outcome"].partition(":")
        flags = "；".join(word("flag", code) for code in decision["reasons"])
        return f"轨迹解读：{word('fold', state)}，等级 {grade.replace('-', '尚无')}{f'（{flags}）' if flags else ''}"
    why = "；".join(decision["words"]) or "无异议"
    applied = decision["applied"]
    rules = f"适用规则 {len(applied)} 条（{'、'.join(applied)}），" if applied else ""
    label = f"规则集 {decision['versions']['rules']}" if "rules" in decision["versions"] else ""
    return f"{word('stage', decision['stage'])}：{word('outcome', decision['outcome'])}。理由：{why}。{rules}{label}"
