"""The requests session that sends all requests, on our urllib3 pools."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import requests
from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar
from requests.exceptions import InvalidURL
from urllib3 import PoolManager
from urllib3.exceptions import HTTPError

from .connection_pool import PooledHTTPConnectionPool, PooledHTTPSConnectionPool
from .pool_policy import PoolPolicy
from .stock_classes import StockSession
from .tls import TLSContexts

__all__ = ["EndpointRequest", "PooledAdapter", "new_session"]


class EndpointRequest(PreparedRequest):
    """A request with the parts of its URL, so that requests does not parse the URL again.

    Attributes:
        endpoint: The endpoint's URL.
        target: Path and query as in the request line.
    """

    endpoint: str
    target: str


#: The attributes of a response that nothing has been read of.
_BLANK: Final = {**vars(requests.Response()), "encoding": None}


class MinimalResponse(requests.Response):
    """requests' response without unused parts: a cookie jar, a second mapping of the fields."""

    def __init__(self, request: PreparedRequest, raw: Any, adapter: HTTPAdapter) -> None:
        vars(self).update(
            _BLANK,
            status_code=raw.status,
            headers=raw.headers,  # urllib3's mapping, which is case-insensitive as well
            raw=raw,
            url=request.url or "",
            history=[],
            reason=raw.reason,
            cookies=_NO_COOKIES,
            request=request,
            connection=adapter,
        )


class PooledAdapter(HTTPAdapter):
    """requests' adapter over our urllib3 pools.

    Args:
        policy: The settings of the pools.
        contexts: The TLS contexts.
        endpoints: Number of hosts to keep pools for.
        pool_size: Connections kept per host.
    """

    def __init__(self, policy: PoolPolicy, contexts: TLSContexts, *, endpoints: int, pool_size: int) -> None:
        self._contexts = contexts
        self._verify: bool | str = True
        self._policy = policy
        #: Pools of endpoints that are reached without a proxy.
        self._direct: dict[str, PooledHTTPConnectionPool] = {}
        super().__init__(pool_connections=max(10, endpoints), pool_maxsize=pool_size)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self._set_pool_classes(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        scheme = proxy.partition(":")[0].lower()
        context = self._contexts.get(self._verify) if scheme == "https" else None
        if context is not None:
            # The second is for http endpoints: urllib3 before 2.1 uses it for TLS to the proxy.
            kwargs.update(proxy_ssl_context=context, ssl_context=context)
        manager = super().proxy_manager_for(proxy, **kwargs)
        if scheme.startswith("socks"):
            from .socks import SOCKSConnectionPool, SOCKSTLSConnectionPool  # needs PySocks, as requests does

            self._set_pool_classes(manager, SOCKSConnectionPool, SOCKSTLSConnectionPool)
        else:
            self._set_pool_classes(manager)
        return manager

    def _set_pool_classes(
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
        """The pool of an endpoint, looked up once: all its requests have the same proxy and certificates."""
        endpoint = getattr(request, "endpoint", "")
        pool: Any = self._direct.get(endpoint)
        if pool is None:
            message = None
            try:
                pool = super().get_connection_with_tls_context(request, verify, proxies=proxies, cert=cert)
            except (requests.exceptions.RequestException, HTTPError):
                raise
            except (TypeError, AttributeError, ValueError) as error:  # from some malformed proxy URLs
                message = str(error)
            if message is not None:  # not in `except`: the original may contain the proxy's password
                raise InvalidURL(f"the address of the endpoint or of its proxy is malformed: {message}")
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
        """Do nothing: the pool has a context. requests would read the CA bundle for each connection."""

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
                    pool.close_expired()


class _NoCookies(RequestsCookieJar):
    """A jar that stays empty, so that a server's cookies for one key are never sent with another key."""

    def extract_cookies(self, *args: Any, **kwargs: Any) -> None:
        return None


_NO_COOKIES = _NoCookies()


class _Session(StockSession):  # type: ignore[misc]
    """A session that sends requests without processing the responses."""

    def __init__(self) -> None:
        super().__init__()
        self.cookies = _NO_COOKIES

    def get_redirect_target(self, resp: Any) -> None:
        # Even if redirects are not followed, requests prepares the next request: it reads the whole body
        # into memory, and raises for a Location it cannot parse.
        return None


def new_session(
    policy: PoolPolicy, contexts: TLSContexts, *, endpoints: int, pool_size: int
) -> requests.Session:
    """Create a session.

    Args:
        policy: The settings of its pools.
        contexts: The TLS contexts.
        endpoints: Number of hosts to keep pools for.
        pool_size: Connections that a SOCKS proxy's pool keeps per host; `pool` limits the other pools.
    """
    session = _Session()
    adapter = PooledAdapter(policy, contexts, endpoints=endpoints, pool_size=pool_size)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session
