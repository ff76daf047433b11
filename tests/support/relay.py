"""A TCP relay in front of a server, whose connections a test can cut, or leave without an answer."""

import json
import socket
import threading
from contextlib import suppress
from pathlib import Path


class Relay:
    """Listens on a port of its own and passes bytes on; `cut` drops what is connected now, and `hold`
    passes on nothing any more."""

    def __init__(self, host: str, port: int, listen_on: str = "127.0.0.1") -> None:
        self._target = (host, port)
        self._open: list[socket.socket] = []
        self._listener = socket.create_server((listen_on, 0))
        self._holds = False
        self.swallowed = 0
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def hold(self) -> None:
        """From now on take connections and what is sent, and answer nothing; `swallowed` counts that."""
        self._holds = True

    def cut(self) -> int:
        """Drop every connection; how many sockets that were."""
        dropped, self._open = self._open, []
        for each in dropped:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        return len(dropped)

    def close(self) -> None:
        """Drop everything and listen no more."""
        # Closing alone would not do: a thread that waits in accept keeps the socket listening.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._target)
                self._open += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if self._holds:
                    self.swallowed += 1
                else:
                    sink.sendall(data)
            if not self._holds:
                sink.shutdown(socket.SHUT_WR)


def relayed(kubeconfig: Path, relay: Relay, folder: Path) -> Path:
    """A copy of a kubeconfig that leads through the relay."""
    config = json.loads(kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{relay.port}"
    copy = folder / f"relayed-{relay.port}"
    copy.touch(mode=0o600)
    copy.write_text(json.dumps(config))
    return copy
