"""An index on the decisions of a stage and day

Revision ID: 0005
Revises: 0004
"""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_index("ix_decision_stage_on_day", "decision", ["stage", "on_day"])


def downgrade() -> None:
    op.drop_index("ix_decision_stage_on_day", "decision")
