"""Small bodies that become large ones."""

import gzip
import zlib

BLOCK = bytes(1 << 20)


def a_bomb(mebibytes: int, layers: int = 1) -> bytes:
    """So many MiB of zeros, packed with gzip, so many times over. It is never finished: nobody reads that far."""
    pack = zlib.compressobj(9, wbits=31)
    pieces = [pack.compress(BLOCK) + pack.flush(zlib.Z_FULL_FLUSH) for _ in range(2)]
    packed = pieces[0] + pieces[1] * (mebibytes - 1)  # after a full flush, what is the same packs to the same
    for _ in range(layers - 1):
        packed = gzip.compress(packed)
    return packed
