"""Random PromQL texts, good ones and broken ones, the same for the same seed: what only a reader of the language has
to judge. Nothing here needs data."""

NAMES = ['a', 'up', 'x:y', 'sum', 'and', 'or', 'unless', 'by', 'on', 'bool', 'offset', 'start', 'end', 'inf', 'NaN', 'group_left', 'ignoring',
         'atan2', 'rate', 'time', 'topk', 'limitk', 'e5', '_', 'a_b:c', 'step', 'Sum', 'INF', ':x', 'min', 'quantile', 'without']
LABELS = ['job', 'a', 'le', 'by', 'on', 'sum', '__name__', 'bool', 'offset', 'start', 'inf', 'NaN', '"a b"', '"é"', "'x'", '`q`', '"a"']
NUMBERS = ['0', '1', '2.5', '.5', '1.', '1e3', '1E-2', '1e+2', '0x1f', '0X_F', '017', '08', '1_000', '0x', '1e', '5m', '1h30m', '1d2h', '5ms', '1y', '1m1h',
           'Inf', 'inf', 'NaN', 'nan', '1i', '1.5m', '0b1', '0o7', '1__0', '1_', '9223372036854775807', '18446744073709551616', '1e308', '1e309', '1e-400',
           '300y', '5m5', '00', '0.0', '-0', '+Inf', '0x1p2', '0x1.8', '1.e3', '12e1_0']
STRINGS = ['"a"', "'b'", '`c`', '""', r'"\n\t\\\""', r"'\''", r'"\x41\u00e9\U0001f600\101"', '"é"', '"日本"', r'"\q"', r'"\x4"', r'"\ud800"', r'"\400"', '"a\nb"',
           '`a\nb`', '"unclosed', "'un", '`un', r'"\'"', r'"$1"', '"%"', r'"\u0000"', '"\x7f"', '"\u00a0"', '"\u2028"', '"\ufffd"']
PATTERNS = ['".*"', '"a|b"', '"("', '"[a"', r'"\\d+"', '"(?i)x"', '"a{2,1}"', '"*"', '"(?<n>x)"', '"(?P<n>x)"', '"(?=x)"', r'"\\p{L}"', '"a**"', '".+"', '""', '"a{1001}"',
            r'"\\"', '"[[:alpha:]]"', '"[[:foo:]]"', '"[b-a]"', r'"\\8"', r'"\\pX"', '")"', '"(?P<n>a)(?P<n>b)"', '"x{0}"', '"(?z)"', '"(?P=n)"', '"(?P<1>a)"', r'"\\Qa.b\\E"', '"a??"', r'"\\z"', r'"\\Z"', r'"\\C"']
OPERATORS = ['+', '-', '*', '/', '%', '^', 'atan2', '==', '!=', '<', '<=', '>', '>=', 'and', 'or', 'unless', 'AND', '=', '=~', '!~', '!', '@', '**']
FUNCTIONS = ['rate', 'time', 'abs', 'round', 'label_replace', 'label_join', 'histogram_quantile', 'absent', 'absent_over_time', 'clamp', 'vector', 'scalar', 'pi',
             'day_of_week', 'quantile_over_time', 'predict_linear', 'sort_by_label', 'info', 'mad_over_time', 'double_exponential_smoothing', 'timestamp', 'foo',
             'Rate', 'last_over_time', 'sort', 'histogram_fraction', 'ts_of_max_over_time', 'sum_over_time']
AGGREGATIONS = ['sum', 'avg', 'count', 'min', 'max', 'group', 'stddev', 'stdvar', 'topk', 'bottomk', 'count_values', 'quantile', 'limitk', 'limit_ratio', 'SUM']
NOISE = ['(', ')', '{', '}', '[', ']', ',', ':', '"', "'", '`', '#', '\n', '\t', '@', '!', '=', '~', '$', '%', '^', '&', ';', '\\', '\0', 'é', '\u2028', '\ufeff', '.', '-', '+',
         '5m', 'by', 'on', 'bool', 'offset', 'group_left', 'ignoring', '# c\n', '\r', '\x0b', '..', '::', '{}', '()', '[]', '[5m]', 'start()', 'end', '🙂', '==', '=~']


