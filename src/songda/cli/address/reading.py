"""The engine at work on what `source` gives: on all cores, a few chunks ahead of whoever takes the results.

for rows, frame in standardised(source.frames):
    ...
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from songda.cli.address.errors import ForeignWeights, NoWeights

if TYPE_CHECKING:
    from concurrent.futures import Future

    import polars as pl


def standardised(
    frames: Iterable[pl.DataFrame],
    *,
    keep: Callable[[pl.DataFrame], pl.DataFrame] | None = None,
    weights: Any = None,
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Each frame of rows (column `text`) with its standard form, in order; of that, what `keep` makes of it.

    At most as many chunks as there are cores, and one, are in memory.
    """
    from concurrent.futures import ThreadPoolExecutor

    from songda.address import standardize

    def work(rows: pl.DataFrame) -> pl.DataFrame:
        frame = standardize(rows["text"], weights=weights)
        return keep(frame) if keep else frame

    cores = os.cpu_count() or 1
    waiting: deque[tuple[pl.DataFrame, Future[pl.DataFrame]]] = deque()
    with ThreadPoolExecutor(cores) as pool:
        for number, rows in enumerate(frames):
            if number == 0:
                # The dictionary is read on first use: by one thread.
                yield rows, work(rows)
                continue
            waiting.append((rows, pool.submit(work, rows)))
            if len(waiting) > cores:
                yield _first(waiting)
        while waiting:
            yield _first(waiting)


def _first(
    waiting: deque[tuple[pl.DataFrame, Future[pl.DataFrame]]],
) -> tuple[pl.DataFrame, pl.DataFrame]:
    rows, answer = waiting.popleft()
    return rows, answer.result()


def own_weights(folder: Path | None) -> Any:
    """The weights of the user's own training; None (those that ship) without a folder.

    Raises NoWeights, ForeignWeights, CannotRead.
    """
    if folder is None:
        return None
    import zipfile
    import zlib

    from songda.address import load_weights

    try:
        weights = load_weights(folder)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NoWeights(folder=str(folder)) from error
    except OSError as error:
        from songda.intake import CannotRead, why_refused

        raise CannotRead(file=str(folder / "tagger.npz"), reason=why_refused(error)) from error
    except (ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ForeignWeights(folder=str(folder)) from error
    if not _of_our_make(weights):
        raise ForeignWeights(folder=str(folder))
    return weights


def _of_our_make(weights: Any) -> bool:
    """Whether the arrays have the form of those that ship: compiled code reads them without asking."""
    from importlib.resources import as_file, files

    from songda.address import load_weights

    def form(each: Any) -> list[Any]:
        # As many rows of weights as training found facts; all else is of one size.
        arrays: dict[str, Any] = each._asdict()
        return [(name, a.dtype, a.shape[name == "emission" :]) for name, a in arrays.items()]

    with as_file(files("songda.address").joinpath("data")) as folder:
        shipped = load_weights(folder)
    return form(weights) == form(shipped) and int((weights.table & 0xFFFF).max()) < max(len(weights.emission), 1)
