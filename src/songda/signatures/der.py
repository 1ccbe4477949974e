"""Reading DER (ITU-T X.690): only what keys and certificates with SM2 need, which `cryptography` does not read.

>>> items(value(bytes.fromhex("3006020105020107"), 0x30))
[(2, b'\\x05'), (2, b'\\x07')]
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

INTEGER, BIT_STRING, OCTET_STRING, OID, SEQUENCE = 0x02, 0x03, 0x04, 0x06, 0x30


class Item(NamedTuple):
    #: First byte: class, constructed, number.
    tag: int
    content: bytes


def items(content: bytes) -> list[Item]:
    """The elements that `content` is made of. Raises ValueError."""
    return [item for item, _ in spans(content)]


def spans(content: bytes) -> Iterator[tuple[Item, bytes]]:
    """Each element and its whole encoding. Raises ValueError."""
    at = 0
    while at < len(content):
        head, length = at + 2, content[at + 1] if at + 1 < len(content) else 0x80
        if length >= 0x80:
            octets = length & 0x7F
            length = int.from_bytes(content[head : head + octets], "big")
            # No key or certificate is longer than 2 ** 32 bytes; the indefinite length is no DER.
            if not 1 <= octets <= 4 or length < 0x80:
                raise ValueError("not DER")
            head += octets
        end = head + length
        if end > len(content) or content[at] & 0x1F == 0x1F:
            raise ValueError("not DER")
        yield Item(content[at], content[head:end]), content[at:end]
        at = end


def value(data: bytes, tag: int) -> bytes:
    """The content of the one element that `data` is. Raises ValueError when it is something else."""
    found = items(data)
    if len(found) != 1 or found[0].tag != tag:
        raise ValueError("another element")
    return found[0].content


def fields(data: bytes, *tags: int) -> list[bytes]:
    """The contents of the first elements of the sequence `data`, which must have these tags. Raises ValueError."""
    found = items(value(data, SEQUENCE))[: len(tags)]
    if [item.tag for item in found] != list(tags):
        raise ValueError("another sequence")
    return [item.content for item in found]


def oid(content: bytes) -> str:
    """`1.2.156.10197.1.301` from the content of an object identifier. Raises ValueError."""
    if not content or content[-1] & 0x80:
        raise ValueError("not an object identifier")
    arcs, arc = [], 0
    for byte in content:
        arc = arc << 7 | byte & 0x7F
        if not byte & 0x80:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))
