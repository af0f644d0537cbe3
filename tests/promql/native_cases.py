"""Native histograms that meet everything the language does with them: series of a few samples, a minute apart from
second 0 on, each named for what happens in it, and the queries over them. Written as random_data.py writes."""


def exponential(*counts, offset=0, schema=0, zero=(0, 0), **more):
    """Buckets from one index on. The sum follows the counts unless it is said."""
    out = {'schema': schema, 'zero': list(zero), 'count': sum(counts) + zero[1], 'sum': sum(counts) * 1.5,
           'positive': [[offset, len(counts)]] if counts else [], 'positive_counts': list(counts)}
    return {**out, **more}


def custom(bounds, *counts, **more):
    return {'schema': -53, 'custom': bounds, 'count': sum(counts), 'sum': sum(counts) * 2, 'positive': [[0, len(counts)]],
            'positive_counts': list(counts), **more}


RESET, NOT_RESET, GAUGE = {'hint': 'reset'}, {'hint': 'not reset'}, {'hint': 'gauge'}
NEGATIVE = {'negative': [[0, 2]], 'negative_counts': [1, 3]}
e = exponential
SERIES = {
    'grows': [e(1, 1), e(1, 2), e(2, 3), e(4, 3)],
    'falls': [e(4, 4), e(1, 2), e(2, 3), e(4, 3)],
    'falls_later': [e(4, 4), e(5, 5), e(1, 3), e(4, 3)],
    'says_reset': [e(1, 1), e(1, 2, **RESET), e(2, 3, **RESET), e(4, 3)],
    'says_no_reset': [e(4, 4), e(1, 1, **NOT_RESET), e(2, 3, **NOT_RESET), e(1, 1, **NOT_RESET)],
    'gauge': [e(4, 4, **GAUGE), e(1, 1, **GAUGE), e(2, 3, **GAUGE), e(1, 1, **GAUGE)],
    'gauge_inside': [e(1, 1), e(2, 2, **GAUGE), e(2, 3), e(4, 5)],
    'gauge_at_last': [e(1, 1), e(2, 2), e(2, 3), e(4, 5, **GAUGE)],
    'coarser': [e(1, 1, 1, 1, schema=1), e(1, 2, 1, 1, schema=1), e(3, 4), e(4, 5)],
    'finer': [e(3, 4), e(3, 5), e(1, 1, 1, 1, schema=1), e(2, 1, 1, 1, schema=1)],
    'zero_widens': [e(1, 1, offset=-2, zero=(0.1, 1)), e(1, 2, offset=-2, zero=(0.1, 1)), e(3, zero=(0.5, 3)), e(4, zero=(0.5, 4))],
    'zero_narrows': [e(3, zero=(0.5, 3)), e(1, 1, offset=-2, zero=(0.1, 1)), e(1, 2, offset=-2, zero=(0.1, 1))],
    'zero_ends_inside': [e(1, 1, zero=(0.1, 1)), e(2, zero=(0.75, 3), offset=1), e(2, zero=(0.75, 3), offset=1)],
    'bounds': [custom([1, 2], 1, 1, 1), custom([1, 2], 1, 2, 1), custom([1, 2], 3, 2, 1)],
    'bounds_change': [custom([1, 2], 1, 1, 1), custom([1, 2], 1, 2, 1), custom([1, 3], 3, 2, 1), custom([1, 3], 3, 2, 4)],
    'bounds_come_back': [custom([1, 2], 1, 1, 1), custom([1, 3], 3, 2, 1), custom([1, 2], 9, 9, 9)],
    'becomes_bounds': [e(1, 1), e(2, 2), custom([1, 2], 9, 9, 1), custom([1, 2], 9, 9, 2)],
    'becomes_schema': [custom([1, 2], 1, 1, 1), custom([1, 2], 1, 2, 1), e(5, 5), e(9, 9)],
    'floats_first': [1, 2, e(1, 1), e(2, 2)],
    'floats_last': [e(1, 1), e(2, 2), 3, 4],
    'float_inside': [e(1, 1), 3, e(2, 2), e(3, 3)],
    'one_float': [e(1, 1), e(2, 2), e(3, 3), 7],
    'one_histogram': [1, 2, 3, e(1, 2)],
    'floats': [1, 2, 1, 5],
    'ends': [e(1, 1), e(2, 2), dict(e(0), sum='stale'), e(3, 4)],
    'ends_as_float': [e(1, 1), e(2, 2), 'stale', e(3, 4)],
    'same': [e(1, 1), e(1, 1), e(1, 1), e(1, 1)],
    'once': [e(1, 1)],
    'nan': [e(1, 1, sum='NaN'), e(1, 2, sum='NaN'), e(2, 2, sum=3)],
    'nan_inside': [dict(e(1, 2, 3, sum='NaN'), count=10)] * 4,
    'bounds_nan': [dict(custom([1, 2], 1, 2, 5, sum='NaN'), count=10)] * 4,
    'fractions': [e(1.5, 1, floats=True), e(1.5, 2, floats=True), e(2.5, 2, floats=True)],
    'both_sides': [dict(e(1, 3, zero=(0.1, 1), **NEGATIVE), count=9, sum=-10)] * 4,
    'below': [{'schema': 0, 'count': 6, 'sum': -10, 'negative': [[0, 3]], 'negative_counts': [1, 2, 3]}] * 4,
    'zero_and_above': [e(1, 2, zero=(0.5, 2), sum=-10)] * 4,
    'only_zero': [e(zero=(0.5, 2), sum=1)] * 4,
    'nothing': [e()] * 4,
    'gaps': [{'schema': 2, 'count': 10, 'sum': 1, 'positive': [[-3, 2], [2, 1]], 'positive_counts': [1, 2, 3], 'negative': [[0, 1], [1, 2]], 'negative_counts': [1, 1, 2]},
             {'schema': 2, 'count': 20, 'sum': 2, 'positive': [[-3, 2], [2, 2]], 'positive_counts': [2, 4, 6, 1], 'negative': [[0, 4]], 'negative_counts': [2, 2, 2, 1]}],
    'empty_buckets': [e(1, 0, 0, 1), e(1, 0, 0, 1), e(1, 1)],
    'empty_at_the_end': [e(1, 0), e(1), e(1, 0, 0)],
}
FINEST = {'schema': 8, 'count': 256, 'sum': 1, 'positive': [[1, 256]], 'positive_counts': [1] * 256}
CLASSIC = [[{'__name__': 'm', 'x': '1', 'le': le}, [[0, n], [60000, n]]] for le, n in (('1', 2), ('+Inf', 3))]


