"""What happens to the letters of a world, day by day: who took them, who pays, who complains.

    courier = truth.courier(journal=folder)          # runs beside the stand-in carrier and notes who truly took each letter
    history = History(truth, folder)
    history.payments(day), history.complaints(day)   # what the institution would hear on that day

It reaches the product through the doors that an institution has: a payment file and stop orders.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from songda.sim.world.payments import TAKEN_BY, Payers, Payment, Served
from songda.sim.world.truth import Truth


@dataclass(slots=True)
class _Debtor:
    #: Days and takers of letters, in the order of their days.
    served: list[Served] = field(default_factory=list)
    #: Days of letters that somebody else took or sent back, with the day on which they complain.
    complaints: list[date] = field(default_factory=list)


class History:
    """Reads the couriers' journal again whenever it is asked."""

    def __init__(self, truth: Truth, journal: Path) -> None:
        self._truth, self._journal, self._read = truth, journal, 0
        self._payers = Payers(truth)
        self._debtors: dict[int, _Debtor] = {}
        self._case_no = dict(enumerate(truth.keys["case_no"].to_list()))

    @property
    def case_numbers(self) -> dict[int, str]:
        """Number of a case in the truth → as the institution writes it."""
        return self._case_no

    def payments(self, on: date) -> list[Payment]:
        """What all debtors pay on the day, with whatever letters have been served until then."""
        self._catch_up(on)
        found = []
        for debtor in range(self._truth.debtors.height):
            served = self._first_served(debtor, on)
            found += [each for each in self._payers.paid(debtor, served) if each.on == on]
        return found

    def without_letters(self, until: date) -> int:
        """Fen that would have been paid until the day if nobody had written to anybody."""
        return sum(
            each.amount_fen
            for debtor in range(self._truth.debtors.height)
            for each in self._payers.paid(debtor, None)
            if each.on <= until
        )

    def complaints(self, on: date) -> list[str]:
        """Case numbers of the debtors about whose letters somebody complains on the day."""
        self._catch_up(on)
        wanted = {f"wd{debtor:08d}" for debtor, each in self._debtors.items() if on in each.complaints}
        cases = self._truth.cases
        rows = zip(cases["debtor_id"].to_list(), range(cases.height), strict=True)
        first: dict[str, str] = {}
        for debtor, case in rows:
            if debtor in wanted:
                first.setdefault(debtor, self._case_no[case])
        return sorted(first.values())

    def _first_served(self, debtor: int, on: date) -> Served | None:
        known = self._debtors.get(debtor)
        return next((each for each in known.served if each.on <= on), None) if known else None

    def _catch_up(self, on: date) -> None:
        """Letters whose end the couriers have noted and that lies on the day or before; later ones are noted too, and wait."""
        if not self._journal.exists():
            return
        with self._journal.open(encoding="utf-8") as file:
            file.seek(self._read)
            while line := file.readline():
                if not line.endswith("\n"):
                    break
                self._read = file.tell()
                self._note(json.loads(line))

    def _note(self, letter: dict[str, str | int]) -> None:
        debtor, day, by = (
            int(letter["debtor"]),
            date.fromisoformat(str(letter["day"])),
            TAKEN_BY.get(str(letter["key"])),
        )
        known = self._debtors.setdefault(debtor, _Debtor())
        before = len(known.served)
        complaint = self._payers.complains(debtor, day, by=by or "other", before=before)
        if complaint is not None:
            known.complaints.append(complaint)
        if by is not None:
            known.served = sorted([*known.served, Served(day, by, before)], key=lambda each: each.on)
