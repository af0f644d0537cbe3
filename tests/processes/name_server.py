"""A small name server on loopback, UDP and TCP, that answers from a table: {(type, name): [data] or a code}."""
import ipaddress
import socket
import socketserver
import struct
import threading

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "MX": 15, "AAAA": 28, "SRV": 33}
SERVFAIL, NXDOMAIN, SILENCE = 2, 3, None


def name_bytes(name):
    return b"".join(bytes([len(part)]) + part.encode() for part in name.rstrip(".").split(".") if part) + b"\0"


def data_bytes(kind, data):
    if kind in ("A", "AAAA"):
        return ipaddress.ip_address(data).packed
    if kind == "MX":
        return struct.pack(">H", 10) + name_bytes(data)
    if kind == "SRV":
        return struct.pack(">HHH", 1, 1, data[1]) + name_bytes(data[0])
    return name_bytes(data)


class NameServer:
    """`table[("SRV", "_web._tcp.shop.test")] = [("a.shop.test", 80)]`. A name that no type has is not there.

    What does not fit into 512 bytes comes cut over UDP, and whole over TCP.
    """

    def __init__(self, address="127.0.0.1", port=0):
        self.table, self.asked = {}, []
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((address, port))
        self.port = self.udp.getsockname()[1]
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                head = self.rfile.read(2)
                if len(head) == 2:
                    outer.asked_over_tcp += 1
                    answer = outer.answer(self.rfile.read(struct.unpack(">H", head)[0]))
                    self.wfile.write(struct.pack(">H", len(answer)) + answer)
        self.asked_over_tcp = 0
        socketserver.ThreadingTCPServer.allow_reuse_address = True
        self.tcp = socketserver.ThreadingTCPServer((address, self.port), Handler)
        for serve in (self.serve_udp, self.tcp.serve_forever):
            threading.Thread(target=serve, daemon=True).start()

    def serve_udp(self):
        while True:
            try:
                query, whose = self.udp.recvfrom(4096)
            except OSError:
                return
            answer = self.answer(query)
            if answer is SILENCE:
                continue
            if len(answer) > 512:  # cut: the question alone, with the flag that says so
                answer = answer[:2] + b"\x83\x80" + struct.pack(">HHHH", 1, 0, 0, 0) + self.question(query)[2]
            self.udp.sendto(answer, whose)

    def question(self, query):
        name, at = [], 12
        while query[at]:
            name.append(query[at + 1:at + 1 + query[at]].decode())
            at += query[at] + 1
        return ".".join(name).lower(), struct.unpack(">H", query[at + 1:at + 3])[0], query[12:at + 5]

    def answer(self, query):
        name, number, question = self.question(query)
        kind = {known: text for text, known in TYPES.items()}.get(number, str(number))
        self.asked.append((kind, name))
        exists = any(known == name for _, known in self.table)
        found = self.table.get((kind, name), [] if exists else NXDOMAIN)
        if found is SILENCE:
            return SILENCE
        code, records = (found, []) if isinstance(found, int) else (0, found)
        out = query[:2] + bytes([0x81, 0x80 | code]) + struct.pack(">HHHH", 1, len(records), 0, 0) + question
        for record in records:
            own, data = record if isinstance(record, tuple) and record[0] in TYPES else (kind, record)
            data = data_bytes(own, data)
            out += b"\xc0\x0c" + struct.pack(">HHIH", TYPES[own], 1, 60, len(data)) + data
        return out

    def close(self):
        self.tcp.shutdown()
        self.tcp.server_close()
        self.udp.close()
