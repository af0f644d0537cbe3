"""Random data, the same for the same seed: series with gaps, resets, stale markers, NaN, infinities, tiny and huge
values and native histograms, between second 0 and 1800. A sample is [milliseconds, value]; a value is a number, 'NaN',
'+Inf', '-Inf', 'stale', or a histogram:

    {"schema": 1, "zero": [threshold, count], "count": 7, "sum": 3.5, "positive": [[offset, length] …],
     "negative": [[offset, length] …], "positive_counts": [1, 2 …], "negative_counts": […], "custom": [bounds …],
     "hint": "gauge", "floats": true}

where all but schema, count and sum may be left out. The sum of a stale histogram is 'stale'.
"""
END = 1800000


class Data:
    def __init__(self, rng, histograms=True):
        self.rng, self.series = rng, []
        for a in '123':
            for b in ('x', 'y', 'yy'):
                if rng.random() < 0.85:
                    self.add('c', {'a': a, 'b': b}, self.counter)
                if rng.random() < 0.85:
                    self.add('g', {'a': a, 'b': b}, self.gauge)
            self.add('n', {'a': a}, self.falling)
            self.add('x_total', {'a': a, 'l.é': rng.choice('pq')}, self.counter)
        for b in ('x', 'y'):
            self.add('t', {'a': '1', 'b': b}, self.extreme)
            self.buckets('h_bucket', {'a': '1', 'b': b}, ['0.1', '0.5', '1', '2.5', '+Inf'])
        self.buckets('k_bucket', {'a': '2'}, ['-1', '0', '0.3', '+Inf'], wrong=True)
        self.buckets('k_bucket', {'a': '3'}, ['1', '2', 'many'], wrong=True)
        self.add('m.é', {'a': '1', 'b': 'x'}, self.gauge)
        for instance in 'ij':
            self.add('d', {'job': 'p', 'instance': instance, 'a': '1'}, self.counter)
            for version in ('v1', 'v2'):
                if rng.random() < 0.7:
                    self.add('target_info', {'job': 'p', 'instance': instance, 'version': version, 'a': 'other'}, self.present)
        self.add('build_info', {'job': 'p', 'instance': 'i', 'edition': 'e'}, self.present)
        if histograms:
            self.add_histograms()
        # Prometheus shows series in the order in which they came to be: here, that of labels.
        self.series.sort(key=lambda one: sorted(one[0].items()))

    def add_histograms(self):
        for a in '12':
            for b in 'xy':
                if self.rng.random() < 0.9:
                    self.add('e', {'a': a, 'b': b}, self.histograms(False, False))
            self.add('eg', {'a': a}, self.histograms(False, True))
            self.add('u', {'a': a}, self.histograms(True, False))
            self.add('w', {'a': a}, self.histograms(self.rng.random() < 0.5, self.rng.random() < 0.5, mixed=True))

    def add(self, name, labels, values):
        rng, samples = self.rng, []
        now, shown = rng.randrange(0, 40000), values()
        while now < END:
            roll = rng.random()
            value = next(shown)
            if roll < 0.02:
                samples.append([now, dict(value, sum='stale') if isinstance(value, dict) else 'stale'])
                now += rng.choice([60000, 400000])
            else:
                samples.append([now, value])
                now += rng.choice([15000, 15000, 15000, 14980, 30000, 10001]) if roll < 0.95 else rng.choice([90000, 330000])
        self.series.append([dict(labels, __name__=name), samples])

    def counter(self):
        rng, value = self.rng, self.rng.choice([0, 0, 5, 100.5])
        while True:
            value = rng.choice([0, 0.5]) if rng.random() < 0.04 else value + rng.choice([0, 1, 2.5, 10])
            yield value

    def falling(self):
        value = 100.5
        while True:
            value += self.rng.choice([-3.25, -1, 0, 0.1])
            yield value

    def gauge(self):
        rng, value = self.rng, 0
        while True:
            value = rng.choice([value, value + 0.1, value - 0.7, 1e9, -3, 0])
            yield rng.choice(['NaN', '+Inf', '-Inf']) if rng.random() < 0.02 else value

    def extreme(self):
        rng = self.rng
        while True:
            yield rng.choice([5e-324, -2.5e-310, 1e-300, 1.7976931348623157e308, -1.7e308, 1e308, 1 / 3, -1 / 3, 1e16, 1, 4503599627370497.5])

    def present(self):
        while True:
            yield 1

    def buckets(self, name, labels, bounds, wrong=False):
        rng, counts, rows = self.rng, [0.0] * len(bounds), [[] for _ in bounds]
        for now in range(7000, END, 15000):
            if rng.random() < 0.03:
                counts = [0.0] * len(bounds)
            for i in range(rng.randrange(len(bounds)), len(bounds)):
                counts[i] += rng.choice([1, 1, 3])
            for i in range(1, len(bounds)):
                if not wrong or rng.random() < 0.9:
                    counts[i] = max(counts[i], counts[i - 1])
            for row, count in zip(rows, counts):
                if not wrong or rng.random() < 0.95:
                    row.append([now, count])
        for bound, row in zip(bounds, rows):
            self.series.append([dict(labels, __name__=name, le=bound), row])

    def histograms(self, custom, gauge, mixed=False):
        return lambda: self.histogram_values(custom, gauge, mixed)

    def histogram_values(self, custom, gauge, mixed):
        """Histograms that grow; with resets, changes of schema, bounds and zero bucket, and floats between."""
        rng = self.rng
        floats = rng.random() < 0.4
        # The sides of a series stay: which half of the zero bucket counts depends on the empty buckets of a chunk too.
        below_zero = rng.random() < 0.3
        shape = self.shape(custom, below_zero)
        while True:
            roll = rng.random()
            if mixed and roll < 0.1:
                for _ in range(rng.randrange(1, 6)):
                    yield rng.choice([0, 1, 2.5, -7])
            if mixed and roll > 0.96:
                custom, floats = not custom, not floats
            # A smaller count tells of a reset beyond doubt. Whether one is seen in the buckets alone depends on the
            # empty ones that Prometheus's chunk happens to hold.
            many = sum(sum(shape.get(part, {}).values()) for part in ('positive', 'negative')) > 150
            if many and roll < 0.2:
                shape = self.shape(custom, below_zero)
            elif many and roll < 0.4:
                self.clear(shape)
            self.grow(shape, gauge)
            yield self.shown(shape, gauge, floats)

    def shape(self, custom, below_zero):
        rng = self.rng
        if custom:
            bounds = rng.choice([[0.5, 1, 2], [0.5, 1, 2, 5, 10], [-1, 0, 1], [1]])
            return {'schema': -53, 'custom': bounds, 'positive': {i: 0 for i in range(len(bounds) + 1) if rng.random() < 0.8}, 'sum': 0}
        at = rng.randrange(-5, 5)
        return {'schema': rng.choice([-1, 0, 0, 1, 2, 3]), 'zero': [rng.choice([0, 0.001, 0.5]), 0],
                'positive': {i: 0 for i in range(at, at + rng.randrange(1, 9)) if i == at or rng.random() < 0.7},
                'negative': {i: 0 for i in range(-2, rng.randrange(0, 3))} if below_zero else {}, 'sum': 0}

    @staticmethod
    def clear(shape):
        shape['sum'] = 0
        for part in ('positive', 'negative'):
            for i in shape.get(part, {}):
                shape[part][i] = 0
        if 'zero' in shape:
            shape['zero'][1] = 0

    def grow(self, shape, gauge):
        rng = self.rng
        for part in ('positive', 'negative'):
            buckets = shape.get(part, {})
            for i in buckets:
                buckets[i] = max(0, buckets[i] + rng.choice([0, 0, 1, 2, 5] if not gauge else [-2, 0, 1, 3]))
            if buckets and not shape.get('custom') and rng.random() < 0.1:
                buckets.setdefault(max(buckets) + rng.choice([1, 2, 4]), 1)
        if 'zero' in shape:
            shape['zero'][1] += rng.choice([0, 0, 1])
        # Not NaN: what a quantile then makes of empty buckets depends on which of them Prometheus's chunk happens to hold.
        shape['sum'] = '+Inf' if rng.random() < 0.01 else self.sum_after(shape['sum'])

    def sum_after(self, before):
        return (before if isinstance(before, (int, float)) else 0) + self.rng.choice([0, 0.5, 1.25, 10, -3])

    def shown(self, shape, gauge, floats):
        scale = 1.5 if floats else 1
        out = {'schema': shape['schema'], 'sum': shape['sum']}
        count = 0
        for part in ('positive', 'negative'):
            spans, counts, last = [], [], None
            for i in sorted(shape.get(part, {})):
                if last is not None and i == last + 1:
                    spans[-1][1] += 1
                else:
                    spans.append([i if last is None else i - last - 1, 1])
                counts.append(shape[part][i] * scale)
                last = i
            if spans:
                out[part], out[part + '_counts'] = spans, counts
            count += sum(counts)
        if 'zero' in shape:
            out['zero'] = [shape['zero'][0], shape['zero'][1] * scale]
            count += out['zero'][1]
        if 'custom' in shape:
            out['custom'] = shape['custom']
        if gauge:
            out['hint'] = 'gauge'
        if floats:
            out['floats'] = True
        out['count'] = count
        return out


def make_data(rng, histograms=True):
    return Data(rng, histograms).series
