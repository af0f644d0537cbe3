#!/usr/bin/env python3
"""Sends the same late, early, repeated and contradicting samples to a real Prometheus 3.5.3 and to vedette, both with
an out-of-order window, and compares each answer's code and what both remember in the end.

    tests/differential/late.py --peers BIN [--samples N] [--rounds R] [--seed S]

BIN is a folder with that Prometheus; any other version is refused. The seed is printed first. One sample a request, for
Prometheus refuses a request whole. VEDETTE_BUILD says where vedette was built (build/release). The exit status is 1
when something differed. Two differences are meant (docs/limits.md): of two samples at one time, one of them late,
Prometheus shows the one or the other, so such a time is not compared; and a late sample that is known already is not
refused here when it comes again after the window has passed it.

    too old         │  late: taken, beside the chunks        │ in order
    ────────────────┼────────────────────────────────────────┼──────────► time
                newest − window                            newest of all series
"""
import argparse
import pathlib
import random
import sys
import tempfile
import time
import urllib.error

from prometheus import Prometheus, Server, free_port
from run import BUILD, CONFIG

WINDOW_MS = 30 * 60_000


class Vedette(Server):
    def __init__(self):
        self.home = tempfile.TemporaryDirectory()
        config = pathlib.Path(self.home.name) / 'vedette.yml'
        config.write_text(CONFIG + 'storage: {out_of_order_window: 30m}\n')
        address = '127.0.0.1:%d' % free_port()
        super().__init__([BUILD / 'vedette', 'run', '--config', config, '--data', self.home.name + '/data', '--listen', address],
                         address, 'write-here')

    def stop(self):
        super().stop()
        self.home.cleanup()


def code(server, labels, sample):
    """How the write of one sample was answered."""
    try:
        server.write([[labels, [sample]]])
        return 204
    except urllib.error.HTTPError as error:
        error.read()
        return error.code


class Samples:
    """What is sent, one after the other; remembers what was, to repeat and to contradict it."""

    def __init__(self, seed, base_ms):
        self.random, self.base = random.Random(seed), base_ms
        self.newest, self.sent, self.values = base_ms, [], {}

    def one(self):
        kind = self.random.random()
        labels = {'__name__': 'late', 'series': 's%d' % self.random.randrange(6)}
        if kind < 0.1 and self.sent:
            labels, (at, value) = self.random.choice(self.sent)
            return labels, (at, value)
        if kind < 0.2 and self.sent:
            labels, (at, value) = self.random.choice(self.sent)
            return labels, (at, value + 1)
        if kind < 0.5:
            at = self.newest + self.random.randrange(1, 30_000)
        elif kind < 0.9:
            at = self.newest - self.random.randrange(0, WINDOW_MS + 2)
        else:
            at = self.newest - WINDOW_MS + self.random.randrange(-60_000, 60_000)
        return labels, (at, self.random.choice([0.0, 1.5, -2.0, 1e300, float(self.random.randrange(1000))]))

    def took(self, labels, sample):
        self.newest = max(self.newest, sample[0])
        self.sent.append((labels, sample))
        self.values.setdefault((labels['series'], sample[0]), set()).add(sample[1])

    def knows(self, labels, at):
        return (labels['series'], at) in self.values

    def contradicted(self):
        return {key for key, values in self.values.items() if len(values) > 1}


def remembered(server, samples):
    """(series, milliseconds, value) of everything, but for times that were contradicted."""
    found = server.ask('query', query='late[24h]', time=samples.newest / 1000)['data']['result']
    unsure = samples.contradicted()
    return {(one['metric']['series'], round(at * 1000), value) for one in found for at, value in one['values']
            if (one['metric']['series'], round(at * 1000)) not in unsure}


def one_round(peers, seed, count):
    differ = 0
    base = int(time.time() * 1000) - 6 * 3600_000
    samples = Samples(seed, base)
    with Prometheus(peers, storage='tsdb: {out_of_order_time_window: 30m}') as prometheus, Vedette() as vedette:
        for number in range(count):
            labels, sample = samples.one()
            theirs, ours = code(prometheus, labels, sample), code(vedette, labels, sample)
            again = samples.knows(labels, sample[0])
            if theirs == 204:
                samples.took(labels, sample)
            if theirs != ours and not (again and (theirs, ours) == (400, 204)):
                differ += 1
                print('seed %s, sample %d: %s at newest%+d ms: prometheus %d, vedette %d' % (
                    seed, number, labels['series'], sample[0] - samples.newest, theirs, ours), flush=True)
        theirs, ours = remembered(prometheus, samples), remembered(vedette, samples)
        for one in sorted(theirs ^ ours):
            differ += 1
            print('seed %s: %s at %d ms = %s only in %s' % (seed, *one, 'prometheus' if one in theirs else 'vedette'), flush=True)
    return differ, len(ours)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument('--peers', required=True)
    arguments.add_argument('--samples', type=int, default=2000)
    arguments.add_argument('--rounds', type=int, default=3)
    arguments.add_argument('--seed', type=int, default=random.randrange(2 ** 32))
    arguments = arguments.parse_args()
    print('seed %d' % arguments.seed, flush=True)
    differ = 0
    for number in range(arguments.rounds):
        found, kept = one_round(arguments.peers, '%d/%d' % (arguments.seed, number), arguments.samples)
        differ += found
        print('round %d: %d samples sent, %d remembered, %d differ' % (number, arguments.samples, kept, found), flush=True)
    sys.exit(1 if differ else 0)


if __name__ == '__main__':
    main()
