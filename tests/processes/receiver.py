"""A webhook receiver in the test's own process: plays a list of answers and keeps what it was sent."""
import http.server
import json
import threading
import time


class Receiver:
    """Answers on 127.0.0.1 with what `answer(path, body)` says: (status, headers, body)."""

    def __init__(self, answer=None):
        self.received = []
        self.lock = threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with outer.lock:
                    outer.received.append({"path": self.path, "headers": dict(self.headers), "body": body, "at": time.time()})
                status, headers, text = outer.answer(self.path, body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def do_GET(self):
                self.send_response(outer.get(self.path))
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *args):
                pass

        self.answer = answer or (lambda path, body: (200, {}, b"ok"))
        self.get = lambda path: 200
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda request, address: None  # whoever asked may be dead by now: some tests kill it
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def bodies(self):
        with self.lock:
            return [json.loads(one["body"]) for one in self.received]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
