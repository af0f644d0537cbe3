"""Random texts for the parser, most of them nearly queries, the same for the same seed."""
import re

from random_queries import Queries

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|`[^`]*`|[\w.:é]+|[=!<>]=|=~|!~|\s+|.')
PIECES = ['(', ')', '{', '}', '[', ']', ',', ':', '::', '+', '-', '*', '/', '%', '^', '==', '!=', '=~', '!~', '=', '<', '>=', 'and', 'or', 'unless', 'atan2',
          'by', 'without', 'on', 'ignoring', 'group_left', 'group_right', 'bool', 'offset', '@', 'start()', 'end()', 'start', 'sum', 'topk', 'rate', 'abs', 'time',
          'Inf', 'NaN', '1', '0x', '08', '1e', '1.5.2', '5m', '5m3h', '1y2w', '[5m]', '[5m:1m]', '[0]', '[-1]', '"text"', "'t'", '`r`', '"\\q"', '"\\xff"', '"open',
          "'open", '`open', '# remark\n', '\n', ' ', 'x', 'x:y', ':', '{}', '{a="b"}', '{"a b"="c"}', '{"m"}', '{__name__="m"}', '{a=~"("}', '{a="b",}', '{,}', 'é', '\u00a0',
          '!', '$', '&', '?', ';', '\\', '~', '|', '5', '1_000', '1__0', '0b12', '1.e3', '.5', '.', '..', 'offset 5', 'offset -5m', '@ -1.5', '@ 1e400', '@ NaN', 'le',
          'quantile', 'count_values', 'limitk', 'limit_ratio', 'info', 'histogram_quantile', 'label_replace', 'nothing_known', 'fill', '<<', '"\\u00e9"', '()']
TYPES = ['rate(x)', 'abs(x[5m])', 'sum("a")', '1 + "a"', 'x[5m] + 1', '"a" == "b"', '-"a"', '-x[5m]', 'x and 1', '1 or x', '1 == 2', '1 == bool 2', 'x + bool y', 'topk(x)', 'topk(1, 2)',
         'topk("a", x)', 'count_values(1, x)', 'quantile(x, y)', 'abs()', 'abs(x, y)', 'round(x, 1, 2)', 'label_join(x)', 'label_join(x, "a", 1)', 'time(1)', 'scalar(1)', 'vector(x)',
         'x on (a) y', 'x + on (a) group_left (a) y', 'x and on () group_left () y', '1 + on (a) x', 'x[5m][5m]', 'x[5m:][5m:]', 'x[5m:] @ 1 @ 2', 'x offset 1m offset 2m', 'sum(x) offset 1m',
         'sum(x)[5m]', 'sum(x) @ 3', '1 @ 3', '1[5m:]', '(x)[5m]', '(x) offset 5m', '(x[5m])', 'rate((x[5m]))', 'x{a="1",a="2"}', 'x{__name__="y"}', '{}', '{a=""}', '{a=~".*"}', '{a!="x"}',
         '{__name__="a",__name__="b"}', 'sum by (a,) (x)', 'sum by () (x) by ()', 'sum(x) by (a) without (b)', 'sum by (1) (x)', 'sum by ("a b") (x)', 'sum by (a b) (x)', 'sum without (,) (x)',
         'x[1d:1h] offset 1w @ start()', 'x @ start', 'x @ now()', 'x @ (1)', 'x @ 1 + 2', 'x offset (1m)', 'x[1m + 2m]', 'x[1m:2m * 3]', 'x offset 1m * 2', 'x[-(1m)]', 'x[1m - 2m]',
         'x[1m / 0]', 'histogram_quantile(0.9, x[5m])', 'absent_over_time(x)', 'absent(x[5m])', 'timestamp(1)', 'sort("a")', 'sum(x', 'sum(x))', '((x)', 'x{', 'x{a', 'x{a=', 'x{a="b"', 'x[', 'x[5m',
         'x[5m:', 'x offset', 'x @', 'x by (a)', 'by (a) x', 'sum', 'sum by', 'sum by (a)', 'rate', 'rate(', '+', '+1', '1+', '1++1', '--1', '- - x', '!x', 'x!y', 'x=y', 'x=~y', '1 2', 'x y', '"a" "b"', '', ' ',
         '#', '# only', 'x # y', 'min_over_time(x[5m:1m])', 'predict_linear(x[5m], y)', 'group_left', 'on', 'bool', 'and', 'x or or y', 'and and and', 'sum(sum)', 'start', 'end', 'inf', 'nan', 'offset',
         'start()', 'end()', 'sum by (sum) (sum)', 'x{sum="1"}', 'x{on="1", by="2"}', 'sum by (by) (x)', '1 ^ 2 ^ 3', '-1 ^ 2', '-x ^ 2', '2 ^ -1', 'x ^ on () y', 'a or b and c unless d', 'a == b != c']


class Texts:
    def __init__(self, rng, features=()):
        self.rng = rng
        self.queries = Queries(rng, 0, features)

    def one(self):
        rng = self.rng
        roll = rng.randrange(20)
        if roll == 0:
            return rng.choice(TYPES)
        if roll == 1:
            return ''.join(rng.choice(PIECES) + rng.choice(['', ' ']) for _ in range(rng.randrange(1, 8)))
        if roll == 2:
            return self.put_together()
        text = self.queries.case()['query']
        if roll < 7:
            return text
        tokens = TOKEN.findall(text)
        for _ in range(rng.choice([1, 1, 1, 2, 3])):
            self.change(tokens)
        return ''.join(tokens)

    def put_together(self):
        """A known mistake at a place where something else is expected."""
        rng = self.rng
        inner, outer = rng.choice(TYPES), rng.choice(['sum(%)', 'abs(%)', 'rate(%)', '% + %', '-%', '(%)', '%[5m]', '%[5m:1m]', '% offset 1m', '% @ 5', 'topk(%, %)', 'vector(%)', 'x{%}',
                                                      'sum by (%) (x)', '% and %', '% > bool %', 'quantile_over_time(%, %)', 'label_replace(%, "a", "b", "c", "d")', '% on (a) %'])
        return outer.replace('%', inner)

    def change(self, tokens):
        rng = self.rng
        if not tokens:
            return
        at = rng.randrange(len(tokens))
        kind = rng.randrange(6)
        if kind == 0:
            del tokens[at]
        elif kind == 1:
            tokens.insert(at, rng.choice(PIECES))
        elif kind == 2:
            tokens[at] = rng.choice(PIECES)
        elif kind == 3:
            other = rng.randrange(len(tokens))
            tokens[at], tokens[other] = tokens[other], tokens[at]
        elif kind == 4:
            tokens[at:] = tokens[at:at + rng.randrange(3)]
        else:
            cut = rng.randrange(len(tokens[at]) + 1)
            tokens[at] = tokens[at][:cut] + rng.choice(['', rng.choice('()[]{}"\'`,:=~!@#\\ 0x_.é')]) + tokens[at][cut + rng.randrange(2):]
