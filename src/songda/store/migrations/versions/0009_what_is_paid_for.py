"""A reservation is for an attempt, or for a piece sent in place of a lost one

Revision ID: 0009
Revises: 0008
"""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    with op.batch_alter_table("reservation") as table:
        table.alter_column("attempt_id", new_column_name="object_id")


def downgrade() -> None:
    with op.batch_alter_table("reservation") as table:
        table.alter_column("object_id", new_column_name="attempt_id")
