"""Evidence: what proves that a letter was sent and arrived, in one file that a stranger can check.

    files = sealed(letter_files, header, key=signing_key(seed), stamp=None)
    data = write_archive(files)

    verdict = verify_bundle(data, trust)            # needs no database and no network; raises BadBundle
    verdict.exit_code, list(sentences(verdict))

Eight links of a chain (docs/evidence.md): content, time, paper, posting, address, transit, outcome, custody. A link that cannot be
shown is named as missing. The room stands above the other desks, whose functions it uses to compute anew what they once said:
the lawyer's signature, the grade. `python -m songda.evidence.verify` is the stranger's program.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from songda.evidence.archive import read_archive, write_archive
    from songda.evidence.authority import Stamper, answer_to, ask
    from songda.evidence.deposit import run_proof, run_statement
    from songda.evidence.errors import AuthorityUnreachable, BadBundle, BadTrust, UntrustedStamp
    from songda.evidence.hashing import canonical, digests
    from songda.evidence.manifest import check_seal, public_pem, sealed, signing_key
    from songda.evidence.outcome import OWN, shipped_tables
    from songda.evidence.report import Examined, examine
    from songda.evidence.summary import README, summary_html
    from songda.evidence.timestamp import read_stamp
    from songda.evidence.trust import Trust, certificates, read_trust
    from songda.evidence.verify import Verdict, read_bundle, sentences, trust_of, verify_bundle

_HOMES = {
    "archive": ("read_archive", "write_archive"),
    "authority": ("Stamper", "answer_to", "ask"),
    "deposit": ("run_proof", "run_statement"),
    "hashing": ("canonical", "digests"),
    "errors": ("AuthorityUnreachable", "BadBundle", "BadTrust", "UntrustedStamp"),
    "manifest": ("check_seal", "public_pem", "sealed", "signing_key"),
    "outcome": ("OWN", "shipped_tables"),
    "report": ("Examined", "examine"),
    "summary": ("README", "summary_html"),
    "timestamp": ("read_stamp",),
    "trust": ("Trust", "certificates", "read_trust"),
    "verify": ("Verdict", "read_bundle", "sentences", "trust_of", "verify_bundle"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "OWN",
    "README",
    "AuthorityUnreachable",
    "BadBundle",
    "BadTrust",
    "Examined",
    "Stamper",
    "Trust",
    "UntrustedStamp",
    "Verdict",
    "answer_to",
    "ask",
    "canonical",
    "certificates",
    "check_seal",
    "digests",
    "examine",
    "public_pem",
    "read_archive",
    "read_bundle",
    "read_stamp",
    "read_trust",
    "run_proof",
    "run_statement",
    "sealed",
    "sentences",
    "shipped_tables",
    "signing_key",
    "summary_html",
    "trust_of",
    "verify_bundle",
    "write_archive",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
