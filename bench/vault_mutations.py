"""Whether anything that was changed is ever taken for genuine, or breaks whoever reads it.

    .venv/bin/python bench/vault_mutations.py [--mutations 100000] [--seed 7] [--out vault_mutations.json]

A mutation flips bits, cuts, extends, moves, repeats or swaps parts of something genuine: a record sealed by a tenant's or by a person's key
(both suites), a sealed stream, a wrapped key of a person, a token of a letter, a signed link, a wrapped data key, and a
bundle of evidence. Accepted: it was taken for genuine and says something else, or was presented for another place. Crash: any exception
that is not the one promised. Both must be nought.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.evidence_forgeries import bundle, letter_files, new_keys
from bench.letters_render import letter
from songda.evidence import BadBundle, Trust, verify_bundle
from songda.letters import Renderer, house_template
from songda.vault import LocalMasterKey, Unsealable, WrongMasterKey, new_data_key, open_data_key

#: How many of all mutations go to a bundle of evidence, which is read in full each time.
_BUNDLES = 0.01


def main() -> None:
    given = _arguments()
    chance, targets = random.Random(given.seed), _targets()
    told: dict[str, Counter[str]] = {name: Counter() for name in targets}
    whole = round(given.mutations * _BUNDLES)
    names = [name for name in targets if name != "bundle"]
    plan = ["bundle"] * whole + [names[n % len(names)] for n in range(given.mutations - whole)]
    for name in plan:
        genuine, accepts = targets[name]
        changed = mutated(genuine, chance)
        if changed == genuine:
            told[name]["as it was"] += 1
            continue
        try:
            told[name]["accepted" if accepts(changed) else "refused"] += 1
        except Exception as error:
            told[name]["crash"] += 1
            print(f"{name}: {type(error).__name__}", file=sys.stderr)
    rows = [
        {"target": name, **{each: count[each] for each in ("refused", "accepted", "crash")}}
        for name, count in told.items()
    ]
    for row in rows:
        print(row)
    figures = {
        "mutations": given.mutations,
        "accepted": sum(row["accepted"] for row in rows),  # type: ignore[misc]
        "crashes": sum(row["crash"] for row in rows),  # type: ignore[misc]
        "targets": rows,
    }
    if given.out:
        given.out.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    if figures["accepted"] or figures["crashes"]:
        raise SystemExit("something was accepted, or broke")


def mutated(data: bytes, chance: random.Random) -> bytes:
    """`data` changed in one to three ways."""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        size = len(data)
        if not size:
            return b"\0"
        a, b = sorted((chance.randrange(size), chance.randrange(size)))
        match chance.randrange(7):
            case 0 | 1:
                data = data[:a] + bytes([data[a] ^ 1 << chance.randrange(8)]) + data[a + 1 :]
            case 2:
                data = data[:a]
            case 3:
                data = data + chance.randbytes(chance.randrange(1, 40))
            case 4:
                data = data[:a] + data[b:]
            case 5:
                data = data[:a] + data[a:b] + data[a:b] + data[b:]
            case _:
                data = data[b:] + data[a:b] + data[:a]
    return data


def _targets() -> dict[str, tuple[bytes, Callable[[bytes], bool]]]:
    """Name → something genuine, and whether a changed one is taken for genuine."""
    targets: dict[str, tuple[bytes, Callable[[bytes], bool]]] = {}
    master = LocalMasterKey(os.urandom(32))
    for suite in ("AES-256-GCM", "SM4-GCM"):
        kept: dict[str, bytes] = {}
        wrapped = new_data_key(master, suite=suite)
        key = open_data_key(master, wrapped, person_keys=lambda _, kept=kept: kept)  # type: ignore[misc]
        kept["per_1"] = key.new_person_key("per_1")
        person = key.open_person_key("per_1", kept["per_1"])
        plain = os.urandom(300)

        def opens(sealed: bytes, key: Any = key) -> bool:
            return _quiet(lambda: key.unseal(sealed, context="here"))

        def streams(sealed: bytes, key: Any = key) -> bool:
            return _quiet(lambda: b"".join(key.open_stream(io.BytesIO(sealed), context="here")))

        def unwraps(sealed: bytes, key: Any = key) -> bool:
            return _quiet(lambda: key.open_person_key("per_1", sealed) if sealed else _refuse())

        out = io.BytesIO()
        key.seal_stream(io.BytesIO(os.urandom(200_000)), out, context="here")
        targets |= {
            f"record, tenant's key, {suite}": (key.seal(plain, context="here"), opens),
            f"record, person's key, {suite}": (person.seal(plain, context="here"), opens),
            f"stream, {suite}": (out.getvalue(), streams),
            f"wrapped key of a person, {suite}": (kept["per_1"], unwraps),
            f"wrapped data key, {suite}": (wrapped, lambda changed: _quiet(lambda: open_data_key(master, changed))),
            f"token, {suite}": (
                key.token("letter.check", "ltr_1").encode(),
                lambda changed, key=key: key.verify_token(  # type: ignore[misc]
                    changed.decode("latin-1"), "letter.check", "ltr_1"
                ),
            ),
        }
    keys = new_keys()
    record = Renderer(house_template(letter(1).kind)).render(letter(1)).pdf
    proof, trust = bundle(keys, letter_files(keys, record)), keys.trust()
    targets["bundle"] = (proof, lambda changed: _bundle(changed, trust))
    return targets


def _quiet(opens: Callable[[], object]) -> bool:
    try:
        opens()
    except (Unsealable, WrongMasterKey):
        return False
    return True


def _refuse() -> None:
    raise Unsealable(reason="empty")


def _bundle(data: bytes, trust: Trust) -> bool:
    try:
        verify_bundle(data, trust)
    except BadBundle:
        return False
    return True


def _arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutations", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
