"""A name server for a single name, in place of the container engine's."""

from __future__ import annotations

import socket
import struct
import threading
from ipaddress import IPv4Address

TTL_S = 1


class Resolver(threading.Thread):
    """Answers every query with `addresses`, each of them first in turn, as the engine's own name server does."""

    def __init__(self, host: str) -> None:
        super().__init__(daemon=True, name="resolver")
        self.addresses: list[str] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self._turn = 0
        self.start()

    @property
    def address(self) -> str:
        host, port = self._socket.getsockname()
        return f"{host}:{port}"

    def run(self) -> None:
        while True:
            try:
                question, client = self._socket.recvfrom(512)
                self._socket.sendto(self._answer(question), client)
            except OSError:
                return

    def stop(self) -> None:
        self._socket.close()

    def _answer(self, question: bytes) -> bytes:
        number = question[:2]
        name_and_kind = question[12 : question.index(b"\0", 12) + 5]
        self._turn += 1
        known = list(self.addresses)
        turned = known[self._turn % len(known) :] + known[: self._turn % len(known)] if known else []
        head = number + struct.pack("!HHHHH", 0x8180 if turned else 0x8183, 1, len(turned), 0, 0)
        answers = [
            b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, TTL_S, 4) + IPv4Address(address).packed for address in turned
        ]
        return head + name_and_kind + b"".join(answers)
