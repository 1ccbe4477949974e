"""The hot path of the address engine, compiled by Numba: from UTF-8 bytes to Arrow buffers without a Python object a row.

Read `reader.read_rows` from top to bottom: it calls the other modules in the order in which a text is read: tokens,
mentions, features, tagger, resolve, parts,
write, keys. Functions here take arrays and tuples of arrays, branch on numbers, and know characters by code point, with the
character in a comment; `kernel.py` says how
they are compiled.
"""
