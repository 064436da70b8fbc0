"""QR codes as SVG that fits its box, black on white whatever the theme."""

from __future__ import annotations

import segno
from markupsafe import Markup
from segno.encoder import DataOverflowError

__all__ = ["qr_code"]


def qr_code(text: str) -> Markup | None:
    """The code of a text; None when there is more text than a code can hold.

    Without `omitsize`, the image has a fixed size, and a style sheet that reduces it cuts it off.
    """
    try:
        code = segno.make_qr(text, error="m", boost_error=False)
    except DataOverflowError:
        return None
    return Markup(code.svg_inline(omitsize=True, dark="#000", light="#fff", border=4))  # noqa: S704
