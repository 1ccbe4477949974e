"""What is printed is what was meant: letters from content to paper, and back from pictures of the paper.

    .venv/bin/python bench/letters_round_trip.py [--letters 1000] [--sample 50] [--workers 2] [--out letters_round_trip.json]

Letters to invented people, three names in a hundred rare, are set, merged and stamped by the product's own code. A sample drawn by
chance is read back by programs that had no part in it: PDFium draws each printed page at 300 dpi and gives its text, ZXing finds the
codes in the picture. Held against the manifest of the run and the contents of the letters:

- every passage that the letter should hold (songda.letters.printed) stands in the text, character by character, blanks apart;
- the QR code of the letter says the address of its own page, and there is one;
- the bars on page 1 say the waybill of the piece;
- the Data Matrix on each front says run, piece, sheet and sheets, and on no back stands one.

The text is that which the page carries for readers and screen readers, not one guessed from the picture: no recognition of Chinese
characters takes part.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import sys
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.letters_render import DAY, letter, letters
from songda.letters import (
    Content,
    Manifest,
    Piece,
    PieceRow,
    Rendered,
    build_run,
    house_template,
    load_products,
    parse_sheet_code,
    render_many,
)
from songda.letters.printed import passages

DPI = 300
#: Letters whose run is built and read before the next are set.
CHUNK = 500


def runs(count: int, workers: int) -> Iterator[tuple[int, Manifest, dict[str, bytes]]]:
    """Runs of at most 500 letters: the number of the first letter, the manifest, the files."""
    results = render_many(letters(1, count), workers=workers)
    for first in range(1, count + 1, CHUNK):
        records = [next(results)[1] for _ in range(min(CHUNK, count + 1 - first))]
        held = [record for record in records if not isinstance(record, Rendered)]
        assert not held, held
        pieces = [
            Piece(
                piece_id=f"pc_{first + place}",
                seq=place + 1,
                letter_no=letter(first + place).letter_no,
                waybill_no=waybill(first + place),
                record=partial(_pdf, record),
                record_sha256=record.sha256,
                pages=record.pages,
            )
            for place, record in enumerate(records)
            if isinstance(record, Rendered)
        ]
        files: dict[str, bytes] = {}
        job = first // CHUNK + 1
        yield (
            first,
            build_run(pieces, run_id=f"run_{job}", job=job, day=DAY, products=load_products(), write=files.__setitem__),
            files,
        )


def _pdf(record: Rendered) -> bytes:
    return record.pdf


def waybill(number: int) -> str:
    return f"{1_200_000_000_000 + number}"


def read_back(document: Any, row: PieceRow, manifest: Manifest, content: Content) -> list[str]:
    """What of a printed piece is not what it should be: `text: window`, `qr`, `waybill`, `sheet 1`."""
    said, codes, wrong = list[str](), [], list[str]()
    for index in range(row.first_page - 1, row.first_page - 1 + row.pages):
        page = document[index]
        said.append(bare(page.get_textpage().get_text_bounded()))
        codes.append(codes_on(page.render(scale=DPI / 72, grayscale=True).to_pil()))
    for each in passages(house_template(content.kind), content):
        if not all(stands(bare(part), said) for part in each.text.replace("\t", "\n").split("\n")):
            wrong.append(f"text: {each.place}")
    found = [text for page in codes for kind, text in page if kind == "QRCode"]
    if found != [content.check_url]:
        wrong.append("qr")
    if [[text for kind, text in page if kind == "Code128"] for page in codes] != [
        [row.waybill_no],
        *[[] for _ in codes[1:]],
    ]:
        wrong.append("waybill")
    for index, page in enumerate(codes):
        sheets = [parse_sheet_code(text) for kind, text in page if kind == "DataMatrix"]
        told = [(each.job, each.piece, each.sheet, each.sheets) for each in sheets]
        if told != ([(manifest.job, row.seq, index // 2 + 1, row.sheets)] if index % 2 == 0 else []):
            wrong.append(f"sheet {index // 2 + 1}")
    return wrong


def stands(text: str, pages: list[str]) -> bool:
    """Whether `text` is on one of the pages, or begins on one and goes on on the next."""
    return any(text in page for page in pages) or any(
        text[:cut] in page and text[cut:] in following
        for page, following in pairwise(pages)
        for cut in range(1, len(text))
    )


def codes_on(image: Any) -> list[tuple[str, str]]:
    import zxingcpp

    return [(str(code.format).replace(" ", ""), code.text) for code in zxingcpp.read_barcodes(image)]


def bare(text: str) -> str:
    """Without blanks and line ends; a character and its compatibility form are one."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def measure(*, count: int, sample: int, workers: int) -> dict[str, Any]:
    import pypdfium2

    chosen = set(random.Random(20261126).sample(range(1, count + 1), min(sample, count)))
    wrong, pages, read, rare = Counter[str](), 0, 0, 0
    started = time.perf_counter()
    for first, manifest, files in runs(count, workers):
        ((_, data),) = files.items()
        document = pypdfium2.PdfDocument(data)
        for row in manifest.pieces:
            number = first + row.seq - 1
            if number not in chosen:
                continue
            content = letter(number)
            assert (row.letter_no, row.waybill_no) == (content.letter_no, waybill(number))
            wrong.update(read_back(document, row, manifest, content))
            pages, read, rare = pages + row.pages, read + 1, rare + (number % 33 == 0)
        document.close()
    return {
        "letters": count,
        "read_back": read,
        "of_them_with_rare_names": rare,
        "pages_read_at_300_dpi": pages,
        "wrong": sum(wrong.values()),
        **{f"wrong: {what}": times for what, times in sorted(wrong.items())},
        "seconds": round(time.perf_counter() - started, 1),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--letters", type=int, default=1000)
    parser.add_argument("--sample", type=int, default=50)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    figures = measure(count=arguments.letters, sample=arguments.sample, workers=arguments.workers)
    for name, value in figures.items():
        print(f"{name:26} {value:>12}")
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    if figures["wrong"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
