"""What `current_octaspace` stands for: of which app, copied and patched; the extension is not copied."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
from flask import Flask

from flask_octaspace import OctaSpace, current_octaspace

KEY = "sk-very-secret-key"


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, pickle.dumps])
def test_the_extension_refuses_and_says_what_to_do(way: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match=r"^OctaSpace .*use the same object everywhere") as caught:
        way(OctaSpace(api_key=KEY))
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("scope", ["app", "context"])
def test_the_current_client(scope: Any) -> None:
    app = Flask(__name__)
    octa = OctaSpace(app, api_key=KEY, client_scope=scope)
    with app.app_context():
        twin = copy.copy(current_octaspace)
        assert (type(twin), twin.config) == (type(octa.client), octa.client.config)
        for thing in (current_octaspace, [octa.client]):
            with pytest.raises(TypeError, match=r"Client.*from_config") as caught:
                copy.deepcopy(thing)
            assert KEY not in str(caught.value)
        for thing in (current_octaspace.nodes, octa.client):
            with pytest.raises(TypeError, match=r"from_config"):
                pickle.dumps(thing)
    octa.close(app)


def test_methods_of_the_current_client_can_be_patched() -> None:
    app = Flask(__name__)
    octa = OctaSpace(app, api_key=KEY)
    with app.app_context():
        with patch.object(current_octaspace.nodes, "list", return_value="nodes"):
            assert octa.client.nodes.list() == "nodes"
        with patch.object(octa.client, "nodes") as nodes:
            assert current_octaspace.nodes is nodes
        assert not vars(octa.client.nodes)
    octa.close(app)


def test_the_client_and_options_of_each_app() -> None:
    octa = OctaSpace()
    apps = [Flask("shop"), Flask("staging")]
    seen = []
    for app, key in zip(apps, ("key of the shop", "key of staging"), strict=True):
        app.config["OCTASPACE_API_KEY"] = key
        octa.init_app(app)
    for app in (*apps, apps[0]):
        with app.app_context():
            assert current_octaspace._get_current_object() is octa.client
            seen.append(octa.client)
    assert [client.config.api_key for client in seen] == [
        "key of the shop",
        "key of staging",
        "key of the shop",
    ]
    assert seen[0] is seen[2]
    for app in apps:
        octa.close(app)
