"""Reports of couriers, and the office of a fact to find what lies there

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "courier_report",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("attempt_id", sa.String(length=40), nullable=False),
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("body", sa.String(length=64), nullable=False),
        sa.Column("event_key", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.String(length=40), nullable=False),
        sa.Column("office", sa.String(length=16), nullable=False),
        sa.Column("holder", sa.String(length=80), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("slip_sha256", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_courier_report_tenant_id")),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_courier_report_attempt_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_courier_report")),
        sa.UniqueConstraint("tenant_id", "client_id", name=op.f("uq_courier_report_tenant_id_client_id")),
    )
    op.create_index(op.f("ix_courier_report_tenant_id"), "courier_report", ["tenant_id"])
    op.create_index(op.f("ix_courier_report_attempt_id"), "courier_report", ["attempt_id"])
    op.add_column("fact", sa.Column("office", sa.String(length=16), nullable=True))
    postgres = op.get_bind().dialect.name == "postgresql"
    office = "event ->> 'office'" if postgres else "json_extract(event, '$.office')"
    op.execute(f"UPDATE fact SET office = {office}")  # noqa: S608 - one of the two lines above
    op.create_index("ix_fact_office_op_time", "fact", ["office", "op_time"])


def downgrade() -> None:
    op.drop_index("ix_fact_office_op_time", "fact")
    op.drop_column("fact", "office")
    op.drop_table("courier_report")
