"""Compares families of taggers trained on the same rows, one thread: "Model families compared" in docs/address-tagger.md.

    nice .venv/bin/python scripts/compare_taggers.py [--generated 12000] [--seeds 2] [--families crf bilstm … | --leave-out]

Trained on: generated lines and the corpus without the files that train_tagger.py holds back, never a labelled real line. Tested on those
files, and on all labelled real lines. "crf from X" is the CRF trained once more, with the unlabelled real texts as X labels them; no test
line is among them. SONGDA_TEST_DATA names the folder of the real texts; networks need PyTorch (teacher.py).
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from songda.address.compiled.kernel import allocating_kernel
from songda.address.compiled.lexicon import lexicon
from songda.address.compiled.reader import new_scratch, read_spans
from songda.address.compiled.tagger import COUNT, STATES
from songda.address.training.fit import new_model, prune
from songda.address.training.generate import generate
from songda.address.training.lines import Labelled, Lines, prepare
from songda.address.training.model import Model, pack, predict, rows_of, spans_of
from teacher import Net, label, likeliest, new_net, train_net
from train_tagger import HELD_BACK, corpus, fitted, mixed, real

Labels = NDArray[np.int8]
#: Share of a text that a teacher labelled.
SHARE_OF_TAUGHT = 0.5


class Data(NamedTuple):
    """What all families get: lines to train on with each one's share, real texts without labels, and the tests."""

    lines: Lines
    weight: NDArray[np.float32]
    unlabelled: Lines
    tests: dict[str, Lines]
    texts: list[str]


class Trained(NamedTuple):
    states: dict[str, Labels]
    #: States of the unlabelled texts.
    labels: Labels
    #: Texts a second of CPU: the CRF from bytes to spans; a network from facts to labels, finding the facts not counted.
    speed: float
    #: Stored: the CRF as it is shipped, a network as 32-bit numbers.
    size: int


def unlabelled(folder: Path) -> list[Labelled]:
    """Real texts that no labelled set contains, each as one piece."""
    sets = [
        (folder / name).read_text("utf-8").splitlines()
        for name in ("address_spans_train.jsonl", "address_gold_dev.jsonl")
    ]
    known = {json.loads(line)["text"] for lines in sets for line in lines}
    texts = (folder / "addresses_real.txt").read_text("utf-8").splitlines()
    return [(text, [("".join(text.split()), "otherinfo")]) for text in texts if text and text not in known]


def gather(options: argparse.Namespace) -> Data:
    folder = os.environ.get("SONGDA_TEST_DATA") or sys.exit("SONGDA_TEST_DATA must name the folder of the real texts.")
    files, labelled = corpus(), real()
    held = [line for name, lines in files.items() if name[:2] in HELD_BACK for line in lines]
    rest = [line for name, lines in files.items() if name[:2] not in HELD_BACK for line in lines]
    made = generate(options.generated, seed=options.seed)
    lines, weight = mixed([(prepare(made), options.share), (prepare(rest), 1.0)])
    tests = {"held-back files": prepare(held), "real lines": prepare(labelled)}
    return Data(lines, weight, prepare(unlabelled(Path(folder))), tests, [text for text, _ in labelled])


# --- the families -----------------------------------------------------------------------------------------------------------------------


def linear(model: Model, data: Data) -> Trained:
    weights, scratch = pack(model), new_scratch()
    parts = [text.encode() for text in data.texts]
    offsets = np.cumsum([0, *map(len, parts)])
    joined = np.frombuffer(b"".join(parts) + b"\0\0\0\0", np.uint8)
    read_spans(lexicon(), weights, joined, offsets[:10], scratch)
    started = time.process_time()
    read_spans(lexicon(), weights, joined, offsets, scratch)
    speed = len(data.texts) / (time.process_time() - started)
    stored = io.BytesIO()
    np.savez_compressed(stored, **weights._asdict())
    states = {name: predict(model, lines) for name, lines in data.tests.items()}
    return Trained(states, predict(model, data.unlabelled), speed, stored.tell())


def crf(data: Data, options: argparse.Namespace, seed: int) -> Trained:
    return linear(fitted(data.lines, data.weight, epochs=options.epochs, seed=seed, rows=options.rows), data)


