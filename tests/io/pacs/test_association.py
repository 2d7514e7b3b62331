"""Against servers made here: what goes wrong is told apart, and nothing is left open."""

import contextlib
import gc
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pynetdicom import AE, build_context, evt
from pynetdicom.sop_class import (
    CTImageStorage,
    StudyRootQueryRetrieveInformationModelFind,
    Verification,
)

from suffice.io.pacs.address import parse_address
from suffice.io.pacs.archive import ArchiveError, FoundSeries, Query
from suffice.io.pacs.association import associated, make_entity
from suffice.io.pacs.dimse import Dimse

FIND = StudyRootQueryRetrieveInformationModelFind
SERIES = Query(study="1.2")


@contextlib.contextmanager
def serving(kinds: tuple[Any, ...], *handlers: tuple[Any, Callable], **options: Any) -> Iterator:
    """Listen as an archive that offers what is named, and yield the port."""
    entity = AE(ae_title="A")
    for name, value in options.items():
        setattr(entity, name, value)
    for kind in kinds:
        entity.add_supported_context(kind, scu_role=True, scp_role=True)
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=list(handlers))
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


def archive_at(port: int, options: str = "", *, timeout_s: float = 20.0) -> Dimse:
    return Dimse(parse_address(f"dimse://A@127.0.0.1:{port}{options}"), timeout_s)


def reset(peer: socket.socket) -> None:
    # No linger: the peer's kernel drops what was on its way, as a busy one may.
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def test_a_connection_that_breaks_during_a_search_leaves_no_socket_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[socket.socket] = []

    class Kept(socket.socket):
        def __init__(self, *args: Any, fileno: int | None = None, **kwargs: Any) -> None:
            super().__init__(*args, fileno=fileno, **kwargs)
            if fileno is None:
                # What a server accepts comes with a number; so this one is ours.
                made.append(self)

    def hang_up(event: Any) -> Iterator[tuple[int, None]]:
        reset(event.assoc.dul.socket.socket)
        yield 0xFF00, None

    with serving((FIND,), (evt.EVT_C_FIND, hang_up)) as port:
        monkeypatch.setattr(socket, "socket", Kept)
        with pytest.raises(ArchiveError, match="did not find series: got no answer"):
            archive_at(port).find(SERIES)
    assert [each.fileno() for each in made] == [-1]
    made.clear()
    # A warning of what is collected unclosed is an error.
    gc.collect()


def test_what_is_asked_of_an_association_that_has_ended_is_one_line() -> None:
    def hang_up(event: Any) -> int:
        event.assoc.abort()
        return 0x0000

    with serving((Verification, FIND), (evt.EVT_C_ECHO, hang_up)) as port:
        address = parse_address(f"dimse://A@127.0.0.1:{port}")
        entity = make_entity(address, 20.0)
        entity.requested_contexts = [build_context(Verification), build_context(FIND)]

        def ask_twice() -> None:
            with associated(address, entity, "find series", service=FIND) as association:
                association.send_c_echo()
                association.join(20.0)
                association.send_c_find(Dataset(), FIND)

        with pytest.raises(ArchiveError, match="did not find series: got a connection that was"):
            ask_twice()


def test_a_rejection_is_told() -> None:
    with (
        serving((Verification,), require_calling_aet=["OTHER"]) as port,
        pytest.raises(ArchiveError, match="does not let 'SUFFICE' in: got a rejected association"),
    ):
        archive_at(port).find(SERIES)


def test_a_refusal_lost_in_a_reset_connection_is_not_called_unreachable() -> None:
    def hang_up(server: socket.socket) -> None:
        peer, _ = server.accept()
        peer.recv(1 << 16)
        reset(peer)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=hang_up, args=(server,))
        thread.start()
        with pytest.raises(ArchiveError, match="does not let 'SUFFICE' in: got a connection that"):
            archive_at(server.getsockname()[1]).find(SERIES)
        thread.join()


def test_silence_is_neither_a_refusal_nor_unreachable() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        pytest.raises(ArchiveError, match=r"says nothing: got no answer within 0\.2 s"),
    ):
        archive_at(server.getsockname()[1], timeout_s=0.2).find(SERIES)


@pytest.mark.parametrize("kinds", [(Verification,), (Verification, CTImageStorage)])
@pytest.mark.parametrize("way", ["series", "studies", "get", "move"])
def test_what_is_not_offered_is_named(
    kinds: tuple[Any, ...], way: str, free_port_number: int, tmp_path: Path
) -> None:
    wanted = FoundSeries(study="1.2", series="1.2.3")
    with serving(kinds) as port:
        if way == "series":
            with pytest.raises(ArchiveError, match="does not offer to find series"):
                archive_at(port).find(SERIES)
        elif way == "studies":
            with pytest.raises(ArchiveError, match="does not offer to find studies"):
                archive_at(port).find(Query(patient="MADE-UP"))
        elif way == "get":
            with pytest.raises(ArchiveError, match="does not offer to fetch a series by C-GET"):
                archive_at(port).fetch(wanted, tmp_path)
        else:
            with pytest.raises(ArchiveError, match="does not offer to send a series by C-MOVE"):
                archive_at(port, f"?move={free_port_number}").fetch(wanted, tmp_path)


def test_objects_that_are_not_taken_are_named(hospital: Callable) -> None:
    files = sorted(hospital().folder.iterdir())
    with (
        serving((Verification,)) as port,
        pytest.raises(ArchiveError, match="does not offer to store objects of these kinds"),
    ):
        archive_at(port).store(files)
