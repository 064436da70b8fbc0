"""Context managers of rentals: create a session, and stop it however the block ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, Final

from ... import errors
from ...error_notes import add_note
from ...hook_failure import hook_failure
from ...rentals.held_rental import HeldRental
from ...rentals.rental import Outcome
from ...request import Request, RequestSender
from ...response import Response
from ...safe_repr import safe_repr
from .creation import check_creation, session_uuids
from .creation_outcome import find_session, is_definite, not_made, proves_not_made, session_behind
from .recording import RecordingSender
from .session import Session
from .stopping import stop_once, stop_patiently
from .terms import RentalTerms

__all__ = ["create_session", "first_accepting", "rental"]

Creation = Callable[[RequestSender], Response[Any]]

#: Statuses that refuse this offer only: another one may be accepted.
_REFUSALS: Final = frozenset({400, 402, 403, 404, 409, 410, 412, 422, 423})


@contextmanager
def rental(sender: RequestSender, create: Creation, terms: RentalTerms) -> Iterator[Session]:
    """Create a session, and stop it however the block ends. With a ledger it is recorded.

    Args:
        sender: Sends the requests.
        create: Sends the creation by the sender that it is given; raises unless the answer names a session.
        terms: What is recorded.
    """
    entry = _Entry(sender, terms, leased=True)
    session: Session | None = None
    try:
        session = _created(sender, create, entry)
        entry.attach(session.uuid)
        yield session
    except BaseException as error:
        if session is not None:
            try:
                _end(sender, session, entry)
            except errors.RentalLedgerError as failure:
                add_note(error, str(failure))
            except Exception as failure:
                # The caller must see the error of the block; this one is added as a note.
                add_note(error, _continues(session, failure))
            if entry.lost is not None:
                add_note(error, str(entry.lost))
        raise
    _end(sender, session, entry)
    if entry.lost is not None:
        raise entry.lost


def create_session(sender: RequestSender, path: str, body: Any, terms: RentalTerms) -> Response[Any]:
    """Send a creation. With a name or a deadline it is recorded, without a lease: only the deadline ends it.

    Args:
        sender: Sends the request.
        path: The path of the service.
        body: The body.
        terms: What is recorded.

    Raises:
        octaspace.RentalLedgerError: The entry cannot be written, and nothing was sent; or the session could
            not be recorded: `uuid` names it, and `response` is the answer.
        octaspace.Error: As the `create` of the service.
    """

    operation = f"{path[1:].replace('/', '.')}.create"
    request = Request("POST", path, body=body, expects="json", operation=operation, check=check_creation)

    def create(by: RequestSender) -> Response[Any]:
        return by.send(request)

    is_recorded = terms.name is not None or terms.max_duration is not None
    return _create_recorded(sender, create, terms) if is_recorded else create(sender)


def _create_recorded(sender: RequestSender, create: Creation, terms: RentalTerms) -> Response[Any]:
    entry = _Entry(sender, terms, leased=False)
    try:
        response = create(entry.sender)
    except BaseException as error:
        rejected = error.response if isinstance(error, errors.ProvisionRejectedError) else None
        uuid = session_behind(error) or next(iter(session_uuids(rejected) if rejected else ()), None)
        if uuid is not None:
            entry.attach(uuid)
        elif is_definite(error, sender):
            entry.close("refused")
        raise
    if entry.held is not None:
        try:
            entry.held.attach(session_uuids(response)[0])
        except errors.RentalLedgerError as error:
            error.response = response
            raise
    return response


@contextmanager
def first_accepting(
    offers: Iterable[Any], rent: Callable[[int], AbstractContextManager[Session]]
) -> Iterator[Session]:
    """Rent the first offer that is accepted; the next one only after a definite refusal.

    Args:
        offers: Offers with a `node_id`, or ids of nodes.
        rent: Rents a node.

    Raises:
        ValueError: There is no offer, or one has no node.
        octaspace.ProvisionRejectedError: None was accepted; `rejections` has the reason of each.
    """
    nodes = [_node_of(offer) for offer in offers]
    if not nodes:
        raise ValueError("there are no offers to rent")
    refusals: list[tuple[int, errors.Error]] = []
    with ExitStack() as stack:
        for node_id in nodes:
            try:
                session = stack.enter_context(rent(node_id))
            except errors.Error as error:
                if not _is_refusal(error):
                    raise
                refusals.append((node_id, error))
            else:
                yield session
                return
    raise _none_accepted(refusals)


class _Entry:
    """The entry of a rental; without a ledger there is none, and nothing is recorded."""

    def __init__(self, sender: RequestSender, terms: RentalTerms, *, leased: bool) -> None:
        ledger = sender.rental_ledger
        self._log = sender.log
        self._recorder = None if ledger is None else RecordingSender(sender, ledger, terms, leased=leased)
        #: Sends the creation.
        self.sender: RequestSender = self._recorder or sender

    @property
    def held(self) -> HeldRental | None:
        """The entry, once it is written."""
        return None if self._recorder is None else self._recorder.held

    @property
    def lost(self) -> errors.LeaseLostError | None:
        """Set when a reaper has ended the rental."""
        return None if self.held is None else self.held.lost

    def attach(self, uuid: str) -> None:
        """Record the session; a failure is logged, and it is tried again with the next renewal."""
        if self.held is not None:
            try:
                self.held.attach(uuid)
            except errors.RentalLedgerError as error:
                self._log.warning("%s", error)

    def close(self, outcome: Outcome) -> None:
        """Close the entry; a failure is logged, because another error is about to be raised."""
        if self.held is not None:
            try:
                self.held.close(outcome)
            except errors.RentalLedgerError as error:
                self._log.warning("%s", error)

    def release(self) -> None:
        """Leave the rental to the reaper."""
        if self.held is not None:
            self.held.release()


def _created(sender: RequestSender, create: Creation, entry: _Entry) -> Session:
    response: Response[Any] | None = None
    try:
        response = create(entry.sender)
        return Session(sender, session_uuids(response)[0])
    except errors.ProvisionRejectedError as error:
        running = _stop_others(sender, error)
        if running is None:
            entry.close("refused")
        else:
            entry.attach(running)  # the reaper needs no list to find it
            entry.release()
        raise
    except BaseException as error:
        uuid = session_behind(error) if response is None else session_uuids(response)[0]
        if uuid is not None:
            _stop_behind(sender, Session(sender, uuid), entry, error)
            raise
        if is_definite(error, sender):
            entry.close("refused")
            raise
        if isinstance(error, errors.Error) and hook_failure(error) is None:
            if entry.held is None:
                raise  # its message says that it may have been made
            return _recovered(sender, entry, entry.held, error)
        entry.release()
        add_note(
            error,
            "The creation of a rental was interrupted and may have taken effect: "
            "check client.sessions.list().",
        )
        raise


def _recovered(sender: RequestSender, entry: _Entry, held: HeldRental, error: errors.Error) -> Session:
    """The session of a creation with an unknown outcome, found in the list of sessions.

    Raises:
        octaspace.Error: The error of the creation; with `outcome_unknown` False if nothing was made.
    """
    seconds = held.ledger.reconcile_timeout
    sender.log.warning("%s; looking for rental %s in the sessions for up to %g s", error, held.id, seconds)
    try:
        uuid = find_session(sender, held)
    except errors.Error as failure:
        entry.release()
        add_note(
            error, f"Whether it was made could not be found out: {failure}. A reaper stops it if it was."
        )
        raise error from error.__cause__
    except BaseException:
        entry.release()
        raise
    if uuid is None:
        entry.close("not made")
        raise not_made(error, seconds) from error.__cause__
    sender.log.warning("Rental %s was made although its answer was lost: session %s", held.id, uuid)
    session = Session(sender, uuid)
    session.recovered = True
    return session


def _stop_behind(sender: RequestSender, session: Session, entry: _Entry, error: BaseException) -> None:
    """Stop a session that was made although a hook raised: the block that would use it does not run."""
    entry.attach(session.uuid)
    try:
        _end(sender, session, entry)
    except Exception as failure:
        add_note(error, _continues(session, failure))
    else:
        add_note(error, f"Session {session.uuid} had been made, and was stopped.")


def _stop_others(sender: RequestSender, rejected: errors.ProvisionRejectedError) -> str | None:
    """Stop the sessions that a rejecting answer names: the block that would use them does not run.

    Returns:
        A session that could not be stopped; None if all are stopped.
    """
    running = None
    for uuid in session_uuids(rejected.response) if rejected.response is not None else ():
        try:
            stop_patiently(sender, Session(sender, uuid))
        except Exception as failure:
            running = uuid
            add_note(rejected, f"Session {uuid} could not be stopped and continues: {failure}")
    return running


def _end(sender: RequestSender, session: Session, entry: _Entry) -> None:
    """Stop the session, then close its entry; leave the entry to the reaper if the stop fails.

    A forked child that leaves the block of its parent stops nothing: the parent does, or the reaper.

    Raises:
        octaspace.RentalLedgerError: The session is stopped, and its entry could not be closed.
        octaspace.Error: The session could not be stopped.
    """
    try:
        if entry.held is not None and entry.held.is_inherited:
            sender.log.warning("Session %s is left to the process that rented it", session.uuid)
            return
        stop_patiently(sender, session)
    except errors.Error as error:
        entry.release()
        reaper = "" if entry.held is None else "; a reaper of its ledger stops it"
        add_note(error, f"Session {session.uuid} may continue{reaper}.")
        raise
    except BaseException as interruption:  # or what a hook raised: retry once, immediately
        try:
            stop_once(session)
        except BaseException as failure:
            add_note(
                interruption,
                f"Session {session.uuid} may continue: its stop was interrupted, and so was a second one "
                f"({type(failure).__name__}).",
            )
            entry.release()
        else:
            entry.close("stopped")
        raise
    try:
        if entry.held is not None:
            entry.held.close("stopped")
    except errors.Error:
        raise
    except BaseException:  # an interrupt: the lease must not be renewed any longer
        entry.close("stopped")
        raise


def _continues(session: Session, failure: Exception) -> str:
    return f"Session {session.uuid} could not be stopped and continues: {failure}"


def _node_of(offer: Any) -> int:
    node_id = offer
    if isinstance(offer, Mapping):
        node_id = offer.get("node_id")
    elif hasattr(offer, "node_id"):
        node_id = offer.node_id
    if isinstance(node_id, bool) or not isinstance(node_id, int):
        raise ValueError(
            f"offers must be offers of search() or list(), or ids of nodes, not {safe_repr(offer)} "
            f"({type(offer).__name__})"
        )
    return node_id


def _is_refusal(error: errors.Error) -> bool:
    if isinstance(error, errors.ProvisionRejectedError) or proves_not_made(error):
        return True
    return error.status in _REFUSALS and not error.outcome_unknown


def _none_accepted(refusals: list[tuple[int, errors.Error]]) -> errors.ProvisionRejectedError:
    rejections = []
    for node_id, error in refusals:
        items = error.rejections if isinstance(error, errors.ProvisionRejectedError) else []
        rejections += items or [{"node_id": node_id, "status": error.status, "reason": str(error)}]
    words = "; ".join(f"node {node_id}: {error}" for node_id, error in refusals)
    combined = errors.ProvisionRejectedError(
        f"none of {len(refusals)} offers was accepted: {words}",
        rejections=rejections,
        response=refusals[-1][1].response,
    )
    combined.__cause__ = refusals[-1][1]
    return combined
