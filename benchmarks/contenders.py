"""The libraries that are compared, each with the same three calls.

Every library decodes the JSON it receives and checks the status, as its users would do.
"""

from __future__ import annotations

import http.client
import json
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import urlsplit

__all__ = ["CONTENDERS", "Contender"]

BALANCE, NODES, CREATE = "/accounts/balance", "/nodes", "/services/mr"
ITEM = {"id": 0, "node_id": 9101, "disk_size": 10, "image": "ubuntu:24.04", "app": "", "envs": {},
        "ports": [], "http_ports": [], "start_command": "", "entrypoint": ""}  # fmt: skip
_BODY = json.dumps([ITEM], separators=(",", ":")).encode()
_JSON = {"Authorization": "key", "Content-Type": "application/json"}


class Contender(Protocol):
    """One library, with a kept connection or a connection for each call."""

    def balance(self) -> Any: ...

    def nodes(self) -> Any: ...

    def create(self) -> Any: ...

    def close(self) -> None: ...


class _Plain:
    """Base class of the libraries without resource methods."""

    def get(self, path: str) -> Any:
        raise NotImplementedError

    def post(self, path: str) -> Any:
        raise NotImplementedError

    def balance(self) -> Any:
        return self.get(BALANCE)

    def nodes(self) -> Any:
        return self.get(NODES)

    def create(self) -> Any:
        return self.post(CREATE)

    def close(self) -> None:
        return None


class RawSocket(_Plain):
    """The lower bound: one send, and as many receives as the answer needs."""

    def __init__(self, url: str, *, keep_alive: bool, threads: int) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname, parts.port)
        self._keep = keep_alive
        self._local = threading.local()
        connection = "keep-alive" if keep_alive else "close"
        self._tail = f" HTTP/1.1\r\nHost: x\r\nAuthorization: key\r\nConnection: {connection}\r\n".encode()

    def _exchange(self, request: bytes) -> Any:
        sock = getattr(self._local, "sock", None) if self._keep else None
        if sock is None:
            sock = socket.create_connection(self._address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._local.sock = sock
        sock.sendall(request)
        data = sock.recv(65536)
        end = data.index(b"\r\n\r\n") + 4
        at = data.lower().index(b"content-length:") + 15
        whole = end + int(data[at : data.index(b"\r", at)])
        pieces, size = [data], len(data)
        while size < whole:
            pieces.append(sock.recv(1 << 20))
            size += len(pieces[-1])
        if not self._keep:
            sock.close()
        return json.loads(b"".join(pieces)[end:])

    def get(self, path: str) -> Any:
        return self._exchange(b"GET " + path.encode() + self._tail + b"\r\n")

    def post(self, path: str) -> Any:
        head = f"Content-Type: application/json\r\nContent-Length: {len(_BODY)}\r\n\r\n".encode()
        return self._exchange(b"POST " + path.encode() + self._tail + head + _BODY)


class HttpClient(_Plain):
    """The standard library's http.client."""

    def __init__(self, url: str, *, keep_alive: bool, threads: int) -> None:
        self._netloc = urlsplit(url).netloc
        self._keep = keep_alive
        self._local = threading.local()

    def _exchange(self, method: str, path: str, body: bytes | None) -> Any:
        connection = getattr(self._local, "connection", None) if self._keep else None
        if connection is None:
            connection = self._local.connection = http.client.HTTPConnection(self._netloc)
        connection.request(method, path, body=body, headers=_JSON)
        response = connection.getresponse()
        data = json.loads(response.read())
        if not self._keep:
            connection.close()
        return data

    def get(self, path: str) -> Any:
        return self._exchange("GET", path, None)

    def post(self, path: str) -> Any:
        return self._exchange("POST", path, _BODY)


class Urllib3(_Plain):
    """urllib3.PoolManager."""

    def __init__(self, url: str, *, keep_alive: bool, threads: int) -> None:
        import urllib3

        self._url, self._keep = url, keep_alive
        self._make = lambda: urllib3.PoolManager(maxsize=threads, block=True)
        self._manager = self._make()

    def _exchange(self, method: str, path: str, body: bytes | None) -> Any:
        manager = self._manager if self._keep else self._make()
        response = manager.request(method, self._url + path, body=body, headers=_JSON, timeout=30)
        if response.status != 200:
            raise RuntimeError(response.status)
        data = json.loads(response.data)
        if not self._keep:
            manager.clear()
        return data

    def get(self, path: str) -> Any:
        return self._exchange("GET", path, None)

    def post(self, path: str) -> Any:
        return self._exchange("POST", path, _BODY)

    def close(self) -> None:
        self._manager.clear()


class Requests(_Plain):
    """requests.Session, or requests.request for a connection per call."""

    def __init__(self, url: str, *, keep_alive: bool, threads: int) -> None:
        import requests

        self._url = url
        self._session = requests.Session()
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=threads)
        self._session.mount("http://", adapter)
        self._call: Callable[..., Any] = self._session.request if keep_alive else requests.request

    def get(self, path: str) -> Any:
        response = self._call("GET", self._url + path, headers={"Authorization": "key"}, timeout=30)
        response.raise_for_status()
        return response.json()

    def post(self, path: str) -> Any:
        response = self._call(
            "POST", self._url + path, json=[ITEM], headers={"Authorization": "key"}, timeout=30
        )
        response.raise_for_status()
        return response.json()

    def close(self) -> None:
        self._session.close()


