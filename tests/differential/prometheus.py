"""A real Prometheus of the version Vedette follows, for recording and for comparing: started on a free loopback
port in a temporary folder, written to by remote write, asked over HTTP, and always ended."""
import http.client
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
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


def tagged(number, wire, payload):
    return varint(number << 3 | wire) + payload


def zigzag(n):
    return varint(n << 1 if n >= 0 else (-n << 1) - 1)


def double(value):
    # The marker's bits are copied: a float would lose that they are a signalling NaN's.
    return struct.pack('<Q', 0x7ff0000000000002) if value == 'stale' else struct.pack('<d', float(value))


HINTS = {'unknown': 0, 'reset': 1, 'not reset': 2, 'gauge': 3}


def histogram(at, value):
    """The message of a histogram as random_data.py writes them."""
    floats = value.get('floats', False)
    zero_threshold, zero_count = value.get('zero', [0, 0])
    whole = (lambda number, n: tagged(number, 1, double(n))) if floats else (lambda number, n: tagged(number, 0, varint(n)))
    out = whole(2 if floats else 1, value['count']) + tagged(3, 1, double(value['sum']))
    out += tagged(4, 0, zigzag(value['schema'])) + tagged(5, 1, double(zero_threshold)) + whole(7 if floats else 6, zero_count)
    for part, first in (('negative', 8), ('positive', 11)):
        for offset, length in value.get(part, []):
            out += field(first, tagged(1, 0, zigzag(offset)) + tagged(2, 0, varint(length)))
        counts = value.get(part + '_counts', [])
        if floats:
            out += field(first + 2, b''.join(map(double, counts)))
        else:
            out += field(first + 1, b''.join(zigzag(n - before) for n, before in zip(counts, [0] + counts)))
    out += tagged(14, 0, varint(HINTS[value.get('hint', 'unknown')])) + tagged(15, 0, varint(at))
    return out + field(16, b''.join(map(double, value.get('custom', []))))


def write_request(series):
    out = b''
    for labels, samples in series:
        one = b''
        for name in sorted(labels):
            one += field(1, field(1, name.encode()) + field(2, labels[name].encode()))
        for at, value in samples:
            if isinstance(value, dict):
                one += field(4, histogram(at, value))
            else:
                one += field(2, b'\x09' + double(value) + b'\x10' + varint(at))
        out += field(1, one)
    return out


def waves(series):
    """Series cut where their samples change between floats and the two kinds of histograms: Prometheus appends all
    floats of a request before its histograms, and would find those too old. A marker goes alone, as it becomes that of
    a histogram when the last sample known before the request was one."""
    def kind(value):
        if value == 'stale':
            return value
        return value.get('floats', False) if isinstance(value, dict) else None
    left = [(labels, samples, 0) for labels, samples in series]
    while left:
        now, later = [], []
        for labels, samples, begin in left:
            end = begin
            while end < len(samples) and kind(samples[end][1]) == kind(samples[begin][1]):
                end += 1
            now.append((labels, samples[begin:end]))
            if end < len(samples):
                later.append((labels, samples, end))
        yield now
        left = later


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
        self.address, self.connection = address, None
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
        for wave in waves(series):
            urllib.request.urlopen(urllib.request.Request(
                'http://%s/api/v1/write' % self.address, snappy(write_request(wave)),
                {'Content-Encoding': 'snappy', 'Content-Type': 'application/x-protobuf',
                 'X-Prometheus-Remote-Write-Version': '0.1.0', **self.headers}))

    def ask_raw(self, path, **form):
        """The body of the answer, over one connection that is kept."""
        headers = {'Content-Type': 'application/x-www-form-urlencoded', **self.headers}
        for attempt in (1, 2):
            if self.connection is None:
                self.connection = http.client.HTTPConnection(self.address)
                self.connection.connect()
                self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                self.connection.request('POST', '/api/v1/' + path, urllib.parse.urlencode(form), headers)
                return self.connection.getresponse().read()
            except (http.client.HTTPException, OSError):
                self.connection = None  # it had been idle too long, or is another process's
                if attempt == 2:
                    raise

    def ask(self, path, **form):
        return json.loads(self.ask_raw(path, **form))

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Prometheus(Server):
    """One with native histograms, those features, and what `storage:` of its configuration says."""

    def __init__(self, folder, features=(), storage=''):
        binary = os.path.join(folder, 'prometheus')
        version = subprocess.run([binary, '--version'], capture_output=True, text=True, check=True).stdout.split()[2]
        if version.split('+')[0] != VERSION:  # a distribution adds a suffix
            sys.exit('%s is Prometheus %s; expected %s' % (binary, version, VERSION))
        self.home = tempfile.TemporaryDirectory()
        config = os.path.join(self.home.name, 'prometheus.yml')
        with open(config, 'w') as out:
            out.write('global: {scrape_interval: 1h}\nstorage: {%s}\n' % storage)
        address = '127.0.0.1:%d' % free_port()
        super().__init__(
            [binary, '--config.file=' + config, '--storage.tsdb.path=' + self.home.name + '/data',
             '--web.listen-address=' + address, '--web.enable-remote-write-receiver', '--log.level=error',
             '--enable-feature=' + ','.join(['native-histograms', *features])], address)

    def stop(self):
        super().stop()
        self.home.cleanup()
