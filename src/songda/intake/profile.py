"""What holds for every case of a tenant: institution, law firm, lawyers, mandate, carrier contract, limits.

    profile = read_profile(Path("tenant.toml"))
    profile.facts(date(2026, 11, 24), lawyer="刘正言")["firm.licence"]     # "valid", "expired" or None
    profile.unstated()                                                    # ("institution.hardship_channel", …)

No fact has a default. What the file does not state stays None, so that the rule that needs it blocks the letter and
names the reason; only a statement that cannot be meant (a wrong type, an unknown key, a foreign repayment account)
is an error.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from songda.base.errors import SongdaError
from songda.intake.fields import field
from songda.intake.profile_messages import in_chinese

#: What `write_profile_template` puts where the person must write. Such a value states nothing.
TO_FILL = "【请填写】"


class ProfileError(SongdaError):
    zh = "机构资料 {file} 有 {count} 处问题：{problems}"
    remedy = "请按提示修改后重新导入；样例可用 songda template tenant.toml 生成"
    exit_code = 78


def _not_a_placeholder(value: Any) -> Any:
    return None if isinstance(value, str) and (TO_FILL in value or not value.strip()) else value


def _iso_days(values: Any) -> Any:
    """TOML has days of its own; a letter's values are kept as ISO text."""
    if not isinstance(values, dict):
        return values
    return {name: each.isoformat() if type(each) is date else each for name, each in values.items()}


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _ordered(values: NumberRange) -> NumberRange:
    if values.first and values.last and (len(values.first) != len(values.last) or values.first > values.last):
        raise ValueError("号段首尾不成一段")
    return values


Text = Annotated[Annotated[str, Field(max_length=300)] | None, BeforeValidator(_not_a_placeholder)]
Postcode = Annotated[Annotated[str, Field(pattern=r"^\d{6}$")] | None, BeforeValidator(_not_a_placeholder)]
Day = Annotated[date | None, BeforeValidator(_not_a_placeholder)]
Sha256 = Annotated[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None, BeforeValidator(_not_a_placeholder)]
Secret = Annotated[SecretStr | None, BeforeValidator(_not_a_placeholder)]
Texts = Annotated[tuple[str, ...] | None, BeforeValidator(_as_tuple)]
Fen = Annotated[int, Field(ge=0)] | None
Count = Annotated[int, Field(ge=0)] | None
PositiveNumber = Annotated[float, Field(gt=0, strict=False)] | None


