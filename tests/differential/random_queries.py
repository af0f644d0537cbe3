"""Random data and random queries of good types over it, the same for the same seed."""


def make_data(rng):
    """Series with gaps, resets, stale markers, NaN and infinities, between second 0 and 1800."""
    series = []

    def add(name, labels, kind):
        now, value, samples = rng.randrange(0, 40000), rng.choice([0, 0, 5, 100.5]), []
        while now < 1800000:
            roll = rng.random()
            if roll < 0.02:
                samples.append([now, 'stale'])
                now += rng.choice([60000, 400000])
            else:
                if kind == 'counter':
                    value = rng.choice([0, 0.5]) if rng.random() < 0.04 else value + rng.choice([0, 1, 2.5, 10])
                    shown = value
                elif kind == 'negative':
                    value += rng.choice([-3.25, -1, 0, 0.1])
                    shown = value
                else:
                    value = rng.choice([value, value + 0.1, value - 0.7, 1e9, -3, 0])
                    shown = rng.choice(['NaN', '+Inf', '-Inf']) if rng.random() < 0.02 else value
                samples.append([now, shown])
                now += rng.choice([15000, 15000, 15000, 14980, 30000, 10001]) if roll < 0.95 else rng.choice([90000, 330000])
        series.append([dict(labels, __name__=name), samples])

    for a in '123':
        for b in ('x', 'y', 'yy'):
            if rng.random() < 0.85:
                add('c', {'a': a, 'b': b}, 'counter')
            if rng.random() < 0.85:
                add('g', {'a': a, 'b': b}, 'gauge')
        add('n', {'a': a}, 'negative')
    for b in ('x', 'y'):
        counts = [0.0] * 5
        rows = [[] for _ in counts]
        for now in range(7000, 1800000, 15000):
            if rng.random() < 0.03:
                counts = [0.0] * 5
            for i in range(5):
                counts[i] += 0
            hit = rng.randrange(5)
            for i in range(hit, 5):
                counts[i] += rng.choice([1, 1, 3])
            for i in range(1, 5):
                counts[i] = max(counts[i], counts[i - 1])
            for i in range(5):
                rows[i].append([now, counts[i]])
        for i, le in enumerate(['0.1', '0.5', '1', '2.5', '+Inf']):
            series.append([{'__name__': 'h_bucket', 'a': '1', 'b': b, 'le': le}, rows[i]])
    return series


