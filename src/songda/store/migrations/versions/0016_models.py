"""Models with what they learn from: promises, types of places, contacts that can be compared, and what was said of each letter

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    for column in ("promises_made", "promises_kept"):
        op.add_column("case", sa.Column(column, sa.Integer(), nullable=True))
    op.add_column("case", sa.Column("last_answered_on", sa.Date(), nullable=True))
    op.add_column("address_record", sa.Column("place_type", sa.String(length=40), nullable=True))
    op.create_table(
        "contact_record",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=True),
        sa.Column("relation", sa.String(length=40), nullable=True),
        sa.Column("named_by", sa.String(length=40), nullable=True),
        sa.Column("number_state", sa.String(length=40), nullable=True),
        sa.Column("answer", sa.String(length=40), nullable=True),
        sa.Column("same_surname", sa.Boolean(), nullable=True),
        sa.Column("known_region", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_contact_record_person_id")),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_contact_record_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_record")),
    )
    op.create_index(op.f("ix_contact_record_person_id"), "contact_record", ["person_id"])
    op.create_index(op.f("ix_contact_record_case_id"), "contact_record", ["case_id"])
    op.create_table(
        "model",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(length=80), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("card", sa.JSON(), nullable=False),
        sa.Column("trained_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trained_by", sa.String(length=80), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_by", sa.String(length=80), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_model_tenant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model")),
        sa.UniqueConstraint("tenant_id", "kind", "number", name=op.f("uq_model_tenant_id_kind_number")),
    )
    op.create_index(op.f("ix_model_tenant_id"), "model", ["tenant_id"])
    op.create_index(op.f("ix_model_state"), "model", ["state"])
    op.create_table(
        "prediction",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("letter_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("model", sa.String(length=80), nullable=False),
        sa.Column("record_id", sa.String(length=40), nullable=True),
        sa.Column("chance", sa.Float(), nullable=True),
        sa.Column("value_fen", sa.BigInteger(), nullable=True),
        sa.Column("propensity", sa.Float(), nullable=True),
        sa.Column("explored", sa.Boolean(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("inputs", sa.JSON(), nullable=True),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["letter_id"], ["letter.id"], name=op.f("fk_prediction_letter_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prediction")),
    )
    op.create_index(op.f("ix_prediction_letter_id"), "prediction", ["letter_id"])


def downgrade() -> None:
    # What was decided by a model could not be explained any more.
    if op.get_bind().scalar(sa.text("SELECT count(*) FROM model")):
        raise RuntimeError("there are models: restore the backup of before the upgrade instead")
    for table in ("prediction", "model", "contact_record"):
        op.drop_table(table)
    op.drop_column("address_record", "place_type")
    for column in ("last_answered_on", "promises_kept", "promises_made"):
        op.drop_column("case", column)
