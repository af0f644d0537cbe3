#!/usr/bin/env python3
"""Asks a real Prometheus 3.5.3 and vedette the same random questions over HTTP and compares the answers.

    tests/differential/run.py --peers BIN [--cases N] [--seed S]

BIN is a folder with that Prometheus; any other version is refused. The same random data goes into both by remote
write. The seed is printed first, so that a difference can be seen again. VEDETTE_BUILD says where vedette was built
(build/release). The exit status is 1 when an answer differed.
"""
import argparse
import json
import math
import os
import pathlib
import random
import sys
import tempfile
import time

from prometheus import Prometheus, Server, answer_of, free_port
from random_queries import Queries, make_data

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get('VEDETTE_BUILD', ROOT / 'build' / 'release'))
CONFIG = """
server:
  anonymous: viewer
  tokens: [{name: differential, token: write-here, role: editor}]
"""


class Vedette(Server):
    def __init__(self):
        self.home = tempfile.TemporaryDirectory()
        config = pathlib.Path(self.home.name) / 'vedette.yml'
        config.write_text(CONFIG)
        address = '127.0.0.1:%d' % free_port()
        super().__init__([BUILD / 'vedette', 'run', '--config', config, '--data', self.home.name + '/data', '--listen', address],
                         address, 'write-here')

    def stop(self):
        super().stop()
        self.home.cleanup()


def close(a, b):
    """Equal, or apart by no more than sums in another order are."""
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return a == b or abs(a - b) <= 1e-12 * max(1, abs(a), abs(b))


def without_example(error):
    """Which of several duplicates is named depends on the order in which series came to be stored."""
    return 'found duplicate series' if error.startswith('found duplicate series') else error


def by_labels(series):
    """The samples of each series. A number that count_values made a label of counts to its ninth digit."""
    out = {}
    for labels, samples in series:
        if 'v' in labels:
            labels = dict(labels, v='%.9g' % float(labels['v']))
        merged = out.setdefault(json.dumps(labels, sort_keys=True), {})
        for at, value in samples:
            merged[at] = merged.get(at, 0) + float(value)
    return {labels: sorted(merged.items()) for labels, merged in out.items()}


def difference(ours, theirs):
    """In words; empty when there is none."""
    if 'error' in ours or 'error' in theirs:
        a, b = (without_example(one.get('error', 'an answer')) for one in (ours, theirs))
        return '' if a == b else '%s\nexpected %s' % (a, b)
    if ours['type'] != theirs['type']:
        return 'a %s, expected a %s' % (ours['type'], theirs['type'])
    for name in ('warnings', 'infos'):
        a, b = ours.get(name, []), theirs.get(name, [])
        if a != b and len(b) < 10:  # Prometheus says no more than ten
            return '%s %s\nexpected %s' % (name, a, b)
    a, b = by_labels(ours['series']), by_labels(theirs['series'])
    for labels in sorted(a.keys() | b.keys()):
        left, right = a.get(labels), b.get(labels)
        if left is None or right is None or [at for at, _ in left] != [at for at, _ in right]:
            return '%s %s\nexpected %s' % (labels, left, right)
        for (at, x), (_, y) in zip(left, right):
            if not close(x, y):
                return '%s at %s: %s\nexpected %s' % (labels, at, x, y)
    return ''


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--peers', required=True, metavar='BIN')
    parser.add_argument('--cases', type=int, default=3000, metavar='N')
    parser.add_argument('--seed', type=int, default=random.SystemRandom().randrange(1 << 32), metavar='S')
    words = parser.parse_args()
    print('differential: seed %d' % words.seed, flush=True)
    rng = random.Random(words.seed)
    base = int(time.time()) // 3600 * 3600 - 7200  # recent enough for any retention
    data = [[labels, [[base * 1000 + at, value] for at, value in samples]] for labels, samples in make_data(rng)]
    queries = Queries(rng, base)
    differ = 0
    with Prometheus(words.peers) as prometheus, Vedette() as vedette:
        prometheus.write(data)
        vedette.write(data)
        for number in range(words.cases):
            case = queries.case()
            path = 'query' if 'time' in case else 'query_range'
            what = difference(answer_of(vedette.ask(path, **case)), answer_of(prometheus.ask(path, **case)))
            if what:
                differ += 1
                if differ <= 10:
                    print('case %d: %s\n%s\n' % (number, json.dumps(case), what), flush=True)
    print('differential: %d queries of Prometheus and vedette compared, %d differ' % (words.cases, differ))
    sys.exit(1 if differ else 0)


if __name__ == '__main__':
    main()
