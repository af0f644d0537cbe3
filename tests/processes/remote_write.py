"""A remote write sender of a few lines: protobuf's wire format and snappy's block format, by hand."""
import struct


def varint(number):
    """Base 128, lowest seven bits first; a negative number is its 64-bit two's complement."""
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number, payload):
    """A field whose payload has a length: text, bytes, a message."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def labels_of(labels):
    return b"".join(field(1, field(1, name.encode()) + field(2, value.encode())) for name, value in sorted(labels.items()))


def series(labels, samples, exemplars=()):
    """A TimeSeries: `labels` as a dictionary, `samples` as (milliseconds, value), exemplars with labels before these."""
    out = labels_of(labels)
    for at, value in samples:
        out += field(2, b"\x09" + struct.pack("<d", value) + b"\x10" + varint(at))
    for of, at, value in exemplars:
        out += field(3, labels_of(of) + b"\x11" + struct.pack("<d", value) + b"\x18" + varint(at))
    return out


def write_request(all_series):
    return b"".join(field(1, one) for one in all_series)


def snappy(data):
    """Snappy's block format with nothing compressed: the length, then literals of at most 64 KiB.

    A literal's tag is (length - 1) << 2 up to 60 bytes, else 61 << 2 and the length - 1 in two bytes.
    """
    out = bytearray(varint(len(data)))
    for at in range(0, len(data), 65536):
        part = data[at:at + 65536]
        if len(part) <= 60:
            out.append((len(part) - 1) << 2)
        else:
            out.append(61 << 2)
            out += struct.pack("<H", len(part) - 1)
        out += part
    return bytes(out)


def body(all_series):
    """What is posted to /api/v1/write."""
    return snappy(write_request(all_series))


HEADERS = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf", "X-Prometheus-Remote-Write-Version": "0.1.0"}
