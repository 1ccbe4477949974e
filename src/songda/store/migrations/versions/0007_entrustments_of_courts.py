"""Entrustments of courts, and the letters that forward their documents

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "entrustment",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document_sha256", sa.String(length=64), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("entrusted_on", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_by", sa.String(length=80), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_by", sa.String(length=80), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_entrustment_tenant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entrustment")),
    )
    op.create_index(op.f("ix_entrustment_tenant_id"), "entrustment", ["tenant_id"])
    op.create_index(op.f("ix_entrustment_state"), "entrustment", ["state"])
    op.create_table(
        "forwarded",
        sa.Column("letter_id", sa.String(length=40), nullable=False),
        sa.Column("entrustment_id", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["letter_id"], ["letter.id"], name=op.f("fk_forwarded_letter_id")),
        sa.ForeignKeyConstraint(["entrustment_id"], ["entrustment.id"], name=op.f("fk_forwarded_entrustment_id")),
        sa.UniqueConstraint("letter_id", name=op.f("uq_forwarded_letter_id")),
    )
    op.create_index(op.f("ix_forwarded_letter_id"), "forwarded", ["letter_id"])
    op.create_index(op.f("ix_forwarded_entrustment_id"), "forwarded", ["entrustment_id"])


def downgrade() -> None:
    op.drop_table("forwarded")
    op.drop_table("entrustment")
