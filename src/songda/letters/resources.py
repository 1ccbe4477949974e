"""What pages draw with (fonts, pictures, colour spaces), named by what it holds, so that equal things lie once in a print file.

    digests = Digests(record)
    digests.page(page)                         # the same in the record and in the print file
    shared = Shared(print_file)
    copy = shared.page(page, digests)          # a page of the print file, still without contents

A digest covers the whole graph below an object: its own text with every reference replaced by the digest of what it
points to. Object numbers do not count. Streams are compared and copied as they are packed, which is quick; a record is
packed once, when it is made, and saving a print file leaves packed streams alone.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import pikepdf

# A string is passed over whole, because it may look like a reference; qpdf escapes brackets within strings.
_STRING_OR_REFERENCE = re.compile(rb"\((?:\\.|[^\\()])*\)|\b(\d+) (\d+) R\b", re.DOTALL)
#: Entries of a page that say where it belongs or what it means to a screen reader, not how it looks.
_NOT_DRAWN = frozenset({"/Parent", "/Contents", "/StructParents", "/Tabs", "/Annots"})


class Digests:
    """Digests of the objects of one open document; what several pages use is read once."""

    def __init__(self, document: pikepdf.Pdf) -> None:
        self._document = document
        self._known: dict[tuple[int, int], bytes | None] = {}

    def page(self, page: pikepdf.Page) -> str:
        """Digest (hex) of everything that the page's contents draw with: resources, boxes, transparency."""
        return hashlib.sha256(self._replaced(_drawn(page).unparse())).hexdigest()

    def of(self, item: pikepdf.Object) -> bytes:
        """Digest of an indirect object. Raises ValueError when it refers to itself: no resource does."""
        number = item.objgen
        if number not in self._known:
            self._known[number] = None
            self._known[number] = self._digest(item)
        digest = self._known[number]
        if digest is None:
            raise ValueError("a resource that refers to itself")
        return digest

    def _digest(self, item: pikepdf.Object) -> bytes:
        import pikepdf

        if not isinstance(item, pikepdf.Stream):
            return hashlib.sha256(self._replaced(item.unparse(resolved=True))).digest()
        head = self._replaced(_packing(item).unparse())
        return hashlib.sha256(head + b"stream\n" + item.read_raw_bytes()).digest()

    def _replaced(self, text: bytes) -> bytes:
        """`text` with the digest of its object in the place of each reference."""
        return _STRING_OR_REFERENCE.sub(self._reference, text)

    def _reference(self, found: re.Match[bytes]) -> bytes:
        if found[1] is None:
            return found[0]
        return self.of(self._document.get_object(int(found[1]), int(found[2]))).hex().encode()


class Shared:
    """What a print file holds already, by digest. Copies nothing twice and needs no record once its pages are copied."""

    def __init__(self, target: pikepdf.Pdf) -> None:
        self._target = target
        self._held: dict[bytes, pikepdf.Object] = {}

    def page(self, page: pikepdf.Page, digests: Digests) -> pikepdf.Object:
        """A page for the print file that looks like `page` once it has its contents."""
        return self._rebuilt(_drawn(page), digests)

    def stream(self, item: pikepdf.Stream, digests: Digests) -> pikepdf.Stream:
        """A copy of the stream, packed as it is."""
        import pikepdf

        head = cast(pikepdf.Dictionary, self._rebuilt(_packing(item), digests))
        return self._target.make_stream(item.read_raw_bytes(), head)

    def _rebuilt(self, item: pikepdf.Object, digests: Digests) -> pikepdf.Object:
        """The same array, dictionary or scalar, with copies in the place of what it refers to."""
        import pikepdf

        text = item.unparse(resolved=True)
        if not any(found[1] for found in _STRING_OR_REFERENCE.finditer(text)):
            return pikepdf.Object.parse(text)
        if isinstance(item, pikepdf.Array):
            return pikepdf.Array([self._value(value, digests) for value in cast(Any, item)])
        return pikepdf.Dictionary({key: self._value(value, digests) for key, value in item.items()})

    def _value(self, value: Any, digests: Digests) -> Any:
        import pikepdf

        if not isinstance(value, pikepdf.Object):
            return value  # a number or a truth value
        return self._held_copy(value, digests) if value.is_indirect else self._rebuilt(value, digests)

    def _held_copy(self, item: pikepdf.Object, digests: Digests) -> pikepdf.Object:
        import pikepdf

        digest = digests.of(item)
        if digest not in self._held:
            is_stream = isinstance(item, pikepdf.Stream)
            self._held[digest] = (
                self.stream(cast(pikepdf.Stream, item), digests)
                if is_stream
                else self._target.make_indirect(self._rebuilt(item, digests))
            )
        return self._held[digest]


def resource_hash(document: pikepdf.Pdf, page: pikepdf.Page) -> str:
    """`Digests.page` for a single page."""
    return Digests(document).page(page)


def _drawn(page: pikepdf.Page) -> pikepdf.Dictionary:
    import pikepdf

    return pikepdf.Dictionary({key: value for key, value in page.obj.items() if key not in _NOT_DRAWN})


def _packing(stream: pikepdf.Stream) -> pikepdf.Dictionary:
    """The stream's dictionary without its length, which is that of its bytes."""
    import pikepdf

    return pikepdf.Dictionary({key: value for key, value in stream.stream_dict.items() if key != "/Length"})
