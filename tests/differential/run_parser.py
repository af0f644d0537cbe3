#!/usr/bin/env python3
"""Gives random texts, good ones and broken ones, to the parsers of a real Prometheus 3.5.3 and of vedette: both must
take or refuse them alike, print them alike, and refuse with the same words at the same place.

    tests/differential/run_parser.py --peers BIN [--cases N] [--seed S] [--features NAMES]

BIN and VEDETTE_BUILD as in run.py. The exit status is 1 when a verdict, a printed form or an error's text differed.
"""
import argparse
import collections
import json
import multiprocessing
import random
import re
import sys

from prometheus import Prometheus
from random_queries import PROFILES
from random_texts import Texts
from run import Vedette

WORKERS = 3


def verdict(server, text):
    reply = server.ask('format_query', query=text)
    return ('printed', reply['data']) if reply['status'] == 'success' else ('error', reply['error'])


def kind_of_difference(ours, theirs, text, prometheus):
    if ours == theirs:
        return 'equal'
    if ours[0] != theirs[0]:
        return 'verdict'
    if ours[0] == 'error':
        return 'text'
    # Prometheus prints quoted labels of a matching bare, and leaves out an empty one before group_left: its form is
    # then another query, or none. Ours says more, and Prometheus must read it as the one that was asked for.
    says_more = '"' in text and re.search(r'\b(on|ignoring|group_left|group_right)\b', text) or re.search(r'\bignoring\s*\(\s*\)', text)
    laid_out = ''.join(ours[1].split()) == ''.join(theirs[1].split())
    return 'more' if says_more and not laid_out and verdict(prometheus, ours[1]) == theirs else 'print'


def work(words, features, servers, numbers, out):
    for server in servers:
        server.connection = None
    for number in numbers:
        text = Texts(random.Random('%d/%s/%d' % (words.seed, ','.join(features), number)), features).one()
        ours, theirs = (verdict(server, text) for server in servers)
        out.put((kind_of_difference(ours, theirs, text, servers[1]), text, ours, theirs))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--peers', required=True, metavar='BIN')
    parser.add_argument('--cases', type=int, default=20000, metavar='N')
    parser.add_argument('--seed', type=int, default=random.SystemRandom().randrange(1 << 32), metavar='S')
    parser.add_argument('--features', metavar='NAMES')
    parser.add_argument('--shown', type=int, default=10, metavar='N', help='of the differences of each kind')
    words = parser.parse_args()
    print('parser: seed %d' % words.seed, flush=True)
    profiles = PROFILES[:2] if words.features is None else [[one for one in words.features.split(',') if one not in ('', 'none')]]
    counts = collections.Counter()
    for features in profiles:
        each = words.cases // len(profiles)
        with Vedette(features) as vedette, Prometheus(words.peers, features) as prometheus:
            out = multiprocessing.Queue()
            workers = [multiprocessing.Process(target=work, args=(words, features, (vedette, prometheus), range(i, each, WORKERS), out))
                       for i in range(WORKERS)]
            for one in workers:
                one.start()
            for _ in range(each):
                kind, text, ours, theirs = out.get()
                counts[kind] += 1
                if kind not in ('equal', 'more') and counts[kind] <= words.shown:
                    print('%s: %s\n%s: %s\nexpected %s: %s\n' % (kind, json.dumps(text, ensure_ascii=False), *ours, *theirs), flush=True)
            for one in workers:
                one.join()
    differ = sum(counts[kind] for kind in ('verdict', 'print', 'text'))
    print('parser: %d texts given to Prometheus and vedette, %d differ (%d in the verdict, %d in the printed form, %d in the error)' % (
        sum(counts.values()), differ, counts['verdict'], counts['print'], counts['text']))
    sys.exit(1 if differ else 0)


if __name__ == '__main__':
    main()
