"""Trains the shipped weights of the address tagger: src/songda/address/data/tagger.npz, and the figures of docs/address-tagger.md.

    .venv/bin/python scripts/train_tagger.py [--generated 120000] [--epochs 10] [--seed 11] [--sources]

Sources: corpus/address (in the repository), the generator, and, where SONGDA_TEST_DATA names the folder,
address_spans_train.jsonl. `--sources` instead
measures what each source adds: the files of the corpus named below are held back, they are of another hand than the rest.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from songda.address.training.fit import (
    Labelled,
    Lines,
    Model,
    new_model,
    pack,
    prepare,
    prune,
    read_corpus,
    read_jsonl,
    span_f1,
    train,
)
from songda.address.training.generate import generate

ROOT = Path(__file__).parents[1]
OUT = ROOT / "src" / "songda" / "address" / "data" / "tagger.npz"
#: Files that no other source resembles most: directories, written by one hand and held back whole.
HELD_BACK = ("33", "34", "35", "36", "37", "38", "39")


def corpus() -> dict[str, list[Labelled]]:
    return {path.stem: read_corpus(path) for path in sorted((ROOT / "corpus" / "address").glob("*.txt"))}


def real() -> list[Labelled]:
    folder = os.environ.get("SONGDA_TEST_DATA")
    path = Path(folder) / "address_spans_train.jsonl" if folder else None
    return read_jsonl(path) if path and path.exists() else []


def mixed(parts: Sequence[tuple[Lines, float | NDArray[np.float32]]]) -> tuple[Lines, NDArray[np.float32]]:
    """The lines of all parts, and the share of each line."""
    before = np.cumsum([0, *(lines.starts[-1] for lines, _ in parts)])
    starts = [lines.starts[1:] + at for (lines, _), at in zip(parts, before, strict=False)]
    lines = Lines(
        np.concatenate([lines.keys for lines, _ in parts]),
        np.concatenate([lines.states for lines, _ in parts]),
        np.concatenate([[0], *starts]).astype(np.int64),
        np.concatenate([lines.heads for lines, _ in parts]),
        np.concatenate([lines.said for lines, _ in parts]),
    )
    shares = [np.broadcast_to(np.float32(share), len(lines.starts) - 1) for lines, share in parts]
    return lines, np.concatenate(shares)


def fitted(lines: Lines, weight: NDArray[np.float32], *, epochs: int, seed: int, rows: int, say: bool = False) -> Model:
    model = new_model(lines)
    report = (lambda epoch, loss: print(f"  epoch {epoch}: {loss:.4f}", flush=True)) if say else None
    train(model, lines, weight=weight, epochs=epochs, seed=seed, report=report)
    if rows:
        model = prune(model, rows)
        train(model, lines, weight=weight, epochs=max(1, epochs // 3), seed=seed + 1, report=report)
    return model


def sources(options: argparse.Namespace) -> dict[str, float]:
    """Span F1 on the held-back files, by what was trained on."""
    files = corpus()
    test = prepare([line for name, lines in files.items() if name[:2] in HELD_BACK for line in lines])
    rest = [line for name, lines in files.items() if name[:2] not in HELD_BACK for line in lines]
    made, labelled = generate(options.generated, seed=options.seed), real()
    mixes = {
        "generator": [(made, 1.0)],
        "corpus": [(rest, 1.0)],
        "real lines": [(labelled, 1.0)],
        "generator + corpus": [(made, options.share), (rest, 1.0)],
        "generator + real lines": [(made, options.share), (labelled, 1.0)],
        "corpus + real lines": [(rest, 1.0), (labelled, 1.0)],
        "all": [(made, options.share), (rest, 1.0), (labelled, 1.0)],
    }
    found = {}
    for name, parts in mixes.items():
        if all(lines for lines, _ in parts):
            started = time.process_time()
            lines, weight = mixed([(prepare(each), share) for each, share in parts])
            model = fitted(lines, weight, epochs=options.epochs, seed=options.seed, rows=options.rows)
            found[name] = round(100 * span_f1(model, test), 2)
            print(f"{name:24} {found[name]:6.2f}   {time.process_time() - started:5.0f} s", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generated", type=int, default=120_000)
    parser.add_argument(
        "--share", type=float, default=0.3, help="weight of a generated line beside a written or real one"
    )
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--rows", type=int, default=40_000, help="facts that keep their row; 0 keeps all")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--sources", action="store_true")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    os.environ["SONGDA_HOME"] = os.devnull  # by the shipped dictionary, whatever edition is in force on this machine
    if options.sources:
        print(json.dumps(sources(options)))
        return
    written = [line for lines in corpus().values() for line in lines]
    parts = [(generate(options.generated, seed=options.seed), options.share), (written, 1.0), (real(), 1.0)]
    print({"generated": len(parts[0][0]), "corpus": len(written), "real": len(parts[2][0])})
    lines, weight = mixed([(prepare(each), share) for each, share in parts if each])
    model = fitted(lines, weight, epochs=options.epochs, seed=options.seed, rows=options.rows, say=True)
    np.savez_compressed(options.out, **pack(model)._asdict())
    print(f"{options.out.name}: {options.out.stat().st_size:,} bytes, {len(model.known):,} facts")


if __name__ == "__main__":
    main()
