"""Records in a sixth of their size: letters of one template are nearly equal, so each is packed as what differs from the first.

    packing = Packing(first)          # the first PDF of record of its kind in a batch, which is kept as it is
    packing.unpack(packing.pack(pdf)) == pdf

Without `first` nothing can be unpacked: keep both under the same key and in the same place.
"""

from __future__ import annotations


class Packing:
    """Holds the model and the engines warmed with it. Not shared between threads."""

    def __init__(self, like: bytes) -> None:
        import zstandard

        model = zstandard.ZstdCompressionDict(like, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
        self._pack = zstandard.ZstdCompressor(level=3, dict_data=model, write_checksum=True)
        self._unpack = zstandard.ZstdDecompressor(dict_data=model)

    def pack(self, pdf: bytes) -> bytes:
        return self._pack.compress(pdf)

    def unpack(self, packed: bytes) -> bytes:
        """The very bytes that were packed. Raises ValueError when they were packed with another model, or are damaged."""
        import zstandard

        try:
            return self._unpack.decompress(packed)
        except zstandard.ZstdError as error:
            raise ValueError("packed with another model, or damaged") from error
