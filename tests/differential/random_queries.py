"""Random queries of good types over random_data.py's series, from the whole grammar, the same for the same seed."""
import re

MATH = ['abs', 'ceil', 'floor', 'exp', 'ln', 'log2', 'log10', 'sqrt', 'sgn', 'sin', 'cos', 'tan', 'asin', 'acos', 'atan', 'sinh', 'cosh',
        'tanh', 'asinh', 'acosh', 'atanh', 'deg', 'rad']
DATES = ['minute', 'hour', 'day_of_week', 'day_of_month', 'day_of_year', 'days_in_month', 'month', 'year']
HISTOGRAM = ['histogram_avg', 'histogram_count', 'histogram_sum', 'histogram_stddev', 'histogram_stdvar']
OVER_TIME = ['rate', 'rate', 'increase', 'delta', 'irate', 'idelta', 'deriv', 'changes', 'resets', 'sum_over_time', 'avg_over_time',
             'min_over_time', 'max_over_time', 'count_over_time', 'last_over_time', 'present_over_time', 'stddev_over_time',
             'stdvar_over_time', 'quantile_over_time', 'predict_linear', 'absent_over_time']
EXPERIMENTAL = ['mad_over_time', 'ts_of_last_over_time', 'ts_of_max_over_time', 'ts_of_min_over_time', 'double_exponential_smoothing']
ARITHMETIC = [' + ', ' - ', ' * ', ' / ', ' % ', ' ^ ', ' atan2 ']
COMPARISON = [' == ', ' != ', ' > ', ' < ', ' >= ', ' <= ']
LANGUAGE = ['promql-experimental-functions', 'promql-duration-expr']
PROFILES = [[], LANGUAGE, LANGUAGE + ['promql-delayed-name-removal']]


