"""Large things sealed piece by piece: the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015) as age uses
it.

After header and salt come pieces of 64 KiB of plaintext, each with its tag. The nonce is the piece's number (11 bytes)
and a byte that is 1 for the last piece only: a piece left out, repeated, moved or missing at the end does not verify.
The last piece is never empty, except the only piece of an empty stream, so that each plaintext has one form. The key
is the stream's own (salted), hence nonces never repeat.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from songda.vault.errors import Unsealable
from songda.vault.suites import TAG_BYTES, Aead

PIECE_BYTES = 64 * 1024
SALT_BYTES = 32


def seal(source: BinaryIO, target: BinaryIO, *, aead: Aead, aad: bytes) -> None:
    """Writes the pieces of `source` to `target`."""
    for number, piece, last in _pieces(source, PIECE_BYTES):
        target.write(aead.seal(_nonce(number, last=last), piece, aad))


def unseal(source: BinaryIO, *, aead: Aead, aad: bytes) -> Iterator[bytes]:
    """The plaintext of each piece, verified. Raises Unsealable."""
    for number, piece, last in _pieces(source, PIECE_BYTES + TAG_BYTES):
        if last and number and len(piece) <= TAG_BYTES:
            raise Unsealable(reason="empty last piece")
        plain = aead.open(_nonce(number, last=last), piece, aad)
        if plain:
            yield plain


def _pieces(source: BinaryIO, size: int) -> Iterator[tuple[int, bytes, bool]]:
    number, piece = 0, _read(source, size)
    while True:
        # Read one ahead: only then is it known whether this piece is the last.
        following = _read(source, size) if len(piece) == size else b""
        yield number, piece, not following
        if not following:
            return
        number, piece = number + 1, following


def _read(source: BinaryIO, size: int) -> bytes:
    # Sockets and pipes may give less than asked for before their end.
    parts, missing = [], size
    while missing and (part := source.read(missing)):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\x01" if last else b"\x00")