class Expressions:
    def __init__(self, rng):
        self.rng = rng

    def pick(self, *options):
        return self.rng.choice(options)

    def one(self):
        """One text; about half of them are good."""
        text = self.expr(self.rng.choice([1, 2, 2, 3, 4]))
        for _ in range(self.rng.choice([0, 0, 0, 1, 1, 2, 4])):
            text = self.broken(text)
        return text

    def broken(self, text):
        rng = self.rng
        at = rng.randrange(len(text) + 1)
        kind = rng.randrange(6)
        if kind == 0:
            return text[:at] + text[at + rng.choice([1, 1, 2, 5]):]
        if kind == 1:
            return text[:at]
        if kind == 2:
            other = rng.randrange(len(text) + 1)
            return text[:at] + text[min(at, other):max(at, other)] + text[at:]
        if kind == 3 and len(text) > 1:
            at = rng.randrange(len(text) - 1)
            return text[:at] + text[at + 1] + text[at] + text[at + 2:]
        return text[:at] + rng.choice(NOISE) + text[at:]

    def space(self):
        return self.pick('', '', ' ', ' ', '\n', ' # c\n', '\t')

    def expr(self, depth):
        rng = self.rng
        if depth <= 0:
            return self.leaf()
        kind = rng.randrange(11)
        if kind <= 2:
            return self.binary(depth)
        if kind == 3:
            return self.aggregation(depth)
        if kind <= 5:
            return self.call(depth)
        if kind == 6:
            return '(' + self.space() + self.expr(depth - 1) + self.space() + ')'
        if kind == 7:
            return self.pick('-', '+', '- ', '--', '-+') + self.expr(depth - 1)
        if kind == 8:
            return self.suffixed(depth)
        return self.leaf()

    def leaf(self):
        kind = self.rng.randrange(8)
        if kind <= 4:
            return self.selector() + self.pick('', '', self.range(), self.shift())
        if kind == 5:
            return self.rng.choice(STRINGS)
        return self.rng.choice(NUMBERS)

    def selector(self):
        name = self.pick(*NAMES, 'up', 'a', 'up', '')
        if name and self.rng.randrange(2):
            return name
        matchers = [self.matcher() for _ in range(self.pick(0, 1, 1, 2, 3))]
        return name + self.pick('', '', ' ') + '{' + self.space() + (self.pick(',', ', ', ' , ')).join(matchers) + self.pick('', '', ',') + '}'

    def matcher(self):
        if self.rng.randrange(8) == 0:
            return self.rng.choice(STRINGS)
        op = self.pick('=', '=', '!=', '=~', '!~', ' = ', '==')
        value = self.rng.choice(PATTERNS if '~' in op else STRINGS)
        return self.rng.choice(LABELS) + op + value

    def duration(self, depth=2):
        if depth <= 0 or self.rng.randrange(3):
            return self.pick('5m', '1h30m', '30', '2.5', '0', '1e2', '0x10', '1d', '5ms', '1w', '1m', '10s')
        kind = self.rng.randrange(6)
        if kind == 0:
            return '(' + self.duration(depth - 1) + ')'
        if kind == 1:
            return self.pick('-', '+', '- ', '--') + self.duration(depth - 1)
        return self.duration(depth - 1) + self.space() + self.pick('+', '-', '*', '/', '%', '^') + self.space() + self.duration(depth - 1)

    def range(self):
        if self.rng.randrange(3) == 0:
            return '[%s:%s]' % (self.duration(), self.pick('', self.duration()))
        return '[' + self.space() + self.duration() + self.space() + ']'

    def shift(self):
        return self.pick(' offset ' + self.duration(), ' offset ' + self.duration(), ' @ ' + self.pick('10', '-1.5', 'start()', 'end()', '1e3', 'start', '5m', '+3', '1e20', 'inf', '0x10'),
                         ' @ end() offset -' + self.duration(), ' offset 5m @ 7', ' OFFSET 1m')

    def suffixed(self, depth):
        return self.pick('(%s)' % self.expr(depth - 1), self.expr(depth - 1)) + self.pick(self.range(), self.range() + self.shift(), self.shift())

    def labels(self):
        return self.pick('', ' ') + '(' + self.pick(', ', ',').join(self.rng.choice(LABELS + NAMES) for _ in range(self.pick(0, 1, 1, 2))) + self.pick('', '', ',') + ')'

    def binary(self, depth):
        op = self.pick(*OPERATORS[:17], *OPERATORS[:17], *OPERATORS)
        matching = ''
        if self.rng.randrange(3) == 0:
            matching = self.pick('', '', ' bool') + ' ' + self.pick('on', 'ignoring', 'ON') + self.labels()
            if self.rng.randrange(2):
                matching += ' ' + self.pick('group_left', 'group_right') + self.pick('', self.labels())
        elif self.rng.randrange(6) == 0:
            matching = ' bool'
        return self.expr(depth - 1) + ' ' + op + matching + self.space() + ' ' + self.expr(depth - 1)

    def aggregation(self, depth):
        op = self.rng.choice(AGGREGATIONS)
        args = self.expr(depth - 1)
        if op in ('topk', 'bottomk', 'count_values', 'quantile', 'limitk', 'limit_ratio') or self.rng.randrange(10) == 0:
            args = self.pick(self.rng.choice(NUMBERS), self.rng.choice(STRINGS), self.expr(0)) + self.pick(', ', ',', ' ') + args
        modifier = self.pick('', '', ' ' + self.pick('by', 'without', 'BY') + self.labels())
        return op + modifier + self.space() + '(' + args + ')' if self.rng.randrange(2) else op + '(' + args + ')' + modifier

    def call(self, depth):
        name = self.rng.choice(FUNCTIONS)
        count = self.pick(0, 1, 1, 1, 2, 2, 3, 5)
        args = []
        for _ in range(count):
            args.append(self.pick(self.expr(depth - 1), self.selector() + self.range(), self.rng.choice(STRINGS), self.rng.choice(NUMBERS), self.selector()))
        return name + self.pick('', '', ' ') + '(' + self.pick(', ', ',').join(args) + self.pick('', '', '', ',') + ')'
