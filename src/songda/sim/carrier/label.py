"""A label as the carrier would print it: one PDF page of the template's size with the waybill number on it.

>>> label_pdf("9812345678906", kind="129")[:8]
b'%PDF-1.4'
"""

from __future__ import annotations

_MM = 72 / 25.4
#: Template → width and height in millimetres.
_SIZES = {"129": (76, 129), "149": (76, 149), "179": (100, 180)}


def label_pdf(waybill_no: str, *, kind: str) -> bytes:
    width, height = (round(side * _MM, 2) for side in _SIZES[kind])
    content = f"BT /F1 14 Tf 20 {height / 2:.2f} Td ({waybill_no}) Tj ET".encode("ascii")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}] /Contents 4 0 R "
        f"/Resources << /Font << /F1 5 0 R >> >> >>".encode("ascii"),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier >>",
    ]
    out, offsets = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)
