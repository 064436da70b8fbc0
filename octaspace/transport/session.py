"""The requests session that all requests go through, on urllib3 pools of our own."""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import Any

import requests
from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar
from requests.exceptions import InvalidURL
from requests.structures import CaseInsensitiveDict
from urllib3 import PoolManager
from urllib3.exceptions import HTTPError

from .connection_pool import PooledHTTPConnectionPool, PooledHTTPSConnectionPool, PoolPolicy
from .stock_classes import StockSession
from .tls import TLSContexts

__all__ = ["EndpointRequest", "PooledAdapter", "SentHeaders", "new_session"]


class SentHeaders(CaseInsensitiveDict[str]):
    """Header fields of a request, quick to copy."""

    #: requests' own: lower-case name to name and value. An interrupt may come before there are any.
    _store: Any = MappingProxyType({})

    def fresh(self) -> SentHeaders:
        """The same fields for another request; building them again would cost ten times as much."""
        twin = SentHeaders.__new__(SentHeaders)
        twin._store = self._store.copy()
        return twin

    def copy(self) -> Any:
        """For urllib3, which copies the fields of each request and wants no more than a dict."""
        return dict(self._store.values())


class EndpointRequest(PreparedRequest):
    """A request that knows its parts, so that requests need not take its address apart again.

    Attributes:
        endpoint: The endpoint's URL.
        target: Path and query, as they stand in the request line.
    """

    endpoint: str
    target: str


class MinimalResponse(requests.Response):
    """What requests hands up, without what nobody reads: a cookie jar, a second mapping of the fields."""

    def __init__(self, request: PreparedRequest, raw: Any, adapter: HTTPAdapter) -> None:
        self._content = False  # type: ignore[assignment]  # requests' word for "not read yet"
        self._content_consumed = False
        self._next = None
        self.status_code = raw.status
        self.headers = raw.headers  # urllib3's own; it looks names up in any case as well
        self.raw = raw
        self.url = request.url or ""
        self.encoding = None
        self.history = []
        self.reason = raw.reason
        self.cookies = _NO_COOKIES
        self.request = request
        self.connection = adapter


class PooledAdapter(HTTPAdapter):
    """requests' adapter over our urllib3 pools.

    Args:
        policy: What the pools obey.
        contexts: What TLS connections trust.
        endpoints: How many hosts to keep pools for.
        pool_size: Connections kept per host.
    """

    def __init__(self, policy: PoolPolicy, contexts: TLSContexts, *, endpoints: int, pool_size: int) -> None:
        self._contexts = contexts
        self._verify: bool | str = True
        self._policy = policy
        #: Pools of endpoints that no proxy stands before.
        self._direct: dict[str, PooledHTTPConnectionPool] = {}
        super().__init__(pool_connections=max(10, endpoints), pool_maxsize=pool_size)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self._adopt(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        scheme = proxy.partition(":")[0].lower()
        context = self._contexts.get(self._verify) if scheme == "https" else None
        if context is not None:
            # The second is for http endpoints: urllib3 before 2.1 speaks TLS to the proxy with it.
            kwargs.update(proxy_ssl_context=context, ssl_context=context)
        manager = super().proxy_manager_for(proxy, **kwargs)
        if scheme.startswith("socks"):
            from .socks import SOCKSConnectionPool, SOCKSTLSConnectionPool  # needs PySocks, as requests does

            self._adopt(manager, SOCKSConnectionPool, SOCKSTLSConnectionPool)
        else:
            self._adopt(manager)
        return manager

    def _adopt(
        self,
        manager: PoolManager,
        http: type[PooledHTTPConnectionPool] = PooledHTTPConnectionPool,
        https: type[PooledHTTPSConnectionPool] = PooledHTTPSConnectionPool,
    ) -> None:
        classes: Any = {
            "http": partial(http, policy=self._policy),
            "https": partial(https, policy=self._policy),
        }
        manager.pool_classes_by_scheme = classes

    def get_connection_with_tls_context(
        self, request: PreparedRequest, verify: Any, proxies: Any = None, cert: Any = None
    ) -> Any:
        """An endpoint's pool, looked up once: proxies and certificates are the same for all its requests."""
        endpoint = getattr(request, "endpoint", "")
        pool: Any = self._direct.get(endpoint)
        if pool is None:
            words = None
            try:
                pool = super().get_connection_with_tls_context(request, verify, proxies=proxies, cert=cert)
            except (requests.exceptions.RequestException, HTTPError):
                raise
            except (TypeError, AttributeError, ValueError) as error:  # what they make of some odd proxies
                words = str(error)
            if words is not None:  # outside, for what was raised may hold the proxy's password
                raise InvalidURL(f"the address of the endpoint or of its proxy is malformed: {words}")
            if endpoint and isinstance(pool, PooledHTTPConnectionPool) and pool.proxy is None:
                self._direct[endpoint] = pool
        return pool

    def build_connection_pool_key_attributes(
        self, request: PreparedRequest, verify: Any, cert: Any = None
    ) -> Any:
        self._verify = verify  # the same for all requests of a client
        host, by_default = super().build_connection_pool_key_attributes(request, verify, cert)
        if host["scheme"] != "https":
            return host, {}
        context = self._contexts.get(verify)
        return host, by_default if context is None else {"ssl_context": context}

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """The context of the pool knows; requests would have the CA bundle read for each connection."""

    def request_url(self, request: PreparedRequest, proxies: Any) -> str:
        if isinstance(request, EndpointRequest) and request.endpoint in self._direct:
            return request.target
        return super().request_url(request, proxies)

    def build_response(self, req: PreparedRequest, resp: Any) -> requests.Response:
        return MinimalResponse(req, resp, self)

    def close(self) -> None:
        self._direct.clear()
        super().close()

    def close_idle(self) -> None:
        for manager in [self.poolmanager, *self.proxy_manager.values()]:
            for key in manager.pools.keys():  # noqa: SIM118  # urllib3's container is not iterable
                pool = manager.pools.get(key)
                if isinstance(pool, PooledHTTPConnectionPool):
                    pool.close_idle()


class _NoCookies(RequestsCookieJar):
    """A jar that stays empty: two keys must never share what a server remembers of one of them."""

    def extract_cookies(self, *args: Any, **kwargs: Any) -> None:
        return None


_NO_COOKIES = _NoCookies()


class _Session(StockSession):  # type: ignore[misc]
    """A session that sends, and looks into no answer."""

    def __init__(self) -> None:
        super().__init__()
        self.cookies = _NO_COOKIES

    def get_redirect_target(self, resp: Any) -> None:
        # Even where redirects are not followed, requests prepares the next request: it reads the whole
        # body into memory, and an address it cannot parse is an error of its own.
        return None


def new_session(
    policy: PoolPolicy, contexts: TLSContexts, *, endpoints: int, pool_size: int
) -> requests.Session:
    """Make a session.

    Args:
        policy: What its pools obey.
        contexts: What its TLS connections trust.
        endpoints: How many hosts it has to keep pools for.
        pool_size: Connections that a SOCKS proxy's pool may keep per host; ours are bounded in `pool`.
    """
    session = _Session()
    adapter = PooledAdapter(policy, contexts, endpoints=endpoints, pool_size=pool_size)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session
