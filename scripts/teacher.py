"""Networks over the tagger's facts: too slow to read addresses in bulk, they label texts that the tagger is then trained on.

Kim and Rush, Sequence-Level Knowledge Distillation (2016). Needs PyTorch, which songda does not:
`pip install torch --index-url https://download.pytorch.org/whl/cpu`. One thread.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from songda.address.compiled.kernel import allocating_kernel, kernel
from songda.address.compiled.tagger import COUNT, STATES
from songda.address.training.lines import Lines
from songda.address.training.model import rows_of

#: A fact with more values than this (pairs of characters) gets no embedding: the network pairs characters itself.
VALUES = 5_000
EMBEDDING, HIDDEN = 64, 128
DILATIONS = (1, 2, 4, 8)
BATCH = 64


class Net(NamedTuple):
    """`run` maps rows of facts [lines, tokens, columns] (0: unknown) to log-probabilities [lines, tokens, STATES].

    One more column says what a head token is.
    """

    columns: NDArray[np.int64]
    known: NDArray[np.uint32]
    modules: Any
    run: Callable[[Any], Any]


def pytorch() -> Any:
    try:
        torch = import_module("torch")
    except ImportError as missing:
        raise SystemExit(
            "A network needs PyTorch: pip install torch --index-url https://download.pytorch.org/whl/cpu"
        ) from missing
    torch.set_num_threads(1)
    return torch


def new_net(kind: str, lines: Lines, *, seed: int) -> Net:
    """A network of `kind` ("bilstm": one layer; "cnn": dilated, residual) with an embedding for every fact that occurs twice."""
    torch = pytorch()
    nn = torch.nn
    torch.manual_seed(seed)
    values = [len(np.unique(lines.keys[:, f])) for f in range(lines.keys.shape[1])]
    columns = np.flatnonzero(np.array(values) <= VALUES)
    known, times = np.unique(lines.keys[:, columns], return_counts=True)
    known = known[(times > 1) & (known > 0)]
    modules = nn.ModuleDict(
        {"embed": nn.Embedding(len(known) + 2 + STATES, EMBEDDING, padding_idx=0), "drop": nn.Dropout(0.3)}
    )
    nn.init.normal_(modules["embed"].weight, std=0.1)
    if kind == "bilstm":
        modules["core"] = nn.LSTM(EMBEDDING, HIDDEN, bidirectional=True, batch_first=True)
        modules["out"] = nn.Linear(2 * HIDDEN, STATES)
    else:
        modules["into"] = nn.Linear(EMBEDDING, HIDDEN)
        modules["core"] = nn.ModuleList(nn.Conv1d(HIDDEN, HIDDEN, 3, padding=by, dilation=by) for by in DILATIONS)
        modules["out"] = nn.Linear(HIDDEN, STATES)

    def hidden(x: Any) -> Any:
        if kind == "bilstm":
            return modules["core"](x)[0]
        x = modules["into"](x).transpose(1, 2)
        for layer in modules["core"]:
            x = x + modules["drop"](nn.functional.gelu(layer(x)))
        return x.transpose(1, 2)

    def run(rows: Any) -> Any:
        x = modules["drop"](modules["embed"](rows).sum(2))
        return nn.functional.log_softmax(modules["out"](modules["drop"](hidden(x))), -1)

    return Net(columns, known, modules, run)


def _rows(net: Net, lines: Lines) -> NDArray[np.int32]:
    facts = rows_of(np.ascontiguousarray(lines.keys[:, net.columns]), net.known) + 1
    heads = np.where(lines.said >= 0, len(net.known) + 2 + lines.said.astype(np.int32), 0)
    return np.column_stack([facts, heads])


def _batches(starts: NDArray[np.int64], rng: np.random.Generator | None = None) -> list[NDArray[np.int64]]:
    """Numbers of lines of about the same length, BATCH at a time; with `rng` in a chance order."""
    length = np.diff(starts)
    if rng is None:
        order = np.argsort(length, kind="stable")
        return [order[i : i + BATCH] for i in range(0, len(order), BATCH)]
    order = np.argsort(length + rng.random(len(length)), kind="stable")
    parts = [order[i : i + BATCH] for i in range(0, len(order), BATCH)]
    return [parts[i] for i in rng.permutation(len(parts))]


def _padded(
    table: NDArray[Any], starts: NDArray[np.int64], lines: NDArray[np.int64], *, fill: int
) -> NDArray[np.int64]:
    """The rows of `table` that belong to `lines`, as [lines, longest, …]."""
    length = starts[lines + 1] - starts[lines]
    place = np.arange(length.max())[None]
    there = place < length[:, None]
    found = table[np.where(there, starts[lines][:, None] + place, 0)].astype(np.int64)
    found[~there] = fill
    return found


def train_net(
    net: Net, lines: Lines, *, weight: NDArray[np.float32], epochs: int, seed: int, rate: float = 3e-3, hide: float = 0.15
) -> None:  # fmt: skip
    """Fit `net` in place, token by token; `weight` is each line's share, `hide` the share of facts hidden (a regulariser)."""
    torch = pytorch()
    rng = np.random.default_rng(seed)
    table, wanted = _rows(net, lines), np.where(lines.said >= 0, np.int8(-1), lines.states)
    adam = torch.optim.Adam(net.modules.parameters(), lr=rate)
    steps = epochs * len(_batches(lines.starts))
    plan = torch.optim.lr_scheduler.OneCycleLR(adam, max_lr=rate, total_steps=steps, pct_start=0.15)
    net.modules.train()
    for _ in range(epochs):
        for part in _batches(lines.starts, rng):
            rows = torch.from_numpy(_padded(table, lines.starts, part, fill=0))
            states = torch.from_numpy(_padded(wanted, lines.starts, part, fill=-1))
            there = states >= 0
            log_chance = net.run(rows * (torch.rand(rows.shape) >= hide))
            of_gold = log_chance[there].gather(1, states[there][:, None])[:, 0]
            share = torch.from_numpy(weight[part])[:, None].expand(states.shape)[there]
            loss = -(share * of_gold).mean()
            adam.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.modules.parameters(), 1.0)
            adam.step()
            plan.step()


