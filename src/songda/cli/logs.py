"""Logs are events with fields, one JSON object a line, on stderr: stdout belongs to the result."""

from __future__ import annotations

import sys


def to_stderr() -> None:
    """Call before anything that may log. Not at module level: `--help` need not pay for structlog."""
    import structlog

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(),
        ],
        # Whatever stderr is when something is logged, and not when this was called.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