def taught(data: Data, options: argparse.Namespace, seed: int, *, teacher: str) -> Trained:
    """The CRF, trained with the unlabelled texts as the teacher labels them too."""
    labels = trained(teacher, data, options, seed).labels
    lines, weight = mixed([(data.lines, data.weight), (data.unlabelled._replace(states=labels), SHARE_OF_TAUGHT)])
    return linear(fitted(lines, weight, epochs=options.epochs, seed=seed, rows=options.rows), data)


def network(data: Data, options: argparse.Namespace, seed: int, *, kind: str) -> Trained:
    net: Net = new_net(kind, data.lines, seed=seed)
    train_net(net, data.lines, weight=data.weight, epochs=options.net_epochs, seed=seed)
    started = time.process_time()
    states = {name: label(net, lines) for name, lines in data.tests.items()}
    speed = sum(len(lines.starts) - 1 for lines in data.tests.values()) / (time.process_time() - started)
    return Trained(
        states, label(net, data.unlabelled), speed, 4 * sum(each.numel() for each in net.modules.parameters())
    )


def perceptron(data: Data, options: argparse.Namespace, seed: int) -> Trained:
    """Averaged structured perceptron, pruned like the CRF. Collins, Discriminative Training Methods for Hidden Markov Models (2002)."""
    model = _perceived(new_model(data.lines), data, epochs=options.epochs, seed=seed)
    if options.rows:
        model = _perceived(prune(model, options.rows), data, epochs=max(1, options.epochs // 3), seed=seed + 1)
    return linear(model, data)


def _perceived(model: Model, data: Data, *, epochs: int, seed: int) -> Model:
    weights = model.emission.copy(), model.begin.copy(), model.go_on.copy()
    late = np.zeros_like(model.emission), np.zeros_like(model.begin), np.zeros_like(model.go_on)
    table, rng, clock = rows_of(data.lines.keys, model.known), np.random.default_rng(seed), 1.0
    for _ in range(epochs):
        order = rng.permutation(len(data.lines.starts) - 1)
        clock = _perceive(
            table, data.lines.states, data.lines.starts, data.lines.heads, order, data.weight, *weights, *late, clock
        )
    return Model(model.known, *(now - back / np.float32(clock) for now, back in zip(weights, late, strict=True)))


@allocating_kernel
def _perceive(
    table: NDArray[np.int32], states: Labels, starts: NDArray[np.int64], heads: NDArray[np.int64], order: NDArray[np.int64],
    weight: NDArray[np.float32], emission: NDArray[np.float32], begin: NDArray[np.float32], go_on: NDArray[np.float32],
    late_emission: NDArray[np.float32], late_begin: NDArray[np.float32], late_go: NDArray[np.float32], clock: float,
) -> float:  # fmt: skip
    """One pass; `late_…` gather every step times its moment, which the average takes back. Returns the clock."""
    longest = 0
    for i in range(len(starts) - 1):
        longest = max(longest, starts[i + 1] - starts[i])
    scores, best = np.zeros((longest, STATES), np.float32), np.zeros((longest, STATES), np.float32)
    found, hidden = np.zeros(longest, np.int8), np.zeros((longest, table.shape[1]), np.bool_)
    for line in order:
        first = starts[line] + heads[line]
        tokens = starts[line + 1] - first
        if tokens == 0:
            continue
        before = states[first - 1] % COUNT if heads[line] else COUNT
        for t in range(tokens):
            scores[t] = 0
            for f in range(table.shape[1]):
                row = table[first + t, f]
                hidden[t, f] = row < 0 or np.random.random() < 0.3
                if not hidden[t, f]:
                    scores[t] += emission[row]
        likeliest(scores[:tokens], before, begin, go_on, best[:tokens], found[:tokens])
        for t in range(tokens):
            for way in range(2):
                step = weight[line] if way == 0 else -weight[line]
                y = states[first + t] if way == 0 else found[t]
                x = before
                if t > 0:
                    x = (states[first + t - 1] if way == 0 else found[t - 1]) % COUNT
                if y < COUNT:
                    begin[x, y] += step
                    late_begin[x, y] += step * clock
                else:
                    go_on[y - COUNT] += step
                    late_go[y - COUNT] += step * clock
                if states[first + t] == found[t]:
                    continue
                for f in range(table.shape[1]):
                    if not hidden[t, f]:
                        emission[table[first + t, f], y] += step
                        late_emission[table[first + t, f], y] += step * clock
        clock += 1
    return clock


FAMILIES: dict[str, Callable[[Data, argparse.Namespace, int], Trained]] = {
    "crf": crf,
    "perceptron": perceptron,
    "cnn": partial(network, kind="cnn"),
    "bilstm": partial(network, kind="bilstm"),
    "crf from itself": partial(taught, teacher="crf"),
    "crf from cnn": partial(taught, teacher="cnn"),
    "crf from bilstm": partial(taught, teacher="bilstm"),
}
#: A teacher is trained once a seed.
_done: dict[tuple[str, int], Trained] = {}


def trained(family: str, data: Data, options: argparse.Namespace, seed: int) -> Trained:
    if (family, seed) not in _done:
        _done[family, seed] = FAMILIES[family](data, options, seed)
    return _done[family, seed]


# --- the table --------------------------------------------------------------------------------------------------------------------------


def counts(states: Labels, lines: Lines) -> NDArray[np.int64]:
    """[lines, 3]: spans that are right, stated, given."""
    truth, found = spans_of(lines.states, lines.starts), spans_of(states, lines.starts)
    return np.array([(len(a & b), len(a), len(b)) for a, b in zip(truth, found, strict=True)])


def f1(each: NDArray[np.int64]) -> float:
    right, stated, given = each.sum(0)
    return float(200 * right / (stated + given))


def gain(ours: NDArray[np.int64], base: NDArray[np.int64]) -> tuple[float, float]:
    """Where the difference of F1 to `base` lies in 95 of 100 drawings of the test lines (bootstrap, both on the same lines)."""
    rng = np.random.default_rng(0)
    drawn = [rng.integers(0, len(ours), len(ours)) for _ in range(1000)]
    low, high = np.percentile([f1(ours[at]) - f1(base[at]) for at in drawn], [2.5, 97.5])
    return round(float(low), 2), round(float(high), 2)


def leave_out(data: Data, options: argparse.Namespace) -> None:
    """What each fact is worth: F1 of the CRF without it, every seed."""
    for fact in (None, *range(data.lines.keys.shape[1])):
        without = [_without(lines, fact) for lines in (data.lines, *data.tests.values())]
        row: dict[str, list[float]] = {test: [] for test in data.tests}
        for seed in range(options.seed, options.seed + options.seeds):
            model = fitted(without[0], data.weight, epochs=options.epochs, seed=seed, rows=options.rows)
            for test, lines in zip(data.tests, without[1:], strict=True):
                row[test].append(round(f1(counts(predict(model, lines), lines)), 2))
        print(json.dumps({"without": fact, **row}), flush=True)


def _without(lines: Lines, fact: int | None) -> Lines:
    keys = lines.keys.copy()
    if fact is not None:
        keys[:, fact] = 0
    return lines._replace(keys=keys)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generated", type=int, default=12_000)
    parser.add_argument("--share", type=float, default=0.3)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--net-epochs", type=int, default=8)
    parser.add_argument("--rows", type=int, default=40_000)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--leave-out", action="store_true", help="instead: the CRF without each of its facts in turn")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    os.environ["SONGDA_HOME"] = os.devnull  # by the shipped dictionary, whatever edition is in force on this machine
    data = gather(options)
    print({"trained on": len(data.weight), "unlabelled": len(data.unlabelled.starts) - 1}, flush=True)
    if options.leave_out:
        leave_out(data, options)
        return
    seeds = range(options.seed, options.seed + options.seeds)
    base: dict[str, NDArray[np.int64]] = {}
    table = []
    for family in options.families:
        started = time.process_time()
        runs = [trained(family, data, options, seed) for seed in seeds]
        row = {
            "family": family,
            "texts_per_cpu_s": round(float(np.median([run.speed for run in runs]))),
            "bytes": runs[0].size,
        }
        for test, lines in data.tests.items():
            each = [counts(run.states[test], lines) for run in runs]
            pooled = np.sum(each, axis=0)
            base.setdefault(test, pooled)  # gains are over the first family
            row[test] = [round(f1(one), 2) for one in each]
            row[f"{test}, gain"] = gain(pooled, base[test])
        row["cpu_s"] = round(time.process_time() - started)
        table.append(row)
        print(json.dumps(row, ensure_ascii=False), flush=True)
    if options.out:
        options.out.write_text(json.dumps(table, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