def label(net: Net, lines: Lines) -> NDArray[np.int8]:
    """The likeliest states of all tokens of `lines` among those in which the label does not change within a piece."""
    torch = pytorch()
    table = _rows(net, lines)
    scores = np.zeros((len(lines.states), STATES), np.float32)
    net.modules.eval()
    with torch.no_grad():
        for part in _batches(lines.starts):
            found = net.run(torch.from_numpy(_padded(table, lines.starts, part, fill=0))).numpy()
            for i, line in enumerate(part):
                first, end = lines.starts[line], lines.starts[line + 1]
                scores[first:end] = found[i, : end - first]
    states = lines.said.copy()
    free = np.zeros((COUNT + 1, COUNT), np.float32)
    _decode(scores, lines.starts, lines.heads, free, free[0], states)
    return states


@allocating_kernel
def _decode(
    scores: NDArray[np.float32], starts: NDArray[np.int64], heads: NDArray[np.int64], begin: NDArray[np.float32],
    go_on: NDArray[np.float32], states: NDArray[np.int8],
) -> None:  # fmt: skip
    best = np.zeros_like(scores)
    for line in range(len(starts) - 1):
        first, end = starts[line] + heads[line], starts[line + 1]
        if first < end:
            before = states[first - 1] % COUNT if heads[line] else COUNT
            likeliest(scores[first:end], before, begin, go_on, best[first:end], states[first:end])


@kernel
def likeliest(
    scores: NDArray[np.float32], before: int, begin: NDArray[np.float32], go_on: NDArray[np.float32],
    best: NDArray[np.float32], states: NDArray[np.int8],
) -> None:  # fmt: skip
    """Viterbi in full precision: best `states` for `scores` [tokens, STATES]; `before` as in the tagger's, `best` is scratch."""
    tokens, never = len(scores), np.float32(-1e9)
    for y in range(COUNT):
        best[0, y] = begin[before, y] + scores[0, y]
        best[0, COUNT + y] = go_on[y] + scores[0, COUNT + y] if y == before else never
    for t in range(1, tokens):
        for y in range(COUNT):
            best[t, y] = never
        for x in range(COUNT):
            top = max(best[t - 1, x], best[t - 1, COUNT + x])
            for y in range(COUNT):
                best[t, y] = max(best[t, y], top + begin[x, y])
            best[t, COUNT + x] = top + go_on[x] + scores[t, COUNT + x]
        for y in range(COUNT):
            best[t, y] += scores[t, y]
    state = int(np.argmax(best[tokens - 1]))
    for t in range(tokens - 1, 0, -1):
        states[t] = state
        label = state - COUNT
        if state < COUNT:
            reach = 2 * never
            for x in range(COUNT):
                value = max(best[t - 1, x], best[t - 1, COUNT + x]) + begin[x, state]
                if value > reach:
                    label, reach = x, value
        state = label if best[t - 1, label] >= best[t - 1, COUNT + label] else COUNT + label
    states[0] = state
