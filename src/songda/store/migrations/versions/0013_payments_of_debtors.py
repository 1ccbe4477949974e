"""What debtors have paid, as the institution tells it

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "payment",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("lookup", sa.String(length=64), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_payment_tenant_id")),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_payment_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment")),
        sa.UniqueConstraint("tenant_id", "lookup", name=op.f("uq_payment_tenant_id_lookup")),
    )
    op.create_index(op.f("ix_payment_tenant_id"), "payment", ["tenant_id"])
    op.create_index(op.f("ix_payment_case_id"), "payment", ["case_id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_payment_case_id"), table_name="payment")
    op.drop_index(op.f("ix_payment_tenant_id"), table_name="payment")
    op.drop_table("payment")