class _Section(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


class RepayAccount(_Section):
    #: Must be the creditor's own name: nobody may be asked to pay into another's account.
    name: Text = None
    bank: Text = None
    number: Text = None


class Institution(_Section):
    """The creditor."""

    name: Text = None
    #: Unified social credit code (GB 32100), 18 characters.
    uscc: Annotated[
        Annotated[str, Field(pattern=r"^[0-9A-HJ-NPQRTUWXY]{18}$")] | None, BeforeValidator(_not_a_placeholder)
    ] = None
    address: Text = None
    phone: Text = None
    complaint_phone: Text = None
    query_channel: Text = None
    dispute_channel: Text = None
    hardship_channel: Text = None
    data_protection_contact: Text = None
    repay_accounts: Annotated[tuple[RepayAccount, ...] | None, BeforeValidator(_as_tuple)] = None
    #: Name of the institution's own application in which debts can be repaid.
    official_app: Text = None

    @model_validator(mode="after")
    def _accounts_are_the_creditors_own(self) -> Institution:
        for account in self.repay_accounts or ():
            if self.name is not None and account.name is not None and account.name != self.name:
                raise ValueError("收款账户的户名必须与机构名称一致")
        return self


class Firm(_Section):
    """The law firm in whose name letters go out."""

    name: Text = None
    licence_no: Text = None
    licence_valid_until: Day = None
    address: Text = None
    postcode: Postcode = None
    phone: Text = None
    #: https://host of the page on which a recipient checks a letter; printed as QR code and in words.
    check_url: Annotated[
        Annotated[str, Field(pattern=r"^https?://[^\s/]+$")] | None, BeforeValidator(_not_a_placeholder)
    ] = None
    #: Leading letters of letter numbers, e.g. LH.
    letter_series: Annotated[
        Annotated[str, Field(pattern=r"^[A-Z]{1,8}$")] | None, BeforeValidator(_not_a_placeholder)
    ] = None
    #: SHA-256 of the scanned seal that the vault keeps (songda imprint add). Unset: letters bear a drawn one.
    seal_imprint: Sha256 = None


class Lawyer(_Section):
    name: Text = None
    licence_no: Text = None
    licence_valid_until: Day = None
    phone: Text = None
    #: The firm has assigned this lawyer to the mandate.
    assigned: bool | None = None
    #: There is a conflict of interest.
    conflict: bool | None = None
    #: Letters this lawyer answers for in a day. Unset: nothing goes out.
    daily_max: Count = None
    #: PEM of what approvals are verified with: a public key (Ed25519) or a certificate; several while one replaces another.
    public_key: Annotated[Annotated[str, Field(max_length=40_000)] | None, BeforeValidator(_not_a_placeholder)] = None
    #: SHA-256 of the handwritten signature that the vault keeps. Unset: letters bear a line to be signed.
    signature_imprint: Sha256 = None


class Mandate(_Section):
    """The creditor's written mandate to the firm."""

    no: Text = None
    signed_on: Day = None
    valid_until: Day = None
    document_sha256: Sha256 = None


class Outsourcer(_Section):
    """One who contacts debtors for the institution under the record of entrusted processing: an agency, a firm, a robot."""

    #: Names it in permits and in the audit log.
    id: Annotated[
        Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,40}$")] | None, BeforeValidator(_not_a_placeholder)
    ] = None
    name: Text = None
    term_until: Day = None
    #: By what it may contact.
    channels: Annotated[tuple[Literal["call", "ai_call", "sms", "letter"], ...] | None, BeforeValidator(_as_tuple)] = (
        None
    )


class EntrustedProcessing(_Section):
    """The record that PIPL art. 21 asks for between the institution and those who process for it."""

    purpose: Text = None
    term_until: Day = None
    method: Text = None
    kinds: Texts = None
    safeguards: Text = None
    duties: Text = None
    #: The institution has agreed to further processors (print, carrier).
    sub_consent: bool | None = None
    outsourcers: Annotated[tuple[Outsourcer, ...] | None, BeforeValidator(_as_tuple)] = None


class ImpactAssessment(_Section):
    """PIPL art. 55 and 56, and the way to a person that art. 24 asks for."""

    id: Text = None
    done_on: Day = None
    human_route: Text = None


class NumberRange(_Section):
    first: Annotated[Annotated[str, Field(pattern=r"^[0-9A-Z]+$")] | None, BeforeValidator(_not_a_placeholder)] = None
    last: Annotated[Annotated[str, Field(pattern=r"^[0-9A-Z]+$")] | None, BeforeValidator(_not_a_placeholder)] = None


class Sender(_Section):
    """Whose name and address stand on waybill and envelope."""

    name: Text = None
    address: Text = None
    prov: Text = None
    city: Text = None
    county: Text = None
    postcode: Postcode = None
    phone: Text = None


class Label(_Section):
    """What the carrier's label hides of the recipient (GB/T 41833): stated by whoever has seen the label."""

    #: Characters of the name, digits of the phone number, and whether unit and room are hidden.
    hides_name: Count = None
    hides_phone: Count = None
    hides_room: bool | None = None


