"""What recipients answer on the page behind their letter's code

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "recipient_answer",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("letter_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["letter_id"], ["letter.id"], name=op.f("fk_recipient_answer_letter_id")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_recipient_answer_tenant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recipient_answer")),
    )
    op.create_index(op.f("ix_recipient_answer_letter_id"), "recipient_answer", ["letter_id"])
    op.create_index(op.f("ix_recipient_answer_tenant_id"), "recipient_answer", ["tenant_id"])


def downgrade() -> None:
    op.drop_table("recipient_answer")
