"""The zone for which an attempt was quoted

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("attempt", sa.Column("zone", sa.String(length=40), nullable=True))


def downgrade() -> None:
    op.drop_column("attempt", "zone")
