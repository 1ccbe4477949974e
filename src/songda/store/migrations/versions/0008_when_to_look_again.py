"""From when on an attempt is to be folded again

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("attempt", sa.Column("look_at", sa.DateTime(timezone=True), nullable=True))
    # Whatever has left the house is looked at once: what is due, and when the rest is, the next settling finds out.
    op.execute("UPDATE attempt SET look_at = '1970-01-01 00:00:00+00:00' WHERE posted_on IS NOT NULL")
    op.create_index(op.f("ix_attempt_look_at"), "attempt", ["look_at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_attempt_look_at"), "attempt")
    op.drop_column("attempt", "look_at")
