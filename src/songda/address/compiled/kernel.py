"""How the hot path is compiled: `@kernel` is Numba's njit with a cache that no edit can make stale.

Numba notices a change of the function's own file, not of a function that it calls; so the cache lies in a folder named by a digest of all
sources of this room. It is the user's cache folder, for the package may be installed where nobody may write.
`SONGDA_BOUNDS_CHECK=1` compiles with
checks of every index (the fuzz tests do).
"""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numba
from numba import njit

if TYPE_CHECKING:
    from collections.abc import Callable

_F = TypeVar("_F", bound="Callable[..., Any]")
_CHECKED = os.environ.get("SONGDA_BOUNDS_CHECK") == "1"


@cache
def _cache_folder() -> str:
    digest = hashlib.sha256(f"{numba.__version__} {_CHECKED}".encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return str(Path(home) / "songda" / f"kernels-{digest.hexdigest()[:16]}")


if not os.environ.get("NUMBA_CACHE_DIR"):
    numba.config.CACHE_DIR = _cache_folder()  # type: ignore[attr-defined]


def compiled_before() -> bool:
    """True when code compiled from these sources lies in the cache; else the first reading takes about a minute."""
    return any(Path(numba.config.CACHE_DIR or _cache_folder()).rglob("*.nbc"))  # type: ignore[attr-defined]


def kernel(function: _F) -> _F:
    """`function` compiled on first call, from the cache when it was compiled before; it runs without the GIL.

    Without reference counts: they cost more than the work in functions that take dozens of arrays. So a kernel allocates no array; it gets
    its scratch from the caller.
    """
    return _compiled(function, counted=False)


def allocating_kernel(function: _F) -> _F:
    """A kernel that may allocate arrays: for building and training, not for the hot path."""
    return _compiled(function, counted=True)


def _compiled(function: _F, *, counted: bool) -> _F:
    compiled: _F = njit(cache=True, nogil=True, boundscheck=_CHECKED, error_model="numpy", _nrt=counted)(  # type: ignore[call-overload]
        function
    )
    return compiled
