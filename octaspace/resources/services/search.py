"""Filter and sort offers from a list that is fetched once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any, TypeVar

from ...errors import UnexpectedShapeError, request_id_of
from ...key_mask import KeyMask
from ...response import Response
from ...safe_repr import excerpt, safe_repr
from ...types import MachineOffer, RenderOffer, VpnRelay
from .arguments import RelaySort, Sort, checked_choice, checked_text

__all__ = ["search_machines", "search_relays"]

_Machine = TypeVar("_Machine", MachineOffer, RenderOffer)
_Offer = TypeVar("_Offer", MachineOffer, RenderOffer, VpnRelay)


def search_machines(
    kind: type[_Machine],
    path: str,
    fetch: Callable[[], Response[Any]],
    mask: KeyMask,
    *,
    gpu: str | None,
    min_vram_gb: float | None,
    country: str | None,
    max_price_usd: float | Decimal | None,
    min_reliability: float | None,
    sort: Sort,
) -> list[_Machine]:
    """Fetch offers of machines, filter and sort them; see `MachineRentals.search`.

    Args:
        kind: The type of the offers.
        path: Path of the request, for messages.
        fetch: Sends the request; the arguments are checked before it.
        mask: Masks the key in an answer that an error contains.
    """
    checked_choice("sort", sort, ("price", "reliability", "vram", "download"))
    model = None if gpu is None else checked_text("gpu", gpu, required=True).strip().lower()
    place = _place(country)
    most = _limit("max_price_usd", max_price_usd)
    vram = _limit("min_vram_gb", min_vram_gb)
    percent = _limit("min_reliability", min_reliability)

    def fits(offer: _Machine) -> bool:
        cards = [card for card in offer.gpus if model is None or model in (card.model or "").lower()]
        return (
            (model is None or bool(cards))
            and (vram is None or any(_at_least(card.memory_gb, vram) for card in cards))
            and _is_in(offer, place)
            and (most is None or _at_most(offer.price_usd, most))
            and (percent is None or _at_least(offer.reliability_percent, percent))
        )

    orders: dict[str, Callable[[_Machine], float | Decimal | None]] = {
        "price": lambda offer: offer.price_usd,
        "reliability": lambda offer: offer.reliability_percent,
        "vram": lambda offer: max((card.memory_gb or 0.0 for card in offer.gpus), default=None),
        "download": lambda offer: offer.net_down_mbits,
    }
    offers = _read(kind, path, fetch(), mask)
    return _sorted(filter(fits, offers), orders[sort], best_first=sort != "price")


def search_relays(
    path: str,
    fetch: Callable[[], Response[Any]],
    mask: KeyMask,
    *,
    country: str | None,
    residential: bool | None,
    max_price_usd: float | Decimal | None,
    sort: RelaySort,
) -> list[VpnRelay]:
    """Fetch VPN relays, filter and sort them; see `VpnRelays.search`.

    Args:
        path: Path of the request, for messages.
        fetch: Sends the request; the arguments are checked before it.
        mask: Masks the key in an answer that an error contains.
    """
    checked_choice("sort", sort, ("price", "download"))
    place, most = _place(country), _limit("max_price_usd", max_price_usd)
    if residential is not None and not isinstance(residential, bool):
        raise ValueError(f"residential must be True, False or None, not {safe_repr(residential)}")

    def fits(relay: VpnRelay) -> bool:
        return (
            _is_in(relay, place)
            and (residential is None or relay.residential is residential)
            and (most is None or _at_most(relay.traffic_price_usd, most))
        )

    orders: dict[str, Callable[[VpnRelay], float | Decimal | None]] = {
        "price": lambda relay: relay.traffic_price_usd,
        "download": lambda relay: relay.net_down_mbits,
    }
    relays = _read(VpnRelay, path, fetch(), mask)
    return _sorted(filter(fits, relays), orders[sort], best_first=sort != "price")


def _read(kind: type[_Offer], path: str, response: Response[Any], mask: KeyMask) -> Iterator[_Offer]:
    """Yield typed offers. An offer without an id is omitted: it cannot be rented."""
    if not isinstance(response.data, list):
        response = mask.response(response)
        raise UnexpectedShapeError(
            f"GET {path}: {response.status}, but a list of offers is expected, not an object"
            f"{request_id_of(response)}",
            type_name=kind.__name__,
            value=excerpt(response.data),
            response=response,
        )
    for item in response.data:
        try:
            yield kind.from_api(item)
        except UnexpectedShapeError:
            continue


def _sorted(
    offers: Iterable[_Offer], figure: Callable[[_Offer], float | Decimal | None], *, best_first: bool
) -> list[_Offer]:
    """Sort offers by a figure: those without it are last, equal ones are sorted by node id."""

    def key(offer: _Offer) -> tuple[bool, float | Decimal, int]:
        value = figure(offer)
        return value is None, 0 if value is None else (-value if best_first else value), offer.node_id

    return sorted(offers, key=key)


def _place(country: str | None) -> str | None:
    return None if country is None else checked_text("country", country, required=True).strip().casefold()


def _is_in(offer: MachineOffer | RenderOffer | VpnRelay, place: str | None) -> bool:
    names = ((name or "").casefold() for name in (offer.country, offer.country_iso))
    return place is None or place in names


def _limit(name: str, value: float | Decimal | None) -> Decimal | None:
    """Return a limit as an exact number: 0.43 means 0.43, not the nearest float."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise ValueError(f"{name} must be a number, not {safe_repr(value)} ({type(value).__name__})")
    limit = Decimal(float.__repr__(value)) if isinstance(value, float) else Decimal(value)
    if not limit.is_finite():
        raise ValueError(f"{name} must be a number, not {value}")
    if limit < 0:
        raise ValueError(f"{name} must not be negative, not {safe_repr(value)}")
    return limit


def _at_least(value: float | Decimal | None, least: Decimal) -> bool:
    return value is not None and value >= least


def _at_most(value: float | Decimal | None, most: Decimal) -> bool:
    return value is not None and value <= most
