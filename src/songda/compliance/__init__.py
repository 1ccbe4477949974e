"""The compliance engine: rules as data, evaluated over frames, failing closed; and a linter for what letters say.

>>> import polars as pl
>>> rules = load_rules()
>>> action = pl.DataFrame({"action_id": ["ltr_1"], "debtor.state": ["deceased"]})
>>> verdict = rules.evaluate(action, scope="lawyer_letter", gate="hand_over").row(0, named=True)
>>> verdict["verdict"], verdict["rules"]
('block', ['S01', 'S02', 'S05', 'S07'])

>>> hits("三日内不还就让你坐牢")["threat"]
1

>>> Judge(rules, scope="call", gate="lock")({"debtor.state": "deceased"}).verdict           # one action, without a frame
'block'

Rules, facts and word lists are the YAML files of this package; the rule language is described in `language`, what a
verdict holds in `verdict`. A fact that is absent, null or cannot be meant counts as a violation.
"""

from songda.compliance.changes import OWN_RULE, Change, read_change
from songda.compliance.errors import (
    BadActions,
    BrokenRule,
    IllegalExpression,
    LooserThanRule,
    NoRuleSet,
    NoRulesHere,
    UnknownGate,
    UnknownRule,
    UnknownScope,
    WrongFactType,
)
from songda.compliance.facts import NEVER, fact_zh
from songda.compliance.lint import Hit, cover_hits, hit_counts, hits, lint, lint_cover, lint_paragraphs, lint_version
from songda.compliance.ruleset import GATES, Rule, RuleSet, load_rules
from songda.compliance.single import Judge, Verdict

__all__ = [
    "GATES",
    "NEVER",
    "OWN_RULE",
    "BadActions",
    "BrokenRule",
    "Change",
    "Hit",
    "IllegalExpression",
    "Judge",
    "LooserThanRule",
    "NoRuleSet",
    "NoRulesHere",
    "Rule",
    "RuleSet",
    "UnknownGate",
    "UnknownRule",
    "UnknownScope",
    "Verdict",
    "WrongFactType",
    "cover_hits",
    "fact_zh",
    "hit_counts",
    "hits",
    "lint",
    "lint_cover",
    "lint_paragraphs",
    "lint_version",
    "load_rules",
    "read_change",
]