class Queries:
    """Random queries of good types over those metrics, whose second 0 is `base`."""

    def __init__(self, rng, base=0):
        self.rng, self.base = rng, base

    def pick(self, *options):
        return self.rng.choice(options)

    def one(self):
        return self.scalar(3) if self.rng.randrange(14) == 0 else self.vector(3)

    def case(self):
        """The form of a request: with `time` for one moment, else with `start`, `end` and `step`."""
        case, rng = {'query': self.one()}, self.rng
        if rng.randrange(3) == 0:
            if rng.randrange(8) == 0:
                case['query'] = self.matrix(2)  # a range vector is an answer too, at one moment
            case['time'] = self.base + rng.choice([600, 900, 1234.567, 1795, 2000])
        else:
            case.update(start=self.base + rng.choice([300, 601, 777.5]), step=rng.choice([15, 60, 61.5, 200]))
            case['end'] = case['start'] + case['step'] * rng.choice([3, 6, 9])
        return case

    def selector(self):
        if self.rng.randrange(30) == 0:
            return self.pick('{__name__=~"c|g"}', '{"g",a="1"}', 'nothing')
        return self.pick('c', 'c', 'g', 'g', 'n', 'h_bucket') + self.pick(
            '', '', '', '{a="1"}', '{b=~"x|y"}', '{a!="2",b="x"}', '{b!~"y.*"}')

    def shift(self):
        return self.pick('', '', '', '', '', ' offset 1m', ' offset -2m', ' @ %d' % (self.base + 600), ' @ end()', ' @ start() offset 30s')

    def matrix(self, depth):
        if depth > 0 and self.rng.randrange(5) == 0:
            return '%s[%s:%s]%s' % (self.operand(depth), self.pick('2m', '5m', '7m30s'),
                                    self.pick('', '30s', '1m', '45s'), self.shift())
        return '%s[%s]%s' % (self.selector(), self.pick('1m', '2m', '5m', '97s', '10m'), self.shift())

    def scalar(self, depth):
        kind = self.rng.randrange(7 if depth > 0 else 3)
        if kind == 0:
            return self.pick('0', '1', '2.5', '-3', '1e3', '0x1f', '5m', 'Inf', 'NaN')
        if kind == 1:
            return self.pick('1', '2', '0.5', '10')
        if kind == 2:
            return self.pick('time()', 'pi()')
        if kind == 3:
            return 'scalar(%s)' % self.vector(depth - 1)
        if kind == 4:
            return '(%s)' % self.scalar(depth - 1)
        if kind == 5:
            return self.scalar(depth - 1) + self.pick(' + ', ' - ', ' * ', ' / ', ' % ', ' ^ ', ' > bool ', ' == bool ') + self.scalar(depth - 1)
        return '-' + self.scalar(depth - 1)

    def operand(self, depth):
        return '(%s)' % self.vector(depth - 1)

    def vector(self, depth):
        if depth <= 0:
            return self.selector() + self.shift()
        kind = self.rng.randrange(12)
        if kind == 0:
            return self.selector() + self.shift()
        if kind <= 2:
            return self.aggregation(depth)
        if kind <= 5:
            return self.over_time(depth)
        if kind == 6:
            return self.function(depth)
        if kind <= 8:
            return self.binary(depth)
        if kind == 9:
            op = self.pick(' + ', ' - ', ' * ', ' / ', ' % ', ' ^ ', ' > ', ' < bool ', ' != ')
            sides = [self.operand(depth), '(%s)' % self.scalar(depth - 1)]
            self.rng.shuffle(sides)
            return op.join(sides)
        if kind == 10:
            return '-' + self.operand(depth)
        return self.vector(depth - 1)

    def labels(self):
        return self.pick('()', '(a)', '(b)', '(a, b)', '(le)', '(a, le)')

    def aggregation(self, depth):
        op = self.pick('sum', 'sum', 'avg', 'min', 'max', 'count', 'group', 'stddev', 'stdvar', 'quantile', 'count_values')
        param = {'quantile': self.pick('0.5, ', '0.9, ', '1, ', '-1, ', '2, '), 'count_values': '"v", '}.get(op, '')
        return op + self.pick('', ' by %s ' % self.labels(), ' without %s ' % self.labels()) + '(%s%s)' % (param, self.vector(depth - 1))

    def over_time(self, depth):
        name = self.pick('rate', 'rate', 'increase', 'delta', 'irate', 'idelta', 'deriv', 'changes', 'resets', 'sum_over_time', 'avg_over_time',
                         'min_over_time', 'max_over_time', 'count_over_time', 'last_over_time', 'present_over_time', 'stddev_over_time',
                         'stdvar_over_time', 'quantile_over_time', 'predict_linear', 'absent_over_time')
        if name == 'quantile_over_time':
            return '%s(%s, %s)' % (name, self.pick('0.5', '0.99', '-1', '2'), self.matrix(depth - 1))
        if name == 'predict_linear':
            return '%s(%s, %s)' % (name, self.matrix(depth - 1), self.pick('60', '-30', '1h'))
        return '%s(%s)' % (name, self.matrix(depth - 1))

    def function(self, depth):
        inner = self.vector(depth - 1)
        return self.pick(
            '%s(%%s)' % self.pick('abs', 'ceil', 'floor', 'exp', 'ln', 'log2', 'log10', 'sqrt', 'sgn', 'sin', 'cos', 'deg', 'rad', 'atan', 'hour',
                                  'minute', 'day_of_week', 'month', 'year', 'days_in_month', 'day_of_year', 'sort', 'sort_desc'),
            'clamp(%s, ' + self.pick('0, 10', '5, 1', '-1, 1') + ')', 'clamp_min(%s, 3)', 'clamp_max(%s, 3)', 'round(%s)', 'round(%s, 0.5)',
            'label_replace(%s, "d", "$1-z", "a", "(.*)")', 'label_join(%s, "d", "-", "a", "b")', 'timestamp(%s)', 'absent(%s)',
            'histogram_quantile(%s, %%s)' % self.pick('0.5', '0.9', '0', '1', '-1'),
            'histogram_quantile(0.7, rate(h_bucket[5m])) + 0 * vector(scalar(%s))', 'histogram_fraction(0.2, 0.9, %s)',
            'histogram_fraction(0.2, 0.9, h_bucket) or %s') % inner

    def binary(self, depth):
        op = self.pick('+', '-', '*', '/', '%', '^', 'atan2', '==', '!=', '>', '<', '>=', '<=', 'and', 'or', 'unless', '> bool', '== bool')
        matching = self.pick('', '', '', 'on (a) ', 'ignoring (b) ', 'on (a, b) ', 'ignoring (le, b) ')
        if matching and op not in ('and', 'or', 'unless'):
            matching += self.pick('', 'group_left () ', 'group_right () ', 'group_left (le) ')
        return '%s %s %s%s' % (self.operand(depth), op, matching, self.operand(depth))
