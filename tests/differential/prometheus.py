"""A real Prometheus of the version Vedette follows, for recording and for comparing: started on a free loopback
port in a temporary folder, written to by remote write, asked over HTTP, and always ended."""
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

VERSION = '3.5.3'


def varint(n):
    out = b''
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def write_request(series):
    out = b''
    for labels, samples in series:
        one = b''
        for name in sorted(labels):
            one += field(1, field(1, name.encode()) + field(2, labels[name].encode()))
        for at, value in samples:
            # The marker's bits are copied: a float would lose that they are a signalling NaN's.
            bits = struct.pack('<Q', 0x7ff0000000000002) if value == 'stale' else struct.pack('<d', float(value))
            one += field(2, b'\x09' + bits + b'\x10' + varint(at))
        out += field(1, one)
    return out


def snappy(data):
    """Literals only: what any reader of the format takes."""
    out = varint(len(data))
    for i in range(0, len(data), 65536):
        part = data[i:i + 65536]
        out += b'\xf4' + struct.pack('<H', len(part) - 1) + part
    return out


def free_port():
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        return free.getsockname()[1]


class Server:
    """A program with Prometheus's HTTP API, ended by its own pid."""

    def __init__(self, words, address, token=None):
        self.address = address
        self.headers = {'Authorization': 'Bearer ' + token} if token else {}
        self.process = subprocess.Popen(words, stdout=sys.stderr)
        for _ in range(200):
            if self.process.poll() is not None:
                sys.exit('%s ended with %d' % (words[0], self.process.returncode))
            try:
                urllib.request.urlopen('http://%s/-/ready' % address)
                return
            except OSError:
                time.sleep(0.05)
        self.stop()
        sys.exit('%s does not become ready' % words[0])

    def write(self, series):
        urllib.request.urlopen(urllib.request.Request(
            'http://%s/api/v1/write' % self.address, snappy(write_request(series)),
            {'Content-Encoding': 'snappy', 'Content-Type': 'application/x-protobuf',
             'X-Prometheus-Remote-Write-Version': '0.1.0', **self.headers}))

    def ask(self, path, **form):
        request = urllib.request.Request('http://%s/api/v1/%s' % (self.address, path),
                                         urllib.parse.urlencode(form).encode(), self.headers)
        try:
            return json.load(urllib.request.urlopen(request))
        except urllib.error.HTTPError as failure:
            return json.load(failure)

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Prometheus(Server):
    def __init__(self, folder):
        binary = os.path.join(folder, 'prometheus')
        version = subprocess.run([binary, '--version'], capture_output=True, text=True, check=True).stdout.split()[2]
        if version.split('+')[0] != VERSION:  # a distribution adds a suffix
            sys.exit('%s is Prometheus %s; expected %s' % (binary, version, VERSION))
        self.home = tempfile.TemporaryDirectory()
        config = os.path.join(self.home.name, 'prometheus.yml')
        with open(config, 'w') as out:
            out.write('global: {scrape_interval: 1h}\n')
        address = '127.0.0.1:%d' % free_port()
        super().__init__(
            [binary, '--config.file=' + config, '--storage.tsdb.path=' + self.home.name + '/data',
             '--web.listen-address=' + address, '--web.enable-remote-write-receiver', '--log.level=error'], address)

    def stop(self):
        super().stop()
        self.home.cleanup()


def answer_of(reply):
    """What matters of a reply, in the shape in which it is recorded."""
    if reply['status'] != 'success':
        return {'error': reply['error']}
    data = reply['data']
    kind, result = data['resultType'], data['result']
    if kind == 'vector':
        result = [[one['metric'], [one['value']]] for one in result]
    elif kind == 'matrix':
        result = [[one['metric'], one['values']] for one in result]
    elif kind == 'scalar':
        result = [[{}, [result]]]
    out = {'type': kind, 'series': result}
    for name in ('warnings', 'infos'):
        if reply.get(name):
            out[name] = sorted(reply[name])
    return out
