#!/usr/bin/env python3
"""Asks a real Prometheus 3.5.3 and vedette what they make of the same random texts, good and broken ones: the tree,
the printed form, or the whole error with its place.

    tests/differential/verdicts.py --peers BIN [--cases N] [--seed S]

BIN is a folder with that Prometheus; any other version is refused. The seed is printed first. Half of the texts are
read without features, half with experimental functions and duration expressions. VEDETTE_BUILD says where vedette was
built (build/release). The exit status is 1 when a verdict differed.

What Prometheus prints and reads back as another tree (`sum (x) offset (1m) + 2`) may be printed differently here, as
long as Prometheus reads ours back as the tree it had; and where its checker of types crashes ("unexpected error"),
ours says what is wrong.
"""
import argparse
import random
import sys

from prometheus import Prometheus
from random_expressions import Expressions
from random_texts import Texts
from run import Vedette

FEATURES = ['promql-experimental-functions', 'promql-duration-expr']


def verdict(server, path, text):
    reply = server.ask(path, query=text)
    return reply['data'] if reply['status'] == 'success' else ('error', reply['error'])


def difference(prometheus, vedette, text):
    theirs, ours = verdict(prometheus, 'parse_query', text), verdict(vedette, 'parse_query', text)
    if isinstance(theirs, tuple) and theirs[1].endswith('unexpected error'):
        return None if isinstance(ours, tuple) else (theirs, ours)
    if theirs != ours:
        return theirs, ours
    if isinstance(theirs, tuple):
        return None
    printed, ours = verdict(prometheus, 'format_query', text), verdict(vedette, 'format_query', text)
    if printed == ours:
        return None
    meant = sorted_matchers(theirs)
    means = [sorted_matchers(verdict(prometheus, 'parse_query', text)) for text in (printed, ours)]
    return None if means[1] == meant and means[0] != meant else (printed, ours)


def sorted_matchers(tree):
    """Both print matchers in the order of their names, whatever order they were read in."""
    if isinstance(tree, dict):
        return {key: sorted(value, key=str) if key == 'matchers' and value else sorted_matchers(value) for key, value in tree.items()}
    return [sorted_matchers(one) for one in tree] if isinstance(tree, list) else tree


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument('--peers', required=True)
    arguments.add_argument('--cases', type=int, default=5000)
    arguments.add_argument('--seed', type=int, default=random.randrange(2 ** 32))
    arguments = arguments.parse_args()
    print('seed %d' % arguments.seed, flush=True)
    differ = 0
    for features in ([], FEATURES):
        sources = [Expressions(random.Random(arguments.seed)), Texts(random.Random(arguments.seed), features)]
        with Prometheus(arguments.peers, features) as prometheus, Vedette(features) as vedette:
            for case in range(arguments.cases // 2):
                text = sources[case % 2].one()
                found = difference(prometheus, vedette, text)
                if found is None:
                    continue
                differ += 1
                print('case %d, features %s: %r\n  Prometheus: %s\n  vedette:    %s' % (case, ','.join(features), text, *found))
    print('%d texts, %d judged differently' % (arguments.cases, differ))
    sys.exit(1 if differ else 0)


if __name__ == '__main__':
    main()
