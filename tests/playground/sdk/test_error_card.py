"""Cards of errors: their message without pages of HTML."""

from __future__ import annotations

import pytest

from ..browsing import Visitor, text_of
from ..small_api import HTML, Answer, SmallApi


@pytest.mark.parametrize(("status", "kind"), [(403, "PermissionError"), (502, "BadGatewayError")])
def test_a_page_of_html_is_named_and_not_shown(
    guest: Visitor, small_api: SmallApi, status: int, kind: str
) -> None:
    small_api.answers["GET /nodes"] = Answer(HTML, status)
    (card,) = guest.page("/playground/nodes").select(".problem")
    message = text_of(card.select(".problem-message")[0])
    assert kind in text_of(card)
    assert message.startswith(f"GET /nodes: {status}:")
    assert "HTML" in message
    assert "Maintenance" not in message
    link = next(str(each["href"]) for each in card.select("a") if "/requests/" in str(each["href"]))
    assert "Maintenance" in guest.page(link).get_text(), "the request log has the whole body"
