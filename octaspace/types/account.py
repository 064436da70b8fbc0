"""The account and its balance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from .. import money
from . import _coerce
from ._fields import Fields
from ._shape import Shape

__all__ = ["Account", "Balance"]

_MONEY: Final = "an amount of money (an integer or digits in Wei, or a decimal number in OCTA)"


@dataclass(frozen=True, slots=True, repr=False)
class Account(Shape):
    """The answer of ``GET /accounts``.

    Attributes:
        account_uuid: Id of the account.
        email: Its e-mail address.
        avatar: URL of a picture.
        balance: Balance in Wei (Q8).
        uid: Numeric id of the account.
        wallet: 0x-address.
        ref_code: Referral code.
        extra: Other fields that the API sent.
    """

    account_uuid: str
    email: str | None = None
    avatar: str | None = None
    balance: int | None = None
    uid: int | None = None
    wallet: str | None = None
    ref_code: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> Account:
        """Read the answer of ``accounts.profile()``.

        Args:
            data: The JSON object.

        Raises:
            octaspace.UnexpectedShapeError: It is not an object, or `account_uuid` is not a string.
        """
        fields = Fields("Account", data)
        return cls(
            account_uuid=fields.require("account_uuid", _coerce.text, "a string"),
            email=fields.text("email"),
            avatar=fields.text("avatar"),
            balance=fields.wei("balance"),
            uid=fields.integer("uid"),
            wallet=fields.text("wallet"),
            ref_code=fields.text("ref_code"),
            extra=fields.rest(),
        )


@dataclass(frozen=True, slots=True, repr=False)
class Balance(Shape):
    """The answer of ``GET /accounts/balance``.

    Attributes:
        amount: Wei, exact at any size (Q8).
        currency: "OCTA", also where the API omits it.
        extra: Other fields that the API sent.
    """

    amount: int
    currency: str = "OCTA"
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> Balance:
        """Read the answer of ``accounts.balance()``.

        Args:
            data: The JSON object, ``{"balance": 1234567890123456789012}``; older answers have a float in
                OCTA and a currency.

        Raises:
            octaspace.UnexpectedShapeError: It is not an object, `balance` cannot be read exactly, or it is in
                a currency other than OCTA and therefore not Wei.
        """
        fields = Fields("Balance", data)
        currency = fields.text("currency") or "OCTA"
        if currency.upper() != "OCTA":
            raise fields.fault("currency", "OCTA")
        return cls(
            amount=fields.require("balance", _coerce.wei, _MONEY), currency=currency, extra=fields.rest()
        )

    @property
    def octa(self) -> Decimal:
        """The amount in OCTA, exact."""
        return money.wei_to_octa(self.amount)
