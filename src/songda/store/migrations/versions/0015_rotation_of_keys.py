"""Since when nothing is known that only an old secret of a tenant's data key opens

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    # Only added to: a program of before it neither reads nor writes the column.
    op.add_column("tenant", sa.Column("old_key_unused_since", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    # A key that was rotated has a form that the program of before cannot open; nothing here tells, so the operator must know.
    op.drop_column("tenant", "old_key_unused_since")
