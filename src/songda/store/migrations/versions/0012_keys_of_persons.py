"""A key of each person's own, which can be destroyed

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "person_key",
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("destroyed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_person_key")),
    )


def downgrade() -> None:
    # What the keys sealed could never be opened again.
    if op.get_bind().scalar(sa.text("SELECT count(*) FROM person_key")):
        raise RuntimeError("there are keys of persons: restore the backup of before the upgrade instead")
    op.drop_table("person_key")
