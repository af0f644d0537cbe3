"""What surrounds a watched program: a page with incidents on it, which it scrapes, and somebody who is paged. Both live
in the test's own process and do on command what real ones do on bad days."""
import http.server
import json
import random
import socket
import threading
import time


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def handle_error(self, request, address):
        """Whoever asked may be dead by now."""


class Quiet(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Incidents:
    """`incident{id="3"} 1` for each that was raised, for ever."""

    def __init__(self):
        self.raised = {}  # id: when, by this process's steady clock
        outer = self

        class Page(Quiet):
            def do_GET(self):
                lines = [f'incident{{id="{one}"}} 1\n' for one in list(outer.raised)]
                self.answer(200, "".join(["page 1\n", *lines]).encode(), Content_Type="text/plain; version=0.0.4")

        self.server = Server(("127.0.0.1", 0), Page)
        self.address = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def raise_one(self):
        self.raised[str(len(self.raised))] = time.monotonic()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Receiver:
    """A webhook's other end. `mood` says how it answers: well, slow, storm (429) or garbage; `down` closes the door."""

    SLOW_SECONDS = 2.5

    def __init__(self, seed):
        self.mood, self.pick, self.lock = "well", random.Random(seed), threading.Lock()
        self.told = {}  # id: when it was told to be firing and we answered 200, each time
        self.server = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.open()

    def open(self):
        outer = self

        class Hook(Quiet):
            timeout = 30

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.answer(self, body)

        self.server = Server(("127.0.0.1", self.port), Hook)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        if self.server is None:
            return
        self.server.shutdown()
        self.server.server_close()
        self.server = None

    def answer(self, hook, body):
        if self.server is None:  # a connection that was kept open while the door was closed
            hook.close_connection = True
            return
        mood = self.mood
        if mood == "storm":
            hook.answer(429, b"slow down", Retry_After="1")
            return
        if mood == "garbage":
            self.answer_garbage(hook)
            return
        if mood == "slow":
            time.sleep(self.SLOW_SECONDS)
        now = time.monotonic()
        hook.answer(200, b"ok")
        with self.lock:
            for alert in json.loads(body)["alerts"]:
                if alert["status"] == "firing":
                    self.told.setdefault(alert["labels"]["id"], []).append(now)

    def answer_garbage(self, hook):
        kind = self.pick.randrange(4)
        if kind == 0:
            hook.answer(500, self.pick.randbytes(2000))
        elif kind == 1:
            hook.wfile.write(self.pick.randbytes(500))
        elif kind == 2:
            hook.wfile.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 100000\r\n\r\nno")
        hook.close_connection = True  # the last kind says nothing at all


class Told:
    """What became of the incidents: how many pages were lost, came late, came again."""

    def __init__(self, pages=0, lost=0, late=0, repeated=0, slowest=0.0):
        self.pages, self.lost, self.late, self.repeated, self.slowest = pages, lost, late, repeated, slowest

    @classmethod
    def of(cls, incidents, receiver, fault_over, deadline):
        """A page is late when it came later than `deadline` seconds after its incident, or after the fault was over."""
        told = cls(pages=len(incidents.raised))
        for one, raised in incidents.raised.items():
            times = receiver.told.get(one, [])
            told.repeated += max(0, len(times) - 1)
            if not times:
                told.lost += 1
                continue
            waited = times[0] - max(raised, fault_over)
            told.late += waited > deadline
            told.slowest = max(told.slowest, waited)
        return told

    def add(self, other):
        self.pages += other.pages
        self.lost += other.lost
        self.late += other.late
        self.repeated += other.repeated
        self.slowest = max(self.slowest, other.slowest)
