"""One engine that sets letters, for bench/letters_render.py: `python letter_peers.py NAME FACES`.

Standard input, one JSON object a letter: title, paragraphs, tables (lists of rows), qr (a PNG in base64), warm. Standard output, one
object: `{"cpu_ms": 46.8, "bytes": 190691}`: processor time and size of the PDFs of those that are not warm. Each engine is used as the
guide of its makers shows it. Runs in the environment of the peer, so it imports the standard library and the peer, by name.

`python letter_peers.py faces FACES FONTS` writes our faces as TrueType, which two engines ask for: fontTools makes curves of the
second degree of ours.
"""

from __future__ import annotations

import base64
import html
import io
import json
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

FACES = ("SongdaSerif-Regular", "SongdaSans-Bold")
Letter = dict[str, Any]


def make_faces(target: Path, fonts: Path) -> None:
    ttlib, pens, cu2qu = (import_module(f"fontTools.{name}") for name in ("ttLib", "pens.ttGlyphPen", "pens.cu2quPen"))
    for name in FACES:
        path = target / f"{name}.ttf"
        if path.exists():
            continue
        font = ttlib.TTFont(fonts / f"{name}.otf")
        order, glyphs, made = font.getGlyphOrder(), font.getGlyphSet(), {}
        for each in order:
            pen = pens.TTGlyphPen(glyphs)
            glyphs[each].draw(cu2qu.Cu2QuPen(pen, 0.5, reverse_direction=True))
            made[each] = pen.glyph()
        font["loca"], font["glyf"] = ttlib.newTable("loca"), ttlib.newTable("glyf")
        font["glyf"].glyphOrder, font["glyf"].glyphs = order, made
        del font["CFF "]
        largest = font["maxp"]
        largest.tableVersion = 0x00010000
        for field in (
            *("maxZones", "maxTwilightPoints", "maxStorage", "maxFunctionDefs", "maxInstructionDefs"),
            *("maxStackElements", "maxSizeOfInstructions", "maxComponentElements"),
        ):
            setattr(largest, field, 1 if field == "maxZones" else 0)
        font["post"].formatType = 3.0
        font.sfntVersion = "\0\1\0\0"
        font.save(path)


def reportlab(faces: Path) -> Callable[[Letter], bytes]:
    platypus, styles, metrics, ttfonts = (
        import_module(f"reportlab.{name}")
        for name in ("platypus", "lib.styles", "pdfbase.pdfmetrics", "pdfbase.ttfonts")
    )
    for name in FACES:
        metrics.registerFont(ttfonts.TTFont(name, str(faces / f"{name}.ttf")))
    body = styles.ParagraphStyle("body", fontName=FACES[0], fontSize=11, leading=18, wordWrap="CJK", firstLineIndent=22)
    title = styles.ParagraphStyle("title", fontName=FACES[1], fontSize=20, leading=30, alignment=1)
    grid = platypus.TableStyle([("FONT", (0, 0), (-1, -1), FACES[0], 9), ("LINEBELOW", (0, 0), (-1, -1), 0.5, "black")])

    def set_letter(letter: Letter) -> bytes:
        out = io.BytesIO()
        flow = [platypus.Paragraph(html.escape(letter["title"]), title)]
        flow += [platypus.Paragraph(html.escape(text), body) for text in letter["paragraphs"]]
        flow += [platypus.Table(rows, style=grid) for rows in tables(letter)]
        flow.append(platypus.Image(io.BytesIO(base64.b64decode(letter["qr"])), 68, 68))
        platypus.SimpleDocTemplate(out, pagesize=(595, 842)).build(flow)
        return out.getvalue()

    return set_letter


def fpdf2(faces: Path) -> Callable[[Letter], bytes]:
    fpdf = import_module("fpdf")

    def set_letter(letter: Letter) -> bytes:
        pdf = fpdf.FPDF()
        for name in FACES:
            pdf.add_font(name, "", str(faces / f"{name}.ttf"))
        pdf.add_page()
        pdf.set_font(FACES[1], size=20)
        pdf.cell(text=letter["title"], new_x="LMARGIN", new_y="NEXT")
        pdf.set_font(FACES[0], size=11)
        for text in letter["paragraphs"]:
            pdf.multi_cell(0, 6, text, new_x="LMARGIN", new_y="NEXT")
        pdf.set_font_size(9)
        for rows in tables(letter):
            with pdf.table(first_row_as_headings=False) as table:
                for row in rows:
                    line = table.row()
                    for cell in row:
                        line.cell(cell)
        pdf.image(io.BytesIO(base64.b64decode(letter["qr"])), w=24)
        return bytes(pdf.output())

    return set_letter


def weasyprint(faces: Path) -> Callable[[Letter], bytes]:
    engine, fonts = import_module("weasyprint"), import_module("weasyprint.text.fonts")
    configuration = fonts.FontConfiguration()
    rules = "".join(f"@font-face{{font-family:{name};src:url({(faces / f'{name}.ttf').as_uri()})}}" for name in FACES)
    rules += f"@page{{size:A4}}body{{font:11pt/18pt {FACES[0]}}}h1{{font:20pt {FACES[1]}}}td{{font-size:9pt}}"
    sheet = engine.CSS(string=rules, font_config=configuration)

    def set_letter(letter: Letter) -> bytes:
        body = [f"<h1>{html.escape(letter['title'])}</h1>"]
        body += [f"<p>{html.escape(text)}</p>" for text in letter["paragraphs"]]
        for rows in tables(letter):
            lines = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows)
            body.append("<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>")
        body.append(f'<img width=90 src="data:image/png;base64,{letter["qr"]}">')
        page = engine.HTML(string=f"<html lang=zh><body>{''.join(body)}</body></html>")
        return bytes(page.write_pdf(stylesheets=[sheet], font_config=configuration))

    return set_letter


def tables(letter: Letter) -> list[list[list[str]]]:
    """Tables of rows of one length; a caption is left out."""
    return [[row for row in rows if len(row) == len(rows[-1])] for rows in letter["tables"] if rows]


ENGINES = {"reportlab": reportlab, "fpdf2": fpdf2, "weasyprint": weasyprint}


def main() -> None:
    name, faces = sys.argv[1], Path(sys.argv[2])
    if name == "faces":
        make_faces(faces, Path(sys.argv[3]))
        return
    set_letter = ENGINES[name](faces)
    letters = [json.loads(line) for line in sys.stdin]
    for letter in letters:
        if letter["warm"]:
            set_letter(letter)
    rest = [letter for letter in letters if not letter["warm"]]
    started = time.process_time()
    total = sum(len(set_letter(letter)) for letter in rest)
    cpu = time.process_time() - started
    print(json.dumps({"cpu_ms": round(cpu / len(rest) * 1000, 1), "bytes": round(total / len(rest))}))


if __name__ == "__main__":
    main()
