"""Trains the shipped weights of the address tagger: src/songda/address/data/tagger.npz, and the figures of docs/address-tagger.md.

    .venv/bin/python scripts/train_tagger.py [--generated 60000] [--epochs 10] [--seed 11] [--sources]

`--errors 30` shows lines of the held-back files that a tagger trained without them misreads (docs/address-errors.md).
Sources: corpus/address (in the repository), the generator, and, where SONGDA_TEST_DATA names the folder,
address_spans_train.jsonl. `--sources` instead
measures what each source adds: the files of the corpus named below are held back, they are of another hand than the rest.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from songda.address.compiled.tagger import LABELS
from songda.address.training.fit import new_model, prune, train
from songda.address.training.generate import generate
from songda.address.training.lines import Labelled, Lines, prepare, read_corpus, read_jsonl
from songda.address.training.model import Model, pack, predict, span_f1, spans_of

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


def parted() -> tuple[list[Labelled], list[Labelled]]:
    """(lines of the held-back files, lines of the others)."""
    files = corpus()
    held = [line for name, lines in files.items() if name[:2] in HELD_BACK for line in lines]
    return held, [line for name, lines in files.items() if name[:2] not in HELD_BACK for line in lines]


def sources(options: argparse.Namespace) -> dict[str, tuple[float, float | None]]:
    """Span F1 on the held-back files and, where no real line was trained on, on the real lines, by what was trained on."""
    held, rest = parted()
    made, labelled = generate(options.generated, seed=options.seed), real()
    test, others = prepare(held), prepare(labelled)
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
            other = None if "real" in name or name == "all" or not labelled else round(100 * span_f1(model, others), 2)
            found[name] = (round(100 * span_f1(model, test), 2), other)
            print(
                f"{name:24} {found[name][0]:6.2f} {other or '':>6}   {time.process_time() - started:5.0f} s", flush=True
            )
    return found


def errors(options: argparse.Namespace) -> None:
    """Print `options.errors` lines of the held-back files that are misread: the text, spans that are missing, spans that are wrong."""
    held, rest = parted()
    lines, weight = mixed(
        [(prepare(generate(options.generated, seed=options.seed)), options.share), (prepare(rest), 1.0)]
    )
    model = fitted(lines, weight, epochs=options.epochs, seed=options.seed, rows=options.rows)
    test = prepare(held)
    truth, found = spans_of(test.states, test.starts), spans_of(predict(model, test), test.starts)
    wrong = [i for i, (a, b) in enumerate(zip(truth, found, strict=True)) if a != b]
    print(f"{len(wrong)} of {len(held)} lines are misread; span F1 {100 * span_f1(model, test):.2f}")
    for i in np.random.default_rng(options.seed).permutation(wrong)[: options.errors]:
        text = "".join(held[i][0].split())
        tokens = [match.span() for match in re.finditer(r"\d+|[A-Za-z]+|.", text)]

        def shown(spans: set[tuple[int, int, int]], text: str = text, tokens: list[tuple[int, int]] = tokens) -> str:
            return " ".join(f"{text[tokens[a][0] : tokens[b - 1][1]]}/{LABELS[label]}" for a, b, label in sorted(spans))

        print(f"{text}\n    meant {shown(truth[i] - found[i])}\n    read  {shown(found[i] - truth[i])}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generated", type=int, default=60_000)
    parser.add_argument(
        "--share", type=float, default=0.3, help="weight of a generated line beside a written or real one"
    )
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--rows", type=int, default=40_000, help="facts that keep their row; 0 keeps all")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--sources", action="store_true")
    parser.add_argument("--errors", type=int, default=0)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    os.environ["SONGDA_HOME"] = os.devnull  # by the shipped dictionary, whatever edition is in force on this machine
    if options.errors:
        errors(options)
        return
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
