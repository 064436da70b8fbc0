from __future__ import annotations

import pytest
from app import create_app
from flask.testing import FlaskClient

from octaspace.sandbox import SandboxServer


@pytest.fixture
def web(octaspace_sandbox: SandboxServer) -> FlaskClient:
    app = create_app(
        TESTING=True,
        OCTASPACE_API_KEY=octaspace_sandbox.api_key,
        OCTASPACE_BASE_URLS=octaspace_sandbox.urls,
        OCTASPACE_RETRY_INTERVAL=0,
    )
    return app.test_client()