class Fallback(_Section):
    """An account at an aggregator, asked about waybills for which the carrier itself does not answer."""

    kind: Literal["kuaidi100", "kdniao"] | None = None
    #: 快递100: customer; 快递鸟: EBusinessID.
    customer: Text = None
    key: Secret = None
    key_env: Text = None
    key_file: Text = None
    #: 快递100: signs the pushes.
    salt: Secret = None
    salt_env: Text = None
    salt_file: Text = None
    #: The aggregator's code of the carrier.
    company: Text = None
    endpoint: Text = None
    request_type: Text = None
    phone_tail: Text = None
    calls_per_s: PositiveNumber = None

    def secrets(self, environ: Mapping[str, str]) -> tuple[str | None, str | None]:
        """Key and salt, from wherever the profile says they are. Raises ProfileError as `Carrier.secrets` does."""
        return (
            _secret(self.key, self.key_env, self.key_file, environ),
            _secret(self.salt, self.salt_env, self.salt_file, environ),
        )


class Carrier(_Section):
    """The contract with the carrier. Secrets stand here, in an environment variable or in a file; never in `repr`."""

    kind: Literal["china_post_ems"] | None = None
    #: How orders reach the carrier: its open platform, or posting lists in a folder.
    via: Literal["open_platform", "posting_files"] | None = None
    #: Posting lists: the folder of the exchange, and the prefix of the carrier's own tracking codes in our table.
    folder: Text = None
    code_prefix: Text = None
    endpoint: Text = None
    sender_no: Text = None
    authorization: Secret = None
    authorization_env: Text = None
    authorization_file: Text = None
    sign_key: Secret = None
    sign_key_env: Text = None
    sign_key_file: Text = None
    #: `bizProductNo` of the orders.
    product: Text = None
    #: 15-digit sellable product, for estimates of postage.
    product_code: Text = None
    contents_attribute: Text = None
    pickup_type: Text = None
    payment_mode: Text = None
    project_id: Text = None
    user_code: Text = None
    number_pattern: Text = None
    number_range: Annotated[NumberRange, AfterValidator(_ordered)] | None = None
    #: The contract promises that an order repeated under the same number is one order.
    orders_idempotent: bool | None = None
    label_type: Text = None
    #: Calls a second that the contract allows; seconds to wait for an answer; seconds by which the clocks may differ.
    calls_per_s: PositiveNumber = None
    timeout_s: PositiveNumber = None
    clock_tolerance_s: PositiveNumber = None
    fallback: Fallback = Fallback()
    label: Label = Label()
    sender: Sender = Sender()

    def secrets(self, environ: Mapping[str, str]) -> tuple[str | None, str | None]:
        """Authorization and sign key, from wherever the profile says they are; None where it does not say.

        Raises ProfileError for an environment variable that is not set or a file that cannot be read.
        """
        return (
            _secret(self.authorization, self.authorization_env, self.authorization_file, environ),
            _secret(self.sign_key, self.sign_key_env, self.sign_key_file, environ),
        )


def _secret(
    written: SecretStr | None, variable: str | None, file: str | None, environ: Mapping[str, str]
) -> str | None:
    if written is not None:
        return written.get_secret_value()
    if variable is not None:
        if not environ.get(variable):
            raise ProfileError(file="carrier", count=1, problems=f"环境变量 {variable} 没有设置")
        return environ[variable]
    if file is None:
        return None
    try:
        return Path(file).expanduser().read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(file="carrier", count=1, problems=f"密钥文件 {file} 读不了") from error


class Timestamp(_Section):
    """The authority that stamps print runs and bundles of evidence (RFC 3161). Unset: nothing is stamped, and proofs say so."""

    url: Annotated[
        Annotated[str, Field(pattern=r"^https?://[^\s/]+(/\S*)?$")] | None, BeforeValidator(_not_a_placeholder)
    ] = None
    #: PEM of the authority's root certificate.
    certificate: Annotated[Annotated[str, Field(max_length=20_000)] | None, BeforeValidator(_not_a_placeholder)] = None


