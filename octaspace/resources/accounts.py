"""The account that the key belongs to."""

from __future__ import annotations

from .. import types
from ..request import Request
from ..response import Response
from .confirmation import check_confirmation
from .resource import Resource, path_of

__all__ = ["Accounts"]


class Accounts(Resource):
    """Profile, balance and wallet: `client.accounts`."""

    __slots__ = ()

    def profile(self) -> Response[types.payloads.Account]:
        """GET /accounts: the profile of the account.

        Returns:
            `data` is an object, the balance in Wei::

                {"account_uuid": "acc-123-abc", "uid": 4211, "email": "user@example.com",
                 "wallet": "0x…", "ref_code": "REF42", "balance": 1234567890123456789012}

            `octaspace.types.Account.from_api(data)` returns it as a typed object.

        Raises:
            octaspace.AuthenticationError: The key is missing or wrong.
            octaspace.Error: Any other of `octaspace.errors`.
        """
        return self._get("accounts.profile", "accounts")

    def balance(self) -> Response[types.payloads.Balance]:
        """GET /accounts/balance: the remaining balance.

        Returns:
            `data` is an object, the amount in Wei (10**18 Wei = 1 OCTA), exact at any size::

                {"balance": 1234567890123456789012}

            `octaspace.types.Balance.from_api(data).octa` is the amount in OCTA, as a Decimal.

        Raises:
            octaspace.AuthenticationError: The key is missing or wrong.
            octaspace.Error: Any other of `octaspace.errors`.
        """
        return self._get("accounts.balance", "accounts", "balance")

    def generate_wallet(self) -> Response[types.payloads.Wallet]:
        """POST /accounts: create a new wallet for the account. Sent at most once.

        Returns:
            `data` is an object::

                {"address": "0x00000000000000000000000000000000000000bb"}

        Raises:
            octaspace.PermissionError: The key is read-only.
            octaspace.Error: Any other of `octaspace.errors`; check `outcome_unknown`.
        """
        return self._sender.send(
            Request(
                "POST", path_of("accounts"), expects="json", operation="accounts.generate_wallet",
                check=check_confirmation,
            )
        )  # fmt: skip
