"""Records in a twelfth of their size: letters of one template are nearly equal, so each is packed as what differs from a model.

    packing = Packing(like)           # a PDF of record, or one of each template that follows, end to end; kept as it is
    packing.unpack(packing.pack(pdf)) == pdf

Without `like` nothing can be unpacked: keep both under the same key and in the same place.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import zstandard


class Packing:
    """Holds the model and, once asked for, the engines warmed with it. Not shared between threads."""

    def __init__(self, like: bytes) -> None:
        import zstandard

        self._model = zstandard.ZstdCompressionDict(like, dict_type=zstandard.DICT_TYPE_RAWCONTENT)

    # Each engine holds tables as large as several models, and a reader of many segments needs one of the two.
    @cached_property
    def _packer(self) -> zstandard.ZstdCompressor:
        import zstandard

        return zstandard.ZstdCompressor(level=3, dict_data=self._model, write_checksum=True)

    @cached_property
    def _unpacker(self) -> zstandard.ZstdDecompressor:
        import zstandard

        return zstandard.ZstdDecompressor(dict_data=self._model)

    def pack(self, pdf: bytes) -> bytes:
        return self._packer.compress(pdf)

    def unpack(self, packed: bytes) -> bytes:
        """The very bytes that were packed. Raises ValueError when they were packed with another model, or are damaged."""
        import zstandard

        try:
            return self._unpacker.decompress(packed)
        except zstandard.ZstdError as error:
            raise ValueError("packed with another model, or damaged") from error
