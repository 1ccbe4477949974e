"""How well the linter tells forbidden sentences from others that it has not seen: recall and false alarms.

    python bench/lint_sentences.py [--sentences tests/compliance/lint_sentences.csv] [--out FILE.json] [--show]

The sentences were written without opening the word lists, but by the same maintainers: no independent judge. A sentence counts
as caught when any list has a hit.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import NamedTuple

from songda.compliance import lint, lint_version

SENTENCES = Path(__file__).parents[1] / "tests" / "compliance" / "lint_sentences.csv"


class Sentence(NamedTuple):
    text: str
    forbidden: bool
    why: str


def read_sentences(path: Path = SENTENCES) -> list[Sentence]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [Sentence(row["sentence"], _is_yes(row["forbidden"]), row["why"]) for row in csv.DictReader(file)]


def _is_yes(text: str) -> bool:
    said = text.strip().lower()
    if said not in {"1", "0", "yes", "no", "true", "false", "y", "n", "是", "否"}:
        raise ValueError(said)
    return said in {"1", "yes", "true", "y", "是"}


def wrong(sentences: list[Sentence]) -> tuple[list[Sentence], list[Sentence]]:
    """Forbidden sentences without a hit, and others with one."""
    caught = [bool(lint(each.text)) for each in sentences]
    both = list(zip(sentences, caught, strict=True))
    missed = [each for each, hit in both if each.forbidden and not hit]
    return missed, [each for each, hit in both if hit and not each.forbidden]


def measured(sentences: list[Sentence]) -> dict[str, float | int | str]:
    missed, alarms = wrong(sentences)
    forbidden = sum(each.forbidden for each in sentences)
    allowed = len(sentences) - forbidden
    return {
        "forbidden": forbidden,
        "missed": len(missed),
        "recall_percent": round(100 * (1 - len(missed) / forbidden), 1),
        "allowed": allowed,
        "false_alarms": len(alarms),
        "false_alarm_percent": round(100 * len(alarms) / allowed, 1),
        "word_lists": lint_version(),
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--sentences", type=Path, default=SENTENCES)
    arguments.add_argument("--out", type=Path)
    arguments.add_argument("--show", action="store_true", help="the sentences that come out wrongly, too")
    chosen = arguments.parse_args()
    sentences = read_sentences(chosen.sentences)
    result = measured(sentences)
    print("  ".join(f"{name} {value}" for name, value in result.items()))
    if chosen.show:
        missed, alarms = wrong(sentences)
        for each in missed:
            print("missed", each.why, each.text, sep="\t")
        for each in alarms:
            print("alarm", each.why, each.text, [(hit.list, hit.text) for hit in lint(each.text)], sep="\t")
    if chosen.out:
        chosen.out.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
