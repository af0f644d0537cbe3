#!/usr/bin/env python3
"""Asks a real Prometheus 3.5.3 and vedette the same random questions over HTTP and compares the answers.

    tests/differential/run.py --peers BIN [--cases N] [--seed S] [--features NAMES] [--stats] [--round R] [--case C]

BIN is a folder with that Prometheus; any other version is refused. Cases come in rounds, each with random data of its
own, which go into both programs by remote write. The seed is printed first: with it, and --round and --case for one
question, a difference is seen again. Rounds take turns at no features, those of random_queries.py, and these with
delayed name removal; --features (comma-separated, or `none`) fixes them. VEDETTE_BUILD says where vedette was built
(build/release). judge.py says what equal means. The exit status is 1 when more answers differed than --allowed says.
"""
import argparse
import collections
import json
import multiprocessing
import os
import pathlib
import random
import re
import sys
import tempfile

from judge import Judge, answer_of
from prometheus import Prometheus, Server, free_port
from random_data import make_data
from random_queries import PROFILES, Queries

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get('VEDETTE_BUILD', ROOT / 'build' / 'release')).resolve()
CONFIG = """
server:
  anonymous: viewer
  tokens: [{name: differential, token: write-here, role: editor}]
"""
BASE = 1_700_000_000 // 3600 * 3600  # second 0 of the data
WORKERS = 3


class Vedette(Server):
    def __init__(self, features=()):
        self.home = tempfile.TemporaryDirectory()
        config = pathlib.Path(self.home.name) / 'vedette.yml'
        config.write_text(CONFIG)
        address = '127.0.0.1:%d' % free_port()
        flags = ['--enable-feature=' + ','.join(features)] if features else []
        super().__init__([BUILD / 'vedette', 'run', '--config', config, '--data', self.home.name + '/data', '--listen', address, *flags],
                         address, 'write-here')

    def stop(self):
        super().stop()
        self.home.cleanup()


def ask_answer(server, case):
    return answer_of(server.ask('query' if 'time' in case else 'query_range', **case))


def largest_inside(prometheus, parts):
    """The largest finite value that any of the expressions has over all of the data."""
    most = 1.0
    for part in set(parts):
        body = prometheus.ask_raw('query_range', query=part, start=BASE, end=BASE + 2100, step=20).decode()
        for number in re.findall(r'"(-?[0-9][-+.e0-9]*)"', body):
            try:
                most = max(most, abs(float(number)))
            except ValueError:
                pass
    return most