class Signature(_Section):
    """The firm's electronic signature of its PDFs of record. Unset: they bear none, and proofs say so."""

    #: PEM of its certificate, and behind that of its issuers. RSA and ECDSA sign inside the PDF, SM2 beside it.
    certificate: Annotated[Annotated[str, Field(max_length=40_000)] | None, BeforeValidator(_not_a_placeholder)] = None
    #: False: no timestamp in each signature, though [timestamp] names an authority.
    timestamp: bool | None = None


class Exchange(_Section):
    """Files with persons between the institution and this house (songda.flow.exchange)."""

    #: Public key of the institution (age, X25519): what is handed back is encrypted to it. Unset: it is for the owner's eyes (0600).
    recipient: Annotated[
        Annotated[str, Field(pattern=r"^age1[02-9ac-hj-np-z]{58}$")] | None, BeforeValidator(_not_a_placeholder)
    ] = None
    #: True: case files and stop files that are not encrypted are refused.
    encrypted_only: bool | None = None


class Budget(_Section):
    """Limits. Unset: nothing goes out."""

    max_fen_per_run: Fen = None
    #: For all runs of one calendar month together; not a limit unless stated.
    max_fen_per_month: Fen = None
    min_amount_fen: Fen = None
    max_letters_per_day: Count = None


class Policy(_Section):
    #: A court's document is never forwarded by a run: it needs the court's entrustment for each letter.
    kinds: Annotated[
        tuple[Literal["lawyer_letter", "reminder", "mediation", "assignment_notice"], ...] | None,
        BeforeValidator(_as_tuple),
    ] = None
    #: Days between two letters to one debtor; a tenant may only be stricter than the 30 of rule T07.
    interval_days: Annotated[int, Field(ge=30)] | None = None
    pay_within_days: Annotated[int, Field(ge=1)] | None = None
    max_attempts: Annotated[int, Field(ge=1, le=5)] | None = None
    #: Grams of one sheet of A4 and of the envelope.
    paper_weight_g: Annotated[float, Field(gt=0, strict=False)] | None = None
    envelope_weight_g: Annotated[float, Field(gt=0, strict=False)] | None = None


class Contact(_Section):
    """Calls and texts; limits may only be stricter than those of the rules T01 to T06."""

    #: Where the debtors' own numbers in the case files come from. Unset: nobody may be called.
    phone_origin: Literal["contract", "reserved", "debtor_update"] | None = None
    #: Answered calls to one debtor, unanswered dials to one number.
    calls_per_day: Annotated[int, Field(ge=1, le=3)] | None = None
    dials_per_day: Annotated[int, Field(ge=1, le=6)] | None = None
    texts_per_week: Annotated[int, Field(ge=1, le=3)] | None = None
    #: Times of day.
    opens: Annotated[str, Field(pattern=r"^(0[89]|1\d|2[01]):[0-5]\d$")] | None = None
    closes: Annotated[str, Field(pattern=r"^((0[89]|1\d|2[01]):[0-5]\d|22:00)$")] | None = None


class Learning(_Section):
    """How much is left to chance, so that outcomes teach something; unset: nothing."""

    #: Share of letters whose address is drawn among the lawful ones.
    explore: Annotated[float, Field(ge=0, le=0.2, strict=False)] | None = None
    #: Share of debtors who are never written to by a run, so that the effect of a letter can be measured.
    hold_out: Annotated[float, Field(ge=0, le=0.2, strict=False)] | None = None


