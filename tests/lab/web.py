# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small web server for the simulated vendor repositories: `web.py ADDRESS PORT FOLDER REQUEST_LOG`.

The request log has one line per request: time, client, method, path, status, separated by blanks.
"""

from __future__ import annotations

import sys
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Handler(SimpleHTTPRequestHandler):
    """Files with keep-alive, and a request log that tests can count in."""

    protocol_version = "HTTP/1.1"
    timeout = 60
    record: Path
    lock = threading.Lock()

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        stamp = f"{time.time():.3f}"
        line = f"{stamp} {self.client_address[0]} {self.command} {self.path} {int(code)}\n"
        with self.lock, self.record.open("a") as out:
            out.write(line)

    def log_message(self, format: str, *args: Any) -> None:
        """Errors are in the request log by their status."""


class Server(ThreadingHTTPServer):
    """Threads that die with the process, and room for a whole fleet that asks at once."""

    daemon_threads = True
    request_queue_size = 128


def main() -> None:
    address, port, folder, record = sys.argv[1:]
    Handler.record = Path(record)
    with Server((address, int(port)), partial(Handler, directory=folder)) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