class Round:
    """Both programs with the same data."""

    def __init__(self, words, number):
        self.seed, self.number = words.seed, number
        self.features = PROFILES[number % len(PROFILES)] if words.features is None else [one for one in words.features.split(',') if one not in ('', 'none')]
        self.histograms, self.counted, self.peers = not words.floats, words.stats, words.peers
        if self.counted:
            self.features = [*self.features, 'promql-per-step-stats']
        data = make_data(random.Random('%d/%d' % (self.seed, number)), self.histograms)
        self.data = [[labels, [[BASE * 1000 + at, value] for at, value in samples]] for labels, samples in data]
        self.prometheus, self.vedette = Prometheus(words.peers, self.features), Vedette(self.features)

    def __enter__(self):
        for server in (self.prometheus, self.vedette):
            server.write(self.data)
        return self

    def __exit__(self, *_):
        self.prometheus.stop()
        self.vedette.stop()

    def compare(self, number):
        """The verdict's word and what differs, of one case."""
        queries = Queries(random.Random('%d/%d/%d' % (self.seed, self.number, number)), BASE, self.features, self.histograms)
        case = queries.case()
        path = 'query' if 'time' in case else 'query_range'
        if self.counted:
            return self.compare_counts(number, path, case)
        ours, theirs = self.vedette.ask_raw(path, **case), self.prometheus.ask_raw(path, **case)
        if ours == theirs:
            return 'equal', ''
        word, what = self.judged(self.prometheus, case, queries.parts, answer_of(json.loads(ours)), answer_of(json.loads(theirs)))
        if word == 'differs':
            word, what = self.judged_anew(case, queries.parts, answer_of(json.loads(ours)), what)
        return word, what and 'round %d case %d: %s\n%s\n' % (self.number, number, json.dumps(case, ensure_ascii=False), what)

    @staticmethod
    def judged(prometheus, case, parts, ours, theirs):
        judge = Judge(lambda one: ask_answer(prometheus, one), lambda inside: largest_inside(prometheus, inside))
        return judge.judge(case, parts, ours, theirs)

    def judged_anew(self, case, parts, ours, what):
        """Histograms that Prometheus spoiled (above all in a query that crashed) stay in its memory: another one is asked."""
        with Prometheus(self.peers, self.features) as fresh:
            fresh.write(self.data)
            word, _ = self.judged(fresh, case, parts, ours, ask_answer(fresh, case))
        return (word, what) if word == 'differs' else ('itself', '')

    def compare_counts(self, number, path, case):
        """How many samples were read, at each step too, and the most that were held."""
        ours, theirs = (one.ask(path, stats='all', **case) for one in (self.vedette, self.prometheus))
        if 'error' in ours or 'error' in theirs:
            return 'equal', ''
        counted = [dict(one['data']['stats']['samples']) for one in (ours, theirs)]
        if counted[0] == counted[1]:
            return 'equal', ''
        return 'differs', 'round %d case %d: %s\n%s\nexpected %s\n' % (self.number, number, json.dumps(case, ensure_ascii=False), *counted)

    def work(self, numbers, out):
        """In a process of its own."""
        for server in (self.prometheus, self.vedette):
            server.connection = None
        for number in numbers:
            try:
                out.put(self.compare(number))
            except Exception as failure:  # one that ends the worker would leave its parent waiting
                out.put(('differs', 'round %d case %d: %r\n' % (self.number, number, failure)))

    def run(self, numbers):
        out = multiprocessing.Queue()
        workers = [multiprocessing.Process(target=self.work, args=(numbers[i::WORKERS], out)) for i in range(WORKERS)]
        for one in workers:
            one.start()
        for _ in numbers:
            yield out.get()
        for one in workers:
            one.join()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--peers', required=True, metavar='BIN')
    parser.add_argument('--cases', type=int, default=6000, metavar='N')
    parser.add_argument('--seed', type=int, default=random.SystemRandom().randrange(1 << 32), metavar='S')
    parser.add_argument('--per-round', type=int, default=2000, metavar='N')
    parser.add_argument('--features', metavar='NAMES')
    parser.add_argument('--floats', action='store_true', help='no native histograms')
    parser.add_argument('--stats', action='store_true', help='compare only what stats=all counts')
    parser.add_argument('--shown', type=int, default=10, metavar='N', help='of the differences')
    parser.add_argument('--allowed', type=int, default=0, metavar='N', help='how many may differ, all the same')
    parser.add_argument('--round', type=int, metavar='R')
    parser.add_argument('--case', type=int, metavar='C')
    words = parser.parse_args()
    print('differential: seed %d' % words.seed, flush=True)
    counts = collections.Counter()
    rounds = -(-words.cases // words.per_round)
    for number in range(rounds) if words.round is None else [words.round]:
        with Round(words, number) as one:
            left = min(words.per_round, words.cases - number * words.per_round) if words.round is None else words.per_round
            for word, what in one.run(range(left) if words.case is None else [words.case]):
                counts[word] += 1
                if what and counts[word] <= words.shown:
                    print(what, flush=True)
    print('differential: %d queries of Prometheus and vedette compared, %d differ (%d equal, %d in an order that is not defined, '
          '%d where Prometheus contradicts itself)'
          % (sum(counts.values()), counts['differs'], counts['equal'], counts['order'], counts['itself']))
    sys.exit(1 if counts['differs'] > words.allowed else 0)


if __name__ == '__main__':
    main()
