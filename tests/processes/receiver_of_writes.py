"""A receiver of remote write, 1.0 and 2.0, that keeps what it is sent and answers as it is told."""
import http.server
import struct
import threading
import time


def varint(data, at):
    out = shift = 0
    while True:
        byte = data[at]
        at += 1
        out |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return out, at


def fields(data):
    """(number, value) of a message: integers, 8 bytes as they are, or bytes."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        elif key & 7 == 1:
            value, at = data[at:at + 8], at + 8
        else:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        yield key >> 3, value


def unsnappy(data):
    """The block format: literals and copies."""
    size, at = varint(data, 0)
    out = bytearray()
    while at < len(data):
        tag = data[at]
        at += 1
        if tag & 3 == 0:
            length = tag >> 2
            if length >= 60:
                extra = length - 59
                length = int.from_bytes(data[at:at + extra], "little")
                at += extra
            out += data[at:at + length + 1]
            at += length + 1
            continue
        if tag & 3 == 1:
            length, offset = (tag >> 2 & 7) + 4, (tag >> 5) << 8 | data[at]
            at += 1
        else:
            width = 2 if tag & 3 == 2 else 4
            length, offset = (tag >> 2) + 1, int.from_bytes(data[at:at + width], "little")
            at += width
        for _ in range(length):
            out.append(out[-offset])
    assert len(out) == size
    return bytes(out)


def sample(data):
    found = dict(fields(data))
    return found.get(2, 0), struct.unpack("<d", found.get(1, bytes(8)))[0]


def series_1(data):
    labels, samples = {}, []
    for number, value in fields(data):
        if number == 1:
            pair = dict(fields(value))
            labels[pair[1].decode()] = pair[2].decode()
        elif number == 2:
            samples.append(sample(value))
    return labels, samples


def series_2(data, symbols):
    labels, samples = {}, []
    for number, value in fields(data):
        if number == 1:
            refs, at = [], 0
            while at < len(value):
                ref, at = varint(value, at)
                refs.append(symbols[ref])
            labels = dict(zip(refs[::2], refs[1::2]))
        elif number == 2:
            samples.append(sample(value))
    return labels, samples


class WriteRequest:
    def __init__(self, headers, body):
        self.at, self.headers = time.monotonic(), dict(headers)
        message = list(fields(unsnappy(body)))
        if headers["X-Prometheus-Remote-Write-Version"].startswith("2"):
            symbols = [value.decode() for number, value in message if number == 4]
            assert symbols[0] == ""
            self.series = [series_2(value, symbols) for number, value in message if number == 5]
        else:
            self.series = [series_1(value) for number, value in message if number == 1]
        self.metadata = [dict(fields(value)) for number, value in message if number == 3]


class WriteReceiver:
    def __init__(self, answers=()):
        """`answers`: (status, headers) for the first requests; 204 for the rest."""
        self.requests, answers = [], list(answers)
        requests = self.requests

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                requests.append(WriteRequest(self.headers, body))
                status, headers = answers.pop(0) if answers else (204, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