class Queries:
    """Queries for data whose second 0 is `base`. `features` are names of Prometheus's flags; `histograms` says that
    the data hold native ones. After `case()`, `parts` are the expressions inside its query."""

    def __init__(self, rng, base=0, features=(), histograms=True):
        self.rng, self.base, self.histograms = rng, base, histograms
        self.experimental = 'promql-experimental-functions' in features
        self.durations = 'promql-duration-expr' in features
        self.parts = []

    def pick(self, *options):
        return self.rng.choice(options)

    def chance(self, one_in):
        return self.rng.randrange(one_in) == 0

    def part(self, text):
        self.parts.append(text)
        return text

    def one(self):
        return self.scalar(3) if self.chance(14) else self.vector(3)

    def case(self):
        """The form of a request: with `time` for one moment, else with `start`, `end` and `step`."""
        rng, self.parts = self.rng, []
        case = {'query': self.one()}
        if rng.randrange(5) < 2:
            roll = rng.randrange(12)
            if roll == 0:
                case['query'] = self.matrix(2)  # a range vector is an answer too, at one moment
            elif roll == 1:
                case['query'] = self.sorted(2)
            elif roll == 2 and self.chance(5):
                case['query'] = self.text()
            case['time'] = self.base + rng.choice([600, 900, 1234.567, 1795, 2000])
        else:
            case.update(start=self.base + rng.choice([0, 300, 601, 777.5]), step=rng.choice([15, 60, 61.5, 200]))
            case['end'] = case['start'] + case['step'] * rng.choice([0, 3, 6, 9])
        return case

    def text(self):
        return self.pick('"text"', "'it\\'s'", '`raw\\`')

    # Selectors and what stands behind them.

    def name(self):
        if self.histograms and self.chance(3):
            return self.pick('e', 'e', 'e', 'eg', 'u', 'w', 'w')
        return self.pick('c', 'c', 'c', 'g', 'g', 'n', 'x_total', 'h_bucket', 'h_bucket', 'k_bucket', 't', 'd')

    def selector(self):
        if self.chance(15):
            return self.part(self.pick('{__name__=~"c|g"}', '{"g",a="1"}', 'nothing', '{"m.é"}', '{"m.é", b="x"}', 'x_total{"l.é"="p"}', '{a="1"}',
                                       '{__name__=~".+", a!~"1|2"}', 'target_info', '{__name__=~"e|u|w"}', 'nothing{a="1",b=~"x"}',
                                       'g{a=~"1|3", b!=""}', 'c{zz=""}', '{"m.é", "b"="x"}', "g{'b'!~'x.*'}", 'c{a=~"[12]", b=~"(x|y)y?"}', 'g{__name__=~"g"}',
                                       'c{b=~".*"}', 'c{b!~""}', '{__name__=~"c|g",b=~"(?i:X)"}', 'c{a=~"1|2|\\xff"}', 'nothing{"l.é"="q"}', 'nothing{a="1",a="2",b="x"}',
                                       '{__name__=~"h_bucket|k_bucket"}', '{__name__=~"[egu]"}', 'c{b=""}', 'c{a="1",a!="2"}', 'c{a=~"1", b=~"x|"}'))
        return self.part(self.name() + self.pick('', '', '', '', '{a="1"}', '{b=~"x|y"}', '{a!="2",b="x"}', '{b!~"y.*"}'))

    def duration(self, *options):
        """One of those, or arithmetic on durations that says something near."""
        text = self.pick(*options)
        if not self.durations or not self.chance(4):
            return text
        return self.pick('%s + 30s', '%s * 2', '%s / 2', '(%s + 1m)', '%s - 7s', '-(-%s)', '2 * (%s - 10)', '%s %% 47s', '(%s) ^ 1') % text

    def shift(self):
        if not self.chance(3):
            return ''
        offset = self.pick(' offset 1m', ' offset -2m', ' offset 90', ' offset -0x10', ' offset 1m30s250ms')
        if self.durations and self.chance(3):
            offset = ' offset ' + self.pick('(1m * 2)', '-(30s)', '(1m + 15)', '(5s - 1m)', '-(2 ^ 3)')
        at = self.pick(' @ %d' % (self.base + 600), ' @ %d.5' % (self.base + 900), ' @ end()', ' @ start()')
        return self.pick(offset, offset, at, offset + at, at + offset)

    def matrix(self, depth):
        if depth > 0 and self.chance(4):
            # Negated by a sign, empty buckets stay, and which there are in Prometheus is its chunk's affair; as is then
            # whether counts below zero were reset.
            inner = re.sub(r'(?<!offset )-\(', '-1 * (', self.operand(depth)) if self.histograms else self.operand(depth)
            return '%s[%s:%s]%s' % (inner, self.duration('2m', '5m', '7m30s', '90'), self.pick('', self.duration('30s', '1m', '45s', '17')),
                                    self.shift())
        return '%s[%s]%s' % (self.selector(), self.duration('1m', '2m', '5m', '97s', '10m', '300', '15s'), self.shift())

    # Scalars.

    def scalar(self, depth):
        kind = self.rng.randrange(8 if depth > 0 else 3)
        if kind == 0:
            return self.pick('0', '1', '2.5', '-3', '1e3', '0x1f', '5m', 'Inf', 'NaN', '-inf', '.5', '1_000', '0b11', '1e-300', '1.7e308', '010')
        if kind == 1:
            return self.pick('1', '2', '0.5', '10')
        if kind == 2:
            return self.pick('time()', 'pi()')
        if kind == 3:
            return 'scalar(%s)' % self.vector(depth - 1)
        if kind == 4:
            return '(%s)' % self.scalar(depth - 1)
        if kind == 5:
            return self.part('(%s%s%s)' % (self.scalar(depth - 1), self.rng.choice(ARITHMETIC), self.scalar(depth - 1)))
        if kind == 6:
            return '(%s%sbool %s)' % (self.scalar(depth - 1), self.rng.choice(COMPARISON), self.scalar(depth - 1))
        return self.pick('-', '+') + self.scalar(depth - 1)

    def number(self, *options):
        """A parameter: mostly one of those, at times any scalar."""
        return self.pick(*options) if not self.chance(12) else self.scalar(1)

    # Instant vectors.

    def operand(self, depth):
        return '(%s)' % self.vector(depth - 1)

    def vector(self, depth):
        return self.part(self.node(depth))

    def node(self, depth):
        kind = self.rng.randrange(13) if depth > 0 else 0
        if kind == 0:
            return self.selector() + self.shift()
        if kind <= 2:
            return self.aggregation(depth)
        if kind <= 5:
            return self.over_time(depth)
        if kind <= 7:
            return self.function(depth)
        if kind <= 9:
            return self.binary(depth)
        if kind == 10:
            op = self.rng.choice(ARITHMETIC + COMPARISON + [one + 'bool ' for one in COMPARISON])
            sides = [self.operand(depth), '(%s)' % self.scalar(depth - 1)]
            self.rng.shuffle(sides)
            return op.join(sides)
        if kind == 11:
            return self.pick('-', '-', '+') + self.operand(depth)
        return self.vector(depth - 1)

    def labels(self):
        return self.pick('()', '(a)', '(b)', '(a, b)', '(le)', '(a, le)', '(b, "l.é")', '(a,)', '(__name__)', '(missing)', '(instance)', '("a", \'b\')', '(a, a)',
                         '(__name__, a)', '("__name__")')

    def aggregation(self, depth):
        op = self.pick('sum', 'sum', 'sum', 'avg', 'avg', 'min', 'max', 'count', 'group', 'stddev', 'stdvar', 'quantile', 'count_values', 'topk',
                       'bottomk', *(['limitk', 'limit_ratio'] if self.experimental else []))
        if op == 'quantile':
            param = self.number('0.5', '0.9', '1', '-1', '2', 'NaN', '0', '1e-300', '-Inf', '(0.3)') + ', '
        elif op == 'count_values':
            param = self.pick('"v"', '"v"', "'a'", '"le"', '"v.é"', '("v")', '"__name__"', '""') + ', '
        elif op in ('topk', 'bottomk', 'limitk'):
            param = self.number('1', '2', '3', '5', '0', '-1', '1.9', 'NaN', '1e19', '-Inf', '(2)') + ', '
        elif op == 'limit_ratio':
            param = self.number('0.5', '-0.5', '0.3', '-0.7', '0', '1', '-1', '1.5', '-2', '0.01', '-0.99', 'Inf', 'NaN') + ', '
        else:
            param = ''
        modifier = self.pick('', ' by %s ' % self.labels(), ' without %s ' % self.labels())
        inner = '(%s%s)' % (param, self.vector(depth - 1))
        return op + (modifier + inner if self.chance(2) else inner + modifier)

    def over_time(self, depth):
        name = self.rng.choice(OVER_TIME + (EXPERIMENTAL if self.experimental else []))
        matrix = self.matrix(depth - 1)
        if name == 'quantile_over_time':
            return '%s(%s, %s)' % (name, self.number('0.5', '0.99', '-1', '2', '0', '1'), matrix)
        if name == 'predict_linear':
            return '%s(%s, %s)' % (name, matrix, self.number('60', '-30', '1h', '0'))
        if name == 'double_exponential_smoothing':
            return '%s(%s, %s, %s)' % (name, matrix, self.number('0.5', '0.1', '0.9'), self.number('0.3', '0.8', '1', '1e-300'))
        return '%s(%s)' % (name, matrix)

    def buckets(self, depth):
        """What has buckets, mostly."""
        return self.pick('h_bucket', 'k_bucket', 'rate(h_bucket[5m])', 'rate(k_bucket[5m])', 'sum by (le) (rate(h_bucket[2m]))', self.vector(depth - 1),
                         *(['e', 'u', 'w', 'eg', 'rate(e[5m])', 'sum(rate(u[5m]))', 'increase(w[5m])', 'sum(e)', '{__name__=~"e|h_bucket"}'] * 2
                           if self.histograms else []))

    def function(self, depth):
        kind = self.rng.randrange(11 if self.experimental else 9)
        if kind <= 1:
            inner = self.vector(depth - 1)
            return '%s(%s)' % (self.rng.choice(MATH), inner)
        if kind == 2:
            if self.chance(8):
                return self.rng.choice(DATES) + '()'
            return '%s(%s)' % (self.rng.choice(DATES), self.pick(self.vector(depth - 1), 'timestamp(%s)' % self.vector(depth - 1)))
        if kind == 3:
            inner = self.vector(depth - 1)
            return self.pick('clamp(%s, ' + self.pick('0, 10', '5, 1', '-1, 1', 'NaN, 1', '-0, Inf') + ')', 'clamp(%s, ' + self.scalar(1) + ', 7)',
                             'clamp_min(%s, ' + self.number('3', '-1', 'NaN') + ')', 'clamp_max(%s, ' + self.number('3', '0') + ')', 'round(%s)',
                             'clamp(%s, ' + self.scalar(1) + ', ' + self.scalar(1) + ')',
                             'round(%s, ' + self.number('0.5', '10', '0.1', '0', '-2', '0.3', 'NaN', 'Inf', '1e-300') + ')').replace('%s', inner)
        if kind == 4:
            return self.relabel(self.vector(depth - 1))
        if kind == 5:
            return self.pick('timestamp(%s)', 'timestamp(%s)', 'absent(%s)', 'vector(scalar(%s))') % self.pick(
                self.vector(depth - 1), self.selector() + self.shift(), '(%s)' % self.selector(), '((%s%s))' % (self.selector(), self.shift()))
        if kind == 6:
            return 'vector(%s)' % self.scalar(depth - 1)
        if kind == 7:
            return '%s, %s)' % (self.rng.choice(
                ['histogram_quantile(' + self.number('0.5', '0.9', '0', '1', '-1', '2', '0.05', 'NaN')] * 3 +
                ['histogram_fraction(' + self.pick('0.2, 0.9', '-1, 5', '1, 0', '0, Inf', '-Inf, 0.1', '-Inf, Inf', 'NaN, 1', '0.0005, 0.3', '-0.3, 0',
                                                   self.scalar(1) + ', ' + self.scalar(1))]),
                self.buckets(depth))
        if kind == 8:
            return '%s(%s)' % (self.rng.choice(HISTOGRAM), self.buckets(depth))
        if kind == 9:
            return self.info()
        return '%s(%s, %s)' % (self.pick('sort_by_label', 'sort_by_label_desc'), self.vector(depth - 1), self.pick('"a"', '"b", "a"', '"le"', '"none"'))

    def sorted(self, depth):
        if self.experimental and self.chance(3):
            return '%s(%s, %s)' % (self.pick('sort_by_label', 'sort_by_label_desc'), self.vector(depth), self.pick('"a"', '"b", "a"', '"le"', '"none"'))
        return '%s(%s)' % (self.pick('sort', 'sort_desc'), self.vector(depth))

    def info(self):
        inner = self.pick('d', 'd', 'rate(d[5m])', 'd * 2', 'c', 'd{instance="i"}', 'target_info', '{__name__=~"d|c"}', 'd offset 1m', 'd @ %d' % (self.base + 600))
        return 'info(%s%s)' % (inner, self.pick('', '', '', ', {version="v1"}', ', {version=~"v.*"}', ', {__name__="build_info"}', ', {__name__=~".+_info"}',
                                                ', {edition="e", __name__=~"build.*|target.*"}', ', {version!="v1"}', ', {a=~".+"}'))

    def relabel(self, inner):
        if self.chance(3):
            return 'label_join(%s, %s)' % (inner, self.pick('"d", "-", "a", "b"', '"a", "", "b"', '"d", ","', '"x.é", "/", "a", "nothing", "b"', '"__name__", "_", "a"',
                                                            '"b", "-", "missing"', '"", "-", "a"', '"d", "-", ""', '"d", "-", "a", "a"', '"a", "", "__name__", "le"'))
        return 'label_replace(%s, %s)' % (inner, self.pick(
            '"d", "$1-z", "a", "(.*)"', '"a", "$1", "b", "(.).*"', '"d", "${two}$$", "b", "(?P<two>y+)"', '"b", "", "b", "y|yy"', '"d", "$2", "a", "(1)|(2)"',
            '"__name__", "$1", "a", "(.+)"', '"d.é", "fixed", "missing", ""', '"d", "$1_$10${1}0", "a", "(?i)([0-9])"', '"a", "same", "a", ".*"', '"b", "$0", "a", "[12]"',
            '"a b", "$1", "a", "(.*)"', '"", "x", "a", ".*"', '"__name__", "", "a", ".*"', '"__name__", "n", "b", "x"', '"b", "", "", ""', '"d", "$x", "b", "(?<x>.)y?"', '"d", "${a}${1}", "a", "(("',
            '"le", "$1", "b", "(.*)"', '"l.é", "$1", "__name__", "(..).*"', '"d", "$1", "a", "\\\\d"', '"instance", "i", "a", "1"'))

    def binary(self, depth):
        op = self.pick('+', '-', '*', '/', '%', '^', 'atan2', '==', '!=', '>', '<', '>=', '<=', 'and', 'or', 'or', 'unless', '> bool', '== bool', '<= bool')
        matching = self.pick('', '', '', 'on (a) ', 'ignoring (b) ', 'on (a, b) ', 'ignoring (le, b) ', 'on () ', 'ignoring (a) ', 'on ("l.é", a) ')
        if matching and op not in ('and', 'or', 'unless'):
            matching += self.pick('', 'group_left () ', 'group_right () ', 'group_left (le) ', 'group_left ', 'group_right (b) ', 'group_left (missing) ',
                                  'group_left (a, b, le) ', 'group_right (__name__) ', 'group_left (__name__, b) ', 'group_right ("l.é", a) ')
        left = self.operand(depth)
        # The same metric on both sides meets more often than two of different kinds.
        right = left if self.chance(6) else self.operand(depth)
        return '%s %s %s%s' % (left, op, matching, right)