class Profile(_Section):
    """All that a tenant states. Sections that are absent state nothing."""

    institution: Institution = Institution()
    firm: Firm = Firm()
    lawyers: Annotated[tuple[Lawyer, ...], BeforeValidator(_as_tuple)] = ()
    mandate: Mandate = Mandate()
    #: What the institution keeps for every case: contract, disbursement, repayment_ledger, overdue_statement,
    #: identity …
    evidence_pack: Texts = None
    entrusted_processing: EntrustedProcessing = EntrustedProcessing()
    impact_assessment: ImpactAssessment = ImpactAssessment()
    #: Where the data lie, ISO 3166: CN.
    data_region: Text = None
    carrier: Carrier = Carrier()
    timestamp: Timestamp = Timestamp()
    signature: Signature = Signature()
    exchange: Exchange = Exchange()
    budget: Budget = Budget()
    policy: Policy = Policy()
    contact: Contact = Contact()
    learning: Learning = Learning()
    #: Values of the variables that the tenant's templates declare themselves: texts, whole numbers, yes or no; days in ISO.
    letter_values: Annotated[dict[str, str | int | bool] | None, BeforeValidator(_iso_days)] = None
    #: The institution's own headers → our fields, `mapping` of `read_cases`; "" leaves a column unread.
    columns: dict[str, str] | None = None

    @field_validator("columns")
    @classmethod
    def _columns_lead_to_fields(cls, columns: dict[str, str] | None) -> dict[str, str] | None:
        for key in (columns or {}).values():
            try:
                _ = field(key) if key else None
            except KeyError:
                raise ValueError(f"“{key}”不是已知的项目") from None
        return columns

    @model_validator(mode="after")
    def _lawyers_have_names_of_their_own(self) -> Profile:
        names = [lawyer.name for lawyer in self.lawyers if lawyer.name is not None]
        if len(set(names)) != len(names):
            raise ValueError("律师姓名重复")
        return self

    def lawyer(self, name: str | None = None) -> Lawyer | None:
        """The lawyer of that name; without a name the only one there is. None when it is not clear who is meant."""
        if name is None:
            return self.lawyers[0] if len(self.lawyers) == 1 else None
        return next((lawyer for lawyer in self.lawyers if lawyer.name == name), None)

    def facts(self, on: date, *, lawyer: str | None = None) -> dict[str, object]:
        """Facts by dotted name as rules ask for them on day `on`; what is not stated is None. See `profile_facts`."""
        from songda.intake.profile_facts import profile_facts

        return profile_facts(self, on=on, lawyer=lawyer)

    def unstated(self) -> tuple[str, ...]:
        """Dotted names of everything that the profile does not state."""
        lawyers = () if self.lawyers else ("lawyers",)
        return tuple(name for name, value in stated(self) if value is None) + lawyers


def stated(section: BaseModel, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Every leaf of a section under its dotted name; lists of sections are numbered from 0."""
    for name in type(section).model_fields:
        value, dotted = getattr(section, name), f"{prefix}{name}"
        if isinstance(value, BaseModel):
            yield from stated(value, f"{dotted}.")
        elif isinstance(value, tuple) and value and all(isinstance(each, BaseModel) for each in value):
            for number, each in enumerate(value):
                yield from stated(each, f"{dotted}.{number}.")
        elif dotted != "lawyers":
            yield dotted, value


def read_profile(path: Path) -> Profile:
    """The profile in a TOML file. Raises ProfileError, which names every wrong key but no value."""
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError as error:
        raise ProfileError(file=path.name, count=1, problems="找不到文件") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(file=path.name, count=1, problems="读不了，或不是 UTF-8 编码") from error
    return parse_profile(text, source=path.name)


def parse_profile(text: str, *, source: str = "tenant.toml") -> Profile:
    """The profile in a TOML text, e.g. one that was kept sealed; `source` names it in messages. Raises ProfileError."""
    try:
        return Profile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        place = str(error).rpartition("(")[2].rstrip(")") if "(" in str(error) else ""
        raise ProfileError(file=source, count=1, problems=f"不是有效的 TOML（{place}）") from None
    except ValidationError as error:
        # Only where and why: the values may be secrets.
        problems = in_chinese(error.errors(include_url=False, include_input=False))
        raise ProfileError(file=source, count=len(problems), problems="；".join(problems)) from None


def write_profile_template(path: Path) -> None:
    """Write a commented example whose every fact is still to be filled in: read as it is, it states nothing."""
    from importlib import resources

    from songda.intake.output import private_file

    with private_file(path) as draft:
        draft.write_bytes(resources.files(__package__).joinpath("profile_template.toml").read_bytes())
