"""The product's web door of bench/letter_faults.py, to which the carrier pushes; it is killed again and again too.

    python -m bench.letter_faults_door job.json PORT

It is `songda serve` but for its clock, which strikes the hour of the day that the job is at work on.
"""

from __future__ import annotations

import os
import sys
from datetime import datetime, timedelta
from pathlib import Path

from bench.letter_faults_job import HOUR, Diary, Job
from songda import web
from songda.base import days
from songda.cli.opening import open_base


def main() -> None:
    job = Job.read(Path(sys.argv[1]))

    def clock() -> datetime:
        return days.at(job.first + timedelta(days=Diary(job.folder).day), HOUR)

    with open_base(job.settings()) as (engine, master, settings):
        doors = web.record_doors(engine, master, settings.home, environ=os.environ, clock=clock)
        web.serve(settings, port=int(sys.argv[2]), **doors)


if __name__ == "__main__":
    main()
