"""What an institution has decided about its rules

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "rule_change",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document_sha256", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("proposed_by", sa.String(length=80), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by", sa.String(length=80), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_rule_change_tenant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_change")),
        sa.UniqueConstraint("tenant_id", "number", name=op.f("uq_rule_change_tenant_id_number")),
    )
    op.create_index(op.f("ix_rule_change_tenant_id"), "rule_change", ["tenant_id"])
    op.create_index(op.f("ix_rule_change_state"), "rule_change", ["state"])


def downgrade() -> None:
    # Without them letters would go that two persons have decided to stop.
    if op.get_bind().scalar(sa.text("SELECT count(*) FROM rule_change")):
        raise RuntimeError("there are changes of rules: restore the backup of before the upgrade instead")
    op.drop_table("rule_change")
