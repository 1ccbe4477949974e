"""`songda signature`: certificates of lawyers and firms, and electronic signatures of the PDFs of record."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from songda.base import days
from songda.cli.letters import ask_password, read_key
from songda.cli.opening import JsonFlag, TenantName, open_house, print_json
from songda.cli.tables import print_table

if TYPE_CHECKING:
    from songda.signatures import VerifyingKey

signature = typer.Typer(help="Electronic signatures: certificate, import, sign.", no_args_is_help=True)

Certificate = Annotated[
    Path | None, typer.Option(help="PEM of the certificate, where it does not lie in the key's own file.")
]


def add_to(app: typer.Typer) -> None:
    app.add_typer(signature, name="signature")


@signature.command("certificate")
def certificate_(
    file: Annotated[Path, typer.Argument(help="PEM with a certificate, or PKCS#12 (asks for its password).")],
    name: Annotated[str | None, typer.Option(help="Lawyer or firm whose certificate it should be.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show a certificate, whether one may sign with it today, and the PEM that goes into the profile.

    Example: songda signature certificate lawyer.p12 --name 刘正言
    """
    from songda.signatures import SCHEMES_ZH, UnfitKey, check, open_signer, verifying_keys

    data = read_key(file)
    key = verifying_keys(data)[0] if b"-----BEGIN " in data else open_signer(data, ask_password(confirm=False)).key
    certificate = key.certificate
    if certificate is None:
        raise UnfitKey("no certificate")
    refused = None
    try:
        check(certificate, names=[name] if name else certificate.names, at=days.now())
    except UnfitKey as error:
        refused = error
    if as_json:
        print_json({**_facts(key), "fit": refused is None, "reason": refused and refused.data["reason"]})
    else:
        facts = _facts(key)
        print_table(
            "证书",
            ("项目", "内容"),
            [
                ("持有人", facts["subject"]),
                ("签发者", facts["issuer"]),
                ("有效期", f"{facts['not_before']} 至 {facts['not_after']}"),
                ("算法", SCHEMES_ZH[key.scheme]),
                ("指纹（SHA-256）", facts["fingerprint"]),
                ("可否签名", "可以" if refused is None else refused.message_zh),
            ],
        )
        typer.echo("填入机构档案（律师：[[lawyers]] 的 public_key；律所电子签名：[signature] 的 certificate）：")
        typer.echo(key.pem, nl=False)
    if refused is not None:
        raise typer.Exit(refused.exit_code)


@signature.command("import")
def import_(
    key: Annotated[Path, typer.Argument(help="The firm's private key, encrypted: PEM (PKCS#8) or PKCS#12.")],
    certificate: Certificate = None,
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Seal the private key of the certificate that the profile names in [signature]. PDFs of record are signed with it.

    Example: songda signature import firm.p12
    """
    from songda.flow.audit import write_audit
    from songda.flow.signatures import keep_key

    with open_house(tenant) as house:
        signer = keep_key(
            house.home,
            house.tenant,
            read_key(key),
            password=ask_password(confirm=False),
            certificate=None if certificate is None else read_key(certificate),
            at=days.now(),
        )
        facts = _facts(signer.key)
        with house.engine.begin() as connection:
            write_audit(
                connection,
                at=days.now(),
                actor="operator",
                action="signature.import",
                object_id=house.tenant.id,
                details={"certificate_sha256": facts["fingerprint"]},
            )
    if as_json:
        print_json(facts)
    else:
        typer.echo(f"已封存私钥（证书指纹 {facts['fingerprint']}）。原文件请移出本机妥善保管。")


@signature.command()
def sign(tenant: TenantName = None, as_json: JsonFlag = False) -> None:
    """Sign every PDF of record that bears no electronic signature yet. What is printed does not change.

    Example: songda signature sign
    """
    from songda.flow.signatures import NoSigningCertificate, sign_records

    with open_house(tenant) as house:
        if house.tenant.profile.signature.certificate is None:
            raise NoSigningCertificate
        done = sign_records(house.engine, house.tenant, home=house.home, at=days.now())
    if as_json:
        print_json({"signed": done.signed, "left": done.left})
    else:
        typer.echo(f"已签名 {done.signed} 份，未签名 {done.left} 份")
    if done.error is not None:
        raise done.error


def _facts(key: VerifyingKey) -> dict[str, object]:
    certificate = key.certificate
    assert certificate is not None
    return {
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "not_before": certificate.not_before.date().isoformat(),
        "not_after": certificate.not_after.date().isoformat(),
        "scheme": key.scheme,
        "fingerprint": certificate.fingerprint,
    }
