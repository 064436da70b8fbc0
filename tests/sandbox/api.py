"""A plain client of the API: requests with a key, and nothing clever."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import requests


class Api:
    """Calls one endpoint with one key; a relative path is sent as it stands."""

    def __init__(self, url: str, key: str | None = "sk-any") -> None:
        self.url, self.key = url, key
        self.session = requests.Session()
        self.session.trust_env = False

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {} if self.key is None else {"Authorization": self.key}
        return self.session.request(
            method,
            self.url + path,
            headers={**headers, **options.pop("headers", {})},
            timeout=options.pop("timeout", 10),
            allow_redirects=False,
            **options,
        )

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.call("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> requests.Response:
        return self.call("POST", path, json=body, **options)

    def json(self, path: str) -> Any:
        """The JSON of a GET that must succeed."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def balance(self) -> int:
        amount = self.json("/accounts/balance")["balance"]
        assert isinstance(amount, int)
        return amount

    def rent(self, node_id: int = 9101, **item: Any) -> str:
        """Rent an available machine; return its uuid."""
        item = {"node_id": node_id, "disk_size": 10, "image": "ubuntu:24.04", **item}
        [result] = self.post("/services/mr", [item]).json()
        assert "uuid" in result, result
        return str(result["uuid"])

    def close(self) -> None:
        self.session.close()


MakeApi = Callable[..., Api]
