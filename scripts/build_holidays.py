"""Build src/songda/base/holidays.csv: statutory holidays and made-up working days of mainland China. Run by `make data`.

    python scripts/build_holidays.py

Source: PyPI chinesecalendar (MIT), which its authors write from the yearly notices of the General Office of the State Council
(国务院办公厅关于部分节假日安排的通知); its version stands in every row.
"""

from __future__ import annotations

import csv
from importlib.metadata import version
from pathlib import Path

from chinese_calendar import constants  # type: ignore[import-not-found, unused-ignore]

TARGET = Path(__file__).resolve().parent.parent / "src/songda/base/holidays.csv"


def main() -> None:
    source = f"chinesecalendar {version('chinesecalendar')}"
    days = [(day, "off", name) for day, name in constants.holidays.items()]
    days += [(day, "work", name) for day, name in constants.workdays.items()]
    rows = sorted((day, kind, constants.Holiday(name).chinese) for day, kind, name in days)
    with TARGET.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("day", "kind", "name", "source"))
        writer.writerows((day.isoformat(), kind, name, source) for day, kind, name in rows)
    print(f"{TARGET.name}: {len(rows)} days, {rows[0][0].year} to {rows[-1][0].year}")


if __name__ == "__main__":
    main()
