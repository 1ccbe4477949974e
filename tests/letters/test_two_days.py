"""The same letters, set and printed on another day by another process, are the same bytes.

The day is another for the whole process, engine included: a library put before the system's own tells the time 400 days later.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LATER = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
#include <sys/time.h>

static const long shift = 400L * 86400;

int clock_gettime(clockid_t clock, struct timespec *at) {
    int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, at);
    if (!failed && clock == CLOCK_REALTIME) at->tv_sec += shift;
    return failed;
}

int gettimeofday(struct timeval *at, void *zone) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
"""
SCRIPT = """
import datetime, hashlib, json, sys
sys.path[:0] = [{here!r}, {security!r}]
from sample_letters import letter
from songda.letters import Piece, build_run, load_products, render_many

if __name__ == "__main__":
    kinds = ("lawyer_letter", "reminder")
    contents = [letter(n, kind=kinds[n % 2], lines=n, name="㛃䶮" if n == 2 else "柳如烟") for n in (1, 2, 3)]
    records = [record for _, record in render_many([(c.letter_no, c) for c in contents], workers=1)]
    pieces = [
        Piece(f"pc_{{n}}", n, f"（2026）{{n}}号", f"{{1_200_000_000_000 + n}}", lambda r=r: r.pdf, r.sha256, r.pages)
        for n, r in enumerate(records, 1)
    ]
    files = {{}}
    day = contents[0].date
    manifest = build_run(pieces, run_id="run_1", job=7, day=day, products=load_products(), write=files.__setitem__)
    print(json.dumps({{
        "today": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "records": [r.sha256 for r in records],
        "files": {{name: hashlib.sha256(data).hexdigest() for name, data in files.items()}},
        "manifest": manifest.run_sha256,
    }}))
"""


@pytest.mark.skipif(shutil.which("cc") is None or sys.platform != "linux", reason="needs a C compiler and Linux")
def test_the_same_letters_have_the_same_hashes_on_another_day(tmp_path: Path) -> None:
    (tmp_path / "later.c").write_text(LATER, encoding="ascii")
    library = tmp_path / "later.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, tmp_path / "later.c", "-ldl"], check=True)
    script = tmp_path / "letters.py"
    script.write_text(SCRIPT.format(here=str(HERE), security=str(HERE.parent / "security")), encoding="utf-8")
    today, later = (
        json.loads(
            subprocess.run([sys.executable, script], env=os.environ | extra, check=True, capture_output=True).stdout
        )
        for extra in ({}, {"LD_PRELOAD": str(library)})
    )
    assert today.pop("today") < later.pop("today")
    assert today == later
    assert len(set(today["records"])) == 3
