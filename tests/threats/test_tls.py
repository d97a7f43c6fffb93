"""A real PostgreSQL behind a certificate that nobody signed: by default nothing is sent to it."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from psycopg.conninfo import conninfo_to_dict

from engagectl.errors import ConnectError
from engagectl.warehouses.contract import Connection
from engagectl.warehouses.postgres.connect import connection_parameters
from engagectl.warehouses.registry import warehouse

TLS = Path(__file__).parent / "tls"
ELSEWHERE = "127.0.0.2"  # the loopback, and not one of the names that count as local
SSL_REQUEST = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(1 << 14):
            sink.sendall(piece)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)


class Front:
    """Answers for the server, with TLS or without, and counts what a client said before it turned away."""

    def __init__(self, dsn: str, *, tls: bool) -> None:
        said = conninfo_to_dict(dsn)
        self._host, self._port = str(said["host"]), int(said.get("port") or 5432)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(TLS / "certificate.pem", TLS / "key.pem")
        self._tls = tls
        self._listener = socket.create_server((ELSEWHERE, 0))
        self.port = int(self._listener.getsockname()[1])
        self.heard = 0
        self._threads = [threading.Thread(target=self._serve)]
        self._threads[0].start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._threads.append(threading.Thread(target=self._meet, args=(client,)))
                self._threads[-1].start()

    def _meet(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):  # a client that does not trust us hangs up
            if client.recv(8, socket.MSG_WAITALL) != SSL_REQUEST:
                return
            client.sendall(b"S" if self._tls else b"N")
            if not self._tls:
                self._forward(client)
                return
            with self._context.wrap_socket(client, server_side=True) as inside:
                self._forward(inside)

    def _forward(self, client: socket.socket) -> None:
        first = client.recv(1 << 14)
        self.heard += len(first)
        if not first:
            return
        is_folder = self._host.startswith("/")
        with socket.socket(socket.AF_UNIX if is_folder else socket.AF_INET) as server:
            server.connect(f"{self._host}/.s.PGSQL.{self._port}" if is_folder else (self._host, self._port))
            server.sendall(first)
            back = threading.Thread(target=_pump, args=(server, client))
            back.start()
            _pump(client, server)
            back.join()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)


@contextlib.contextmanager
def front(dsn: str, *, tls: bool = True) -> Iterator[Front]:
    made = Front(dsn, tls=tls)
    yield made
    made.close()


def connect(dsn: str, port: int, *, sslmode: str | None = None) -> Connection:
    said = conninfo_to_dict(dsn)
    spec = SimpleNamespace(host=ELSEWHERE, port=port, database=said["dbname"], user=said.get("user"), sslmode=sslmode)
    secrets = {"password": str(said["password"])} if said.get("password") else {}
    return warehouse("postgres").connect(
        spec, "pg", secrets=secrets, root=Path(), read_only=True, lock_timeout_s=0, command="test"
    )


@pytest.mark.postgres
def test_a_certificate_that_nobody_signed_is_refused_by_default(postgres_dsn: str) -> None:
    with front(postgres_dsn) as server:
        for sslmode in (None, "verify-full", "verify-ca"):
            with pytest.raises(ConnectError, match="certificate"):
                connect(postgres_dsn, server.port, sslmode=sslmode)
        assert server.heard == 0  # not even the user's name


@pytest.mark.postgres
def test_a_server_without_tls_is_refused_by_default(postgres_dsn: str) -> None:
    with front(postgres_dsn, tls=False) as server:
        for sslmode in (None, "require"):
            with pytest.raises(ConnectError, match="encrypted connection"):
                connect(postgres_dsn, server.port, sslmode=sslmode)
        assert server.heard == 0


@pytest.mark.postgres
def test_who_asks_for_less_gets_it(postgres_dsn: str) -> None:
    with front(postgres_dsn) as server, connect(postgres_dsn, server.port, sslmode="require") as connection:
        assert connection.query("SELECT 1") == [(1,)]


@pytest.mark.postgres
def test_an_authority_of_ones_own_is_named_to_libpq(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSSLROOTCERT", str(TLS / "certificate.pem"))
    with front(postgres_dsn) as server, connect(postgres_dsn, server.port) as connection:
        assert connection.query("SELECT 1") == [(1,)]


@pytest.mark.parametrize(
    ("dsn", "sslmode"),
    [
        ("postgresql://u@db.example.com/d", "verify-full"),
        ("host=203.0.113.5 dbname=d", "verify-full"),
        ("hostaddr=203.0.113.5 dbname=d", "verify-full"),
        ("host=localhost hostaddr=203.0.113.5 dbname=d", "verify-full"),
        ("host=localhost,db.example.com dbname=d", "verify-full"),
        ("service=prod", "verify-full"),
        ("postgresql://u@[2001:db8::1]/d", "verify-full"),
        ("postgresql://u@localhost.evil.example/d", "verify-full"),
        ("postgresql://u@db.example.com/d?sslmode=require", "require"),
        ("postgresql:///d", None),
        ("host=/run/postgresql dbname=d", None),
        ("postgresql://u@[::1]/d", None),
        ("host=db.example.com hostaddr=127.0.0.1 dbname=d", None),
    ],
)
def test_what_is_not_this_machine_must_be_verified(
    dsn: str, sslmode: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    said = connection_parameters(SimpleNamespace(), {"dsn": dsn})
    assert said.get("sslmode") == sslmode
    assert said.get("sslrootcert") == ("system" if sslmode == "verify-full" else None)