class Httpx(_Plain):
    """httpx.Client."""

    def __init__(self, url: str, *, keep_alive: bool, threads: int) -> None:
        import httpx

        limits = httpx.Limits(max_connections=threads, max_keepalive_connections=threads if keep_alive else 0)
        self._client = httpx.Client(base_url=url, headers={"Authorization": "key"}, limits=limits, timeout=30)

    def get(self, path: str) -> Any:
        return self._client.get(path).raise_for_status().json()

    def post(self, path: str) -> Any:
        return self._client.post(path, json=[ITEM]).raise_for_status().json()

    def close(self) -> None:
        self._client.close()


class Ours:
    """This SDK."""

    def __init__(self, url: str, *, keep_alive: bool, threads: int, **options: Any) -> None:
        import octaspace

        options.setdefault("pool_size", threads)
        options.setdefault("base_url", url)
        self.client = octaspace.Client("key", keep_alive=keep_alive, **options)

    def balance(self) -> Any:
        return self.client.accounts.balance().data

    def nodes(self) -> Any:
        return self.client.nodes.list().data

    def offers(self) -> Any:
        return self.client.services.mr.list().data

    def search(self) -> Any:
        return self.client.services.mr.search()

    def create(self) -> Any:
        return self.client.services.mr.create(node_id=9101, disk_size=10, image="ubuntu:24.04").data

    def close(self) -> None:
        self.client.close()


class OursWithoutFast(Ours):
    """This SDK where msgspec, the extra `fast`, is not installed. Needs a separate process."""

    def __init__(self, url: str, **options: Any) -> None:
        sys.modules["msgspec"] = None  # type: ignore[assignment]
        super().__init__(url, **options)


class Peer:
    """The distribution called octaspace, on httpx, with the same import name."""

    def __init__(self, url: str, *, keep_alive: bool, threads: int) -> None:
        import octaspace

        make: Any = octaspace.OctaSpaceClient  # type: ignore[attr-defined,unused-ignore]
        self._client = make(
            "key", base_url=url, keep_alive=keep_alive, pool_size=threads, max_connections=threads
        )

    def balance(self) -> Any:
        return self._client.accounts.balance().data

    def nodes(self) -> Any:
        return self._client.nodes.list().data

    def create(self) -> Any:
        return self._client.services.mr.create(node_id=9101, disk_size=10, image="ubuntu:24.04").data

    def close(self) -> None:
        self._client.close()


CONTENDERS: dict[str, Callable[..., Contender]] = {
    "raw socket": RawSocket,
    "http.client": HttpClient,
    "urllib3": Urllib3,
    "requests": Requests,
    "httpx": Httpx,
    "peer": Peer,
    "octaspace": Ours,
    "octaspace without fast": OursWithoutFast,
}
