"""Letters: what a letter says, its PDF of record, the lawyer's approval, and the print run that is made of those PDFs.

    template = house_template("lawyer_letter")                  # or a firm's own: parse(text)
    rendered = Renderer(template).render(content)               # .pdf (PDF/A-2a), .pages, .sha256
    for letter_id, result in render_many(contents, workers=2):  # Rendered or RenderFailure, in order
        ...
    verify(approval, public_pem)                                # quiet, or raises ApprovalVoid
    sealed = seal(content, approval, item, template_hash=template_hash(template))
    manifest = build_run(pieces, run_id=run_id, job=7, day=day, products=load_products(), write=keep)
    verify_print(data, name, manifest, records) == []           # each page printed is its record plus its stamps

A letter that cannot be printed rightly is held: BadContent (sums, dates), MissingGlyph (rare or private-use characters).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from songda.letters.approval import (
        Approval,
        ApprovalItem,
        ApprovalList,
        ApprovalVoid,
        Pulled,
        exceptions_hash,
        new_lawyer_key,
        seal,
        sign,
        signing_key_of,
        verify,
        verify_list,
    )
    from songda.letters.checking import (
        check,
        finding_zh,
    )
    from songda.letters.codes import (
        BadSheetCode,
        SheetCode,
        parse_sheet_code,
    )
    from songda.letters.content import (
        TITLES,
        Addressee,
        Content,
        DebtLine,
        Firm,
        Institution,
        Kind,
        Lawyer,
        Mandate,
        RepayAccount,
        Seal,
        from_json,
        present_fields,
        problems,
        texts,
        to_json,
    )
    from songda.letters.drawing import (
        picture,
        picture_of_zones,
    )
    from songda.letters.errors import (
        BadContent,
        BadTemplate,
        MissingGlyph,
        NotAnImprint,
        NotAWordFile,
        RenderFailed,
        TemplateChanged,
        UnknownImprint,
    )
    from songda.letters.forwarding import (
        Entrusted,
        Forwarded,
        NotEntrusted,
        check_forward,
        forward,
        lawyers_among,
    )
    from songda.letters.glyphs import (
        missing_glyphs,
    )
    from songda.letters.imprint import (
        BOXES,
        ImprintUse,
        from_scan,
        imprint_id,
        size_of,
    )
    from songda.letters.inserter import (
        TOLERANCE,
        Expected,
        NotAnInserterFile,
        Outcome,
        Refused,
        expected_pieces,
        inserter_csv,
        output_csv,
        read_inserter,
        read_output,
    )
    from songda.letters.manifest import (
        Annex,
        FileRow,
        Manifest,
        PieceRow,
        PostingRow,
        posting_csv,
    )
    from songda.letters.omr import BadMarks, Omr, parse_omr
    from songda.letters.packing import Packing
    from songda.letters.pool import (
        RenderFailure,
        render_many,
    )
    from songda.letters.postage import (
        BadProducts,
        Envelope,
        Postage,
        Product,
        Products,
        TooHeavy,
        choose,
        load_products,
        sheets_of,
        weigh,
    )
    from songda.letters.preflighting import (
        Preflight,
        preflight,
        preflight_document,
        preflight_print,
        problem_zh,
    )
    from songda.letters.printed import Passage, passages
    from songda.letters.proofreading import Proof, proofread
    from songda.letters.render import (
        Rendered,
        Renderer,
    )
    from songda.letters.run import (
        Document,
        DocumentChanged,
        Piece,
        PiecesUnfit,
        build_run,
        verify_print,
    )
    from songda.letters.shelf import (
        Version,
        in_force,
        take,
        versions,
    )
    from songda.letters.specimen import (
        anonymous,
        invented,
    )
    from songda.letters.template import (
        Template,
        extra_problems,
        house_template,
        parse,
        template_hash,
        template_text,
    )
    from songda.letters.windows import shows_body
    from songda.letters.word import (
        Imported,
        import_word,
    )
    from songda.letters.wording import (
        Finding,
        place_of,
    )

# typst, pikepdf and zxing-cpp load with the first name that needs them, so that `songda --help` stays quick.
_HOMES = {
    "approval": (
        "Approval",
        "ApprovalItem",
        "ApprovalList",
        "ApprovalVoid",
        "Pulled",
        "exceptions_hash",
        "new_lawyer_key",
        "seal",
        "sign",
        "signing_key_of",
        "verify",
        "verify_list",
    ),
    "checking": (
        "check",
        "finding_zh",
    ),
    "codes": (
        "BadSheetCode",
        "SheetCode",
        "parse_sheet_code",
    ),
    "content": (
        "TITLES",
        "Addressee",
        "Content",
        "DebtLine",
        "Firm",
        "Institution",
        "Kind",
        "Lawyer",
        "Mandate",
        "RepayAccount",
        "Seal",
        "from_json",
        "present_fields",
        "problems",
        "texts",
        "to_json",
    ),
    "drawing": ("picture", "picture_of_zones"),
    "errors": (
        "BadContent",
        "BadTemplate",
        "MissingGlyph",
        "NotAWordFile",
        "NotAnImprint",
        "RenderFailed",
        "TemplateChanged",
        "UnknownImprint",
    ),
    "forwarding": (
        "Entrusted",
        "Forwarded",
        "NotEntrusted",
        "check_forward",
        "forward",
        "lawyers_among",
    ),
    "glyphs": ("missing_glyphs",),
    "imprint": ("BOXES", "ImprintUse", "from_scan", "imprint_id", "size_of"),
    "inserter": (
        "TOLERANCE",
        "Expected",
        "NotAnInserterFile",
        "Outcome",
        "Refused",
        "expected_pieces",
        "inserter_csv",
        "output_csv",
        "read_inserter",
        "read_output",
    ),
    "manifest": (
        "Annex",
        "FileRow",
        "Manifest",
        "PieceRow",
        "PostingRow",
        "posting_csv",
    ),
    "omr": ("BadMarks", "Omr", "parse_omr"),
    "packing": ("Packing",),
    "pool": (
        "RenderFailure",
        "render_many",
    ),
    "postage": (
        "BadProducts",
        "Envelope",
        "Postage",
        "Product",
        "Products",
        "TooHeavy",
        "choose",
        "load_products",
        "sheets_of",
        "weigh",
    ),
    "preflighting": (
        "Preflight",
        "preflight",
        "preflight_document",
        "preflight_print",
        "problem_zh",
    ),
    "printed": ("Passage", "passages"),
    "proofreading": ("Proof", "proofread"),
    "render": (
        "Rendered",
        "Renderer",
    ),
    "run": (
        "Document",
        "DocumentChanged",
        "Piece",
        "PiecesUnfit",
        "build_run",
        "verify_print",
    ),
    "shelf": (
        "Version",
        "in_force",
        "take",
        "versions",
    ),
    "specimen": ("anonymous", "invented"),
    "template": (
        "Template",
        "extra_problems",
        "house_template",
        "parse",
        "template_hash",
        "template_text",
    ),
    "windows": ("shows_body",),
    "word": (
        "Imported",
        "import_word",
    ),
    "wording": (
        "Finding",
        "place_of",
    ),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "BOXES",
    "TITLES",
    "TOLERANCE",
    "Addressee",
    "Annex",
    "Approval",
    "ApprovalItem",
    "ApprovalList",
    "ApprovalVoid",
    "BadContent",
    "BadMarks",
    "BadProducts",
    "BadSheetCode",
    "BadTemplate",
    "Content",
    "DebtLine",
    "Document",
    "DocumentChanged",
    "Entrusted",
    "Envelope",
    "Expected",
    "FileRow",
    "Finding",
    "Firm",
    "Forwarded",
    "Imported",
    "ImprintUse",
    "Institution",
    "Kind",
    "Lawyer",
    "Mandate",
    "Manifest",
    "MissingGlyph",
    "NotAWordFile",
    "NotAnImprint",
    "NotAnInserterFile",
    "NotEntrusted",
    "Omr",
    "Outcome",
    "Packing",
    "Passage",
    "Piece",
    "PieceRow",
    "PiecesUnfit",
    "Postage",
    "PostingRow",
    "Preflight",
    "Product",
    "Products",
    "Proof",
    "Pulled",
    "Refused",
    "RenderFailed",
    "RenderFailure",
    "Rendered",
    "Renderer",
    "RepayAccount",
    "Seal",
    "SheetCode",
    "Template",
    "TemplateChanged",
    "TooHeavy",
    "UnknownImprint",
    "Version",
    "anonymous",
    "build_run",
    "check",
    "check_forward",
    "choose",
    "exceptions_hash",
    "expected_pieces",
    "extra_problems",
    "finding_zh",
    "forward",
    "from_json",
    "from_scan",
    "house_template",
    "import_word",
    "imprint_id",
    "in_force",
    "inserter_csv",
    "invented",
    "lawyers_among",
    "load_products",
    "missing_glyphs",
    "new_lawyer_key",
    "output_csv",
    "parse",
    "parse_omr",
    "parse_sheet_code",
    "passages",
    "picture",
    "picture_of_zones",
    "place_of",
    "posting_csv",
    "preflight",
    "preflight_document",
    "preflight_print",
    "present_fields",
    "problem_zh",
    "problems",
    "proofread",
    "read_inserter",
    "read_output",
    "render_many",
    "seal",
    "sheets_of",
    "shows_body",
    "sign",
    "signing_key_of",
    "size_of",
    "take",
    "template_hash",
    "template_text",
    "texts",
    "to_json",
    "verify",
    "verify_list",
    "verify_print",
    "versions",
    "weigh",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
