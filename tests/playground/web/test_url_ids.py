"""Ids of the API in URLs: whatever they contain, the URL leads to the page of that id."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from flask import Flask, url_for

from playground.web.url_ids import links


@pytest.mark.parametrize(
    "id", ["9001", "a b", "a/b", "a%2Fb", "100%", ".", "..", "a.b", "?x=1#y", "größe", '"<&', "~_-+"]
)
@pytest.mark.parametrize(("endpoint", "name"), [("nodes.show", "node_id"), ("sessions.show", "uuid")])
def test_an_id_arrives_as_it_is(app: Flask, endpoint: str, name: str, id: str) -> None:
    with app.test_request_context():
        url = url_for(endpoint, **{name: id})
        assert links(endpoint, name)(id) == url
    # Gunicorn decodes the path once; browsers resolve segments of dots in it.
    assert not {".", ".."} & set(unquote(url).split("/"))
    assert app.url_map.bind("localhost").match(unquote(url)) == (endpoint, {name: id})