def data():
    series = [[{'__name__': 'h', 's': name}, [[i * 60000, value] for i, value in enumerate(values)]] for name, values in SERIES.items()]
    series += CLASSIC + [[{'__name__': 'm', 'x': '1'}, [[0, e(1, 2)], [60000, e(1, 2)]]], [{'__name__': 'm', 'x': '2', 'le': '1'}, [[60000, e(1, 2)]]],
                         [{'__name__': 'finest'}, [[60000, FINEST]]]]
    return sorted(series, key=lambda one: sorted(one[0].items()))


def one(name):
    return 'h{s="%s"}' % name


RANGES = ['rate', 'increase', 'delta', 'irate', 'idelta', 'resets', 'changes', 'sum_over_time', 'avg_over_time', 'count_over_time', 'min_over_time',
          'last_over_time', 'stddev_over_time', 'deriv', 'absent_over_time']
GROUPS = ['grows|falls', 'grows|gauge', 'bounds|bounds_come_back', 'grows|floats', 'becomes_bounds|bounds|grows', 'zero_ends_inside|zero_widens|finer|gaps',
          'once|floats_last', 'fractions|gaps|gauge', 'ends']
STILL = ['grows', 'bounds', 'nan_inside', 'bounds_nan', 'both_sides', 'below', 'zero_and_above', 'only_zero', 'nothing', 'nan']


def queries():
    """Each with the form of its request."""
    out = []

    def at(query, seconds=200):
        out.append({'query': query, 'time': seconds})

    def over(query, start, end, step):
        out.append({'query': query, 'start': start, 'end': end, 'step': step})

    for function in RANGES:
        for name in SERIES:
            at('%s(%s[5m])' % (function, one(name)))
        at('%s(%s[5m:30s])' % (function, one('falls')))
        over('%s(h{s=~"f.*|g.*"}[2m])' % function, 0, 300, 60)
        at('histogram_count(%s(h{s=~"b.*"}[5m]))' % function)
        at('0 + histogram_count(%s(h{s=~"b.*"}[5m]))' % function)
    for name in ('floats_first', 'one_float', 'one_histogram', 'grows'):
        for query in ('quantile_over_time(2, %s[5m])', 'predict_linear(%s[5m], 60)', '%s[5m]', 'present_over_time(%s[5m])', 'max_over_time(%s[5m])'):
            at(query % one(name))
    for name in STILL:
        for q in ('-1', '0', '0.1', '0.3', '0.5', '0.7', '1', 'NaN'):
            at('histogram_quantile(%s, %s)' % (q, one(name)), 30)
        for edges in ('-Inf, Inf', '0, 1', '0.7, 1.3', '-2, -0.3', '2, 1', '0.25, Inf', '1, NaN'):
            at('histogram_fraction(%s, %s)' % (edges, one(name)), 30)
        for function in ('count', 'sum', 'avg', 'stddev', 'stdvar'):
            at('histogram_%s(%s)' % (function, one(name)), 30)
    for group in GROUPS:
        vector = 'h{s=~"%s"}' % group
        for aggregation in ('sum(', 'avg(', 'count(', 'min(', 'stdvar(', 'group(', 'sum by (s) (', 'topk(2, ', 'quantile(0.5, ', 'count_values("v", '):
            at(aggregation + vector + ')')
        over('sum(%s)' % vector, 0, 420, 60)
        for operator in ('+', '-', '*', '/', '==', '!=bool', '>', 'and', 'unless'):
            at('%s %s ignoring (s) group_left %s' % (vector, operator, one('grows')) if operator not in ('and', 'unless') else '%s %s %s' % (vector, operator, one('grows')))
        over('%s - on (s) %s offset 1m' % (vector, vector), 60, 300, 60)
        for query in ('-%s', '2 * %s', '%s / 2', '%s * 0', '%s / 0', '%s + 1', '%s == 1', 'timestamp(%s)', 'sort(%s)', 'absent(%s)', 'scalar(%s)', 'abs(%s)', 'clamp(%s, 1, 2)',
                      'round(%s)', 'hour(%s)', '%s @ 0', '%s offset 1m', 'label_replace(%s, "x", "$1", "s", "(.).*")'):
            at(query % vector)
        over(vector, 0, 600, 60)
    for query in ('m', 'histogram_quantile(0.5, m)', 'histogram_fraction(0, 1, m)', 'histogram_quantile(0.5, {__name__=~"m|finest"})', 'finest', 'finest * 0.5',
                  'histogram_count(m)', 'histogram_avg(sum(h{s=~"bounds|bounds_change"}))', 'histogram_sum(sum(h{s=~"bounds|bounds_change"}))',
                  '-histogram_sum(sum(h{s=~"bounds|bounds_change"}))', 'm + on () histogram_sum(sum(h{s=~"bounds|bounds_change"}))'):
        at(query, 90 if 'h{' not in query else 200)
    return out
