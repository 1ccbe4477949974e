"""Stop orders

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "stop_order",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("scope", sa.String(length=40), nullable=False),
        sa.Column("object_id", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_stop_order_tenant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stop_order")),
    )
    with op.batch_alter_table("stop_order", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_stop_order_object_id"), ["object_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_stop_order_state"), ["state"], unique=False)
        batch_op.create_index(batch_op.f("ix_stop_order_tenant_id"), ["tenant_id"], unique=False)


def downgrade() -> None:
    op.drop_table("stop_order")
