"""Pages as `application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited`, by hand."""
import struct

from remote_write import field, varint

CONTENT_TYPE = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
COUNTER, GAUGE, SUMMARY, UNTYPED, HISTOGRAM, GAUGE_HISTOGRAM = range(6)


def integer(number, value):
    return varint(number << 3) + varint(value)


def zigzag(value):
    return value << 1 if value >= 0 else (-value << 1) - 1


def real(number, value):
    return varint(number << 3 | 1) + struct.pack("<d", value)


def labels(of, number=1):
    return b"".join(field(number, field(1, name.encode()) + field(2, value.encode())) for name, value in of.items())


def moment(number, seconds):
    whole = int(seconds // 1)
    return field(number, integer(1, whole) + integer(2, round((seconds - whole) * 1e9)))


def exemplar(number, of, value, at=None):
    return field(number, labels(of) + real(2, value) + (b"" if at is None else moment(3, at)))


def counter(value, of=None, exemplar_of=b"", created=None, at=None):
    return metric(of, field(3, real(1, value) + exemplar_of + (b"" if created is None else moment(3, created))), at)


def gauge(value, of=None, at=None):
    return metric(of, field(2, real(1, value)), at)


def untyped(value, of=None):
    return metric(of, field(5, real(1, value)))


def summary(count, total, quantiles, of=None, created=None):
    inside = integer(1, count) + real(2, total) + b"".join(field(3, real(1, q) + real(2, v)) for q, v in quantiles)
    return metric(of, field(4, inside + (b"" if created is None else moment(4, created))))


def bucket(count, bound, exemplar_of=b""):
    return field(3, integer(1, count) + real(2, bound) + exemplar_of)


def histogram(count, total, buckets=b"", native=b"", of=None, created=None, at=None):
    """`buckets` made by `bucket`, `native` by `native_part`."""
    inside = integer(1, count) + real(2, total) + buckets + native + (b"" if created is None else moment(15, created))
    return metric(of, field(7, inside), at)


def native_part(schema, zero_threshold, zero_count, positive=(), negative=(), exemplars=b""):
    """`positive` and `negative`: spans as (offset, length), then the differences of counts."""
    out = integer(5, zigzag(schema)) + real(6, zero_threshold) + integer(7, zero_count)
    for side, spans_at, deltas_at in ((negative, 9, 10), (positive, 12, 13)):
        if side:
            spans, deltas = side
            out += b"".join(field(spans_at, integer(1, zigzag(offset)) + integer(2, length)) for offset, length in spans)
            out += field(deltas_at, b"".join(varint(zigzag(delta)) for delta in deltas))
    return out + exemplars


def metric(of, kind, at=None):
    return field(4, labels(of or {}) + kind + (b"" if at is None else integer(6, int(at * 1000))))


def family(name, kind, metrics, help="", unit=""):
    """One delimited message: its length, then it."""
    inside = field(1, name.encode()) + (field(2, help.encode()) if help else b"") + integer(3, kind) + b"".join(metrics)
    inside += field(5, unit.encode()) if unit else b""
    return varint(len(inside)) + inside
