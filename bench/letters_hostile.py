"""A thousand values that try to be more than text, in every field of a letter: refused, or printed as they stand.

    .venv/bin/python bench/letters_hostile.py [--values 1000] [--workers 2] [--out letters_hostile.json]

Template syntax of five engines, markup, formulas, paths, bidirectional and zero-width marks, control characters, lone surrogates,
private-use and undrawable characters, values of 200 characters, and mixtures of them (tests/letters/hostile_values.py), each alone in each
field. What a field takes is printed: letters that carry a hostile value in every field at once are set by the product's own code until
each field has printed all that it takes, and what stands in the PDF is compared character by character.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "letters"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "security"))

from hostile_values import FIELDS, hostile_values, letters_with, plain_letter, template_with_own_text
from sample_letters import text_of

from songda.base.errors import SongdaError
from songda.base.processes import map_ahead
from songda.letters import Content, Renderer, extra_problems, missing_glyphs, problems
from songda.letters.content import texts


def why_refused(content: Content) -> str | None:
    """The first reason why the letter would be held; None when it would be printed."""
    codes = (*problems(content), *extra_problems(template_with_own_text(), content))
    if codes:
        return codes[0].rpartition(".")[2]
    return "missing_glyph" if missing_glyphs("".join(text for _, text in texts(content))) else None


def is_printed(value: str, printed: str) -> bool:
    """Whether `value` stands in what was read back, in one piece or in the two that a page's end leaves of it."""
    bare = "".join(value.split())
    return any(bare[:cut] in printed and bare[cut:] in printed for cut in range(len(bare), 0, -1))


def set_and_read(content: Content) -> str | None:
    """The text of the letter without blanks; None when it is held. Preflight comes later and holds what runs out of its place."""
    try:
        pdf = renderer().render(content).pdf
    except SongdaError:
        return None
    said: str = text_of(pdf)
    return said.replace("zh-CN", "")


@cache
def renderer() -> Renderer:
    return Renderer(template_with_own_text())


def measure(*, values: int, workers: int) -> dict[str, Any]:
    started, refused, taken = time.perf_counter(), Counter[str](), dict[str, list[str]]()
    for field, put in FIELDS.items():
        taken[field] = []
        for value in hostile_values(values):
            reason = why_refused(put(plain_letter(), value))
            if reason is None:
                taken[field].append(value)
            else:
                refused[reason] += 1
    count = max(map(len, taken.values()))
    wrong, held, printed = Counter[str](), 0, 0
    letters = list(letters_with(taken, count))
    contents = (content for content, _ in letters)
    for said, (_, placed) in zip(map_ahead(set_and_read, contents, workers=workers), letters, strict=True):
        if said is None:
            held += 1
            continue
        wrong.update(field for field, value in placed.items() if not is_printed(value, said))
        printed += len(placed)
    return {
        "values": values,
        "fields": len(FIELDS),
        "refused": refused.total(),
        **{f"refused: {reason}": times for reason, times in refused.most_common()},
        "taken": sum(map(len, taken.values())),
        "letters_printed": count - held,
        "values_printed": printed,
        "letters_held_after_all": held,
        "printed_otherwise": wrong.total(),
        **{f"printed_otherwise: {field}": times for field, times in wrong.most_common()},
        "seconds": round(time.perf_counter() - started, 1),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--values", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    figures = measure(values=arguments.values, workers=arguments.workers)
    for name, value in figures.items():
        print(f"{name:36} {value:>12}")
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    if figures["printed_otherwise"] or figures["letters_held_after_all"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
