"""What pages draw with (fonts, pictures, colour spaces), named by what it holds, so that equal things lie once in a print file.

    digests = Digests(record)
    digests.page(page)                         # the same in the record and in the print file
    shared = Shared(print_file)
    copy, digest = shared.page(page, digests)  # a page of the print file, still without contents

A digest covers the whole graph below an object: its own text with every reference replaced by the digest of what it
points to. Object numbers do not count, nor does how a stream is packed: font programs lie unpacked in a record and packed in a
print file.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import pikepdf

# A string is passed over whole, because it may look like a reference; qpdf escapes brackets within strings.
_STRING_OR_REFERENCE = re.compile(rb"\((?:\\.|[^\\()])*\)|\b(\d+) (\d+) R\b", re.DOTALL)
#: How long a stream is follows from its bytes, and what it holds does not follow from how it is packed.
_PACKED = re.compile(rb"/Length \d+(?: \d+ R)? |/Filter /FlateDecode ")
#: Entries of a page that say where it belongs or what it means to a screen reader, not how it looks.
_NOT_DRAWN = frozenset({"/Parent", "/Contents", "/StructParents", "/Tabs", "/Annots"})


class Digests:
    """Digests of the objects of one open document; what several pages use is read once."""

    def __init__(self, document: pikepdf.Pdf) -> None:
        self._document = document
        self._known: dict[tuple[int, int], bytes | None] = {}

    def page(self, page: pikepdf.Page) -> str:
        """Digest (hex) of everything that the page's contents draw with: resources, boxes, transparency."""
        return _together({path: self.text(value) for path, value in _drawn(page)})

    def text(self, value: Any) -> bytes:
        """What a value holds, free of object numbers."""
        import pikepdf

        if not isinstance(value, pikepdf.Object):
            return str(value).encode()
        return self.of(value).hex().encode() if value.is_indirect else self._replaced(value.unparse())

    def of(self, item: pikepdf.Object) -> bytes:
        """Digest of an indirect object. Raises ValueError when it refers to itself: no resource does."""
        number, generation = item.objgen
        return self._of(number, generation)

    def _of(self, number: int, generation: int) -> bytes:
        key = (number, generation)
        if key not in self._known:
            self._known[key] = None
            self._known[key] = self._digest(self._document.get_object(number, generation))
        digest = self._known[key]
        if digest is None:
            raise ValueError("a resource that refers to itself")
        return digest

    def _digest(self, item: pikepdf.Object) -> bytes:
        import pikepdf

        if not isinstance(item, pikepdf.Stream):
            return hashlib.sha256(self._replaced(item.unparse(resolved=True))).digest()
        head = self._replaced(_PACKED.sub(b"", item.stream_dict.unparse()))
        # Packed otherwise (a photo), it keeps its filter in the head and its bytes as they are.
        data = item.read_raw_bytes() if b"/Filter" in head else item.read_bytes()
        return hashlib.sha256(head + b"stream\n" + data).digest()

    def _replaced(self, text: bytes) -> bytes:
        """`text` with the digest of its object in the place of each reference."""
        return _STRING_OR_REFERENCE.sub(self._reference, text) if b" R" in text else text

    def _reference(self, found: re.Match[bytes]) -> bytes:
        return found[0] if found[1] is None else self._of(int(found[1]), int(found[2])).hex().encode()


class Shared:
    """What a print file holds already, by digest, whole with all below it. Grows with distinct things only."""

    def __init__(self, target: pikepdf.Pdf) -> None:
        self._target = target
        self._held: dict[bytes, pikepdf.Object] = {}

    def page(self, page: pikepdf.Page, digests: Digests) -> tuple[pikepdf.Dictionary, str]:
        """A page for the print file that looks like `page` once it has its contents, and the digest of both."""
        import pikepdf

        texts: dict[tuple[str, ...], bytes] = {}
        copy = pikepdf.Dictionary(Resources=pikepdf.Dictionary())
        for path, value in _drawn(page):
            texts[path] = digests.text(value)
            *folders, name = path
            place = copy
            for folder in folders:
                if folder not in place:
                    place[folder] = pikepdf.Dictionary()
                place = cast(pikepdf.Dictionary, place[folder])
            place[name] = self._copy(value, digests)
        return copy, _together(texts)

    def _copy(self, value: Any, digests: Digests) -> Any:
        import pikepdf

        if not isinstance(value, pikepdf.Object):
            return value  # a number or a truth value
        if value.is_indirect:
            digest = digests.of(value)
            if digest not in self._held:
                self._held[digest] = self._target.copy_foreign(value)
            return self._held[digest]
        text = value.unparse()
        if b" R" not in text:
            return pikepdf.Object.parse(text)
        if isinstance(value, pikepdf.Array):
            return pikepdf.Array([self._copy(item, digests) for item in cast(Any, value)])
        return pikepdf.Dictionary({key: self._copy(item, digests) for key, item in value.items()})


def resource_hash(document: pikepdf.Pdf, page: pikepdf.Page) -> str:
    """`Digests.page` for a single page."""
    return Digests(document).page(page)


def _together(texts: dict[tuple[str, ...], bytes]) -> str:
    lines = (f"{' '.join(path)} ".encode() + text for path, text in sorted(texts.items()))
    return hashlib.sha256(b"\n".join(lines)).hexdigest()


def _drawn(page: pikepdf.Page) -> Iterator[tuple[tuple[str, ...], Any]]:
    """What says how a page looks, each with its path: `("/MediaBox",)`, `("/Resources", "/Font", "/f0")`.

    Resources and their lists by kind are taken apart: they differ from page to page, what they name often does not.
    """
    import pikepdf

    for key, value in page.obj.items():
        if key == "/Resources":
            for kind, named in value.items():
                if isinstance(named, pikepdf.Dictionary):
                    yield from (((key, kind, name), item) for name, item in named.items())
                else:
                    yield (key, kind), named
        elif key not in _NOT_DRAWN:
            yield (key,), value
