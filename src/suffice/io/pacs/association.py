"""A connection of DICOM's own network: opened, told apart where it is refused, and closed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from suffice.io.pacs.address import Address
from suffice.io.pacs.archive import ArchiveError

_CONNECT_S = 20.0
# How long the threads of an association that has ended may take to notice.
_END_S = 5.0


def make_entity(address: Address, timeout_s: float) -> Any:
    """Make our end of connections to an archive."""
    from pynetdicom import AE

    entity = AE(ae_title=address.own_aet)
    entity.connection_timeout = _CONNECT_S
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = timeout_s
    return entity


@contextlib.contextmanager
def associated(
    address: Address, entity: Any, what: str, *, service: str = "", **options: Any
) -> Iterator[Any]:
    """Speak to an archive; nothing of the connection is left open, however it ends.

    Parameters
    ----------
    address : Address
    entity : pynetdicom.AE
        With the contexts that it asks for.
    what : str
        What it is for, as an error says it: ``find series``.
    service : str, optional
        UID that the archive must offer; any of the asked ones if empty.
    **options
        As ``AE.associate`` takes them.

    Raises
    ------
    ArchiveError
        If there is no association, none that offers what it is for, or it breaks off.
    """
    from pynetdicom import evt

    sockets: list[Any] = []
    heard: list[Any] = []
    handlers = [
        *options.pop("evt_handlers", ()),
        (evt.EVT_CONN_OPEN, lambda event: sockets.append(event.assoc.dul.socket.socket)),
        (evt.EVT_ACSE_RECV, lambda event: heard.append(event.primitive)),
    ]
    association = entity.associate(
        address.host, address.port, ae_title=address.aet, evt_handlers=handlers, **options
    )
    try:
        if _lacks(association, service):
            raise ArchiveError(
                f"{address} does not offer to {what}",
                got="an association without that service",
                cure="Ask who runs the archive to allow it, or use one that does it.",
            )
        if not association.is_established:
            raise _refusal(
                address,
                is_rejected=association.is_rejected,
                was_reached=bool(sockets),
                silent_s=None if heard else entity.acse_timeout,
            )
        yield association
    except RuntimeError as error:
        if association.is_established:
            raise
        # So pynetdicom says that it has ended before anything was sent.
        raise ArchiveError(
            f"{address} did not {what}",
            got="a connection that was broken off",
            cure="Try again later, or ask who runs the archive; its log says more.",
        ) from error
    finally:
        _end(association, sockets)


def _lacks(association: Any, service: str) -> bool:
    """Say whether it was accepted, and what was asked for was not."""
    offered = {context.abstract_syntax for context in association.accepted_contexts}
    if not offered:
        return bool(association.rejected_contexts)
    return bool(service) and service not in offered


def _refusal(
    address: Address, *, is_rejected: bool, was_reached: bool, silent_s: float | None
) -> ArchiveError:
    """Say why there is none; a peer that resets the connection may swallow its own refusal."""
    if not was_reached:
        return ArchiveError(
            f"{address} cannot be reached",
            got="no association",
            cure="Check host and port, and whether a firewall is between.",
        )
    if silent_s is not None:
        return ArchiveError(
            f"{address} takes connections and says nothing",
            got=f"no answer within {silent_s:g} s",
            cure="Check that this port speaks DICOM; an archive that is busy may answer later.",
        )
    return ArchiveError(
        f"{address} does not let '{address.own_aet}' in",
        got="a rejected association" if is_rejected else "a connection that was broken off",
        cure="Have the title entered there, and check its own; ours is set by ?aet=TITLE."
        if is_rejected
        else "Check that this port speaks DICOM and that our title is entered there.",
    )


def _end(association: Any, sockets: list[Any]) -> None:
    """Release it if it stands; close what it leaves open once its threads are through with it."""
    if association.is_established and association.dul.is_alive():
        association.release()
    else:
        association.kill()
    for thread in (association, association.dul):
        if thread.is_alive():
            thread.join(_END_S)
    for opened in sockets:
        # pynetdicom skips close() where shutdown() fails, as on a broken connection.
        opened.close()
