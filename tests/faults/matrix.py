#!/usr/bin/python3
"""Incidents happen while something goes wrong: who is paged, how late, how often?

    matrix.py [--rounds N] [--seed S] [--fault WORD] [--peers BIN] [--at-once N] [--write FILE]

A round is one fault, in turn, with random moments: a program scrapes a page on which twelve incidents appear during
seven seconds; from the second second on something goes wrong for some seconds, then all is well again.

    0 s           2 s                   5 to 7 s                               + 10 s         + 90 s
    ├─ incidents ──┼── and the fault ───────┼── all is well ─────────────────────┤ late after   ┤ lost

Lost: never told, late: told later than ten seconds after the incident and the end of the fault, repeated: told again
although it was taken (answered with 200). The exit status is 1 when Vedette lost a page. With --peers BIN, a folder with
Prometheus and Alertmanager, these two go through the same rounds. --write puts the table into that file, between the
lines that mark it. The seed is printed first: moments differ from run to run, choices do not.
"""
import argparse
import concurrent.futures
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import threading
import time

from faults import FAULTS
from watches import Place, Stack, Vedette
from world import Incidents, Receiver, Told

INCIDENTS, INCIDENTS_SECONDS = 12, 7
FAULT_AFTER = 2
LATE_SECONDS, LOST_SECONDS = 10, 90


def raise_incidents(incidents, moments, begin):
    for moment in moments:
        time.sleep(max(0, begin + moment - time.monotonic()))
        incidents.raise_one()


def one_round(fault, make, seed):
    """What became of the pages of one round; raises what the program ended with, should it end by itself."""
    pick = random.Random(seed)
    incidents, receiver = Incidents(), Receiver(seed)
    watch = place = None
    with tempfile.TemporaryDirectory(prefix="vedette-faults-", ignore_cleanup_errors=True) as name:
        try:
            place = Place(pathlib.Path(name), fault.own_mounts)
            host = Place.NAME if fault.named_receiver else "127.0.0.1"
            watch = make(place, incidents.address, f"http://{host}:{receiver.port}/page")
            if fault.own_clock:
                watch.fake_the_clock()
            watch.start()
            watch.wait_for_work()
            begin = time.monotonic()
            moments = sorted(pick.uniform(0, INCIDENTS_SECONDS) for _ in range(INCIDENTS))
            raising = threading.Thread(target=raise_incidents, args=(incidents, moments, begin))
            raising.start()
            time.sleep(FAULT_AFTER)
            fault.begin(watch, receiver, pick)
            fault_over = time.monotonic()
            raising.join()
            end = max(fault_over, *incidents.raised.values()) + LOST_SECONDS
            while time.monotonic() < end and len(receiver.told) < INCIDENTS:
                time.sleep(0.05)
            time.sleep(1.5)  # for what is told twice
            told = Told.of(incidents, receiver, fault_over, LATE_SECONDS)
            return told, watch.logs() if told.lost else ""
        finally:
            if watch is not None:
                watch.kill()
            if place is not None:
                place.close()
            receiver.close()
            incidents.close()


def version(peers, name):
    said = subprocess.run([peers / name, "--version"], capture_output=True, text=True, check=True)
    return re.search(r"version (\d+\.\d+\.\d+)", said.stdout + said.stderr).group(1)


def cell(told):
    if isinstance(told, str):
        return f"not possible: {told}"
    return f"{told.pages} / {told.lost} / {told.late} / {told.repeated}"


def table(names, results, rounds, seed):
    lines = [f"{rounds} rounds, seed {seed}. Pages told of / lost / later than {LATE_SECONDS} s / told again.", "",
             "| fault | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    for fault in FAULTS:
        if fault.name in results[0]:
            lines.append(f"| {fault.name} | " + " | ".join(cell(one[fault.name]) for one in results) + " |")
    return "\n".join(lines) + "\n"


def write_between_marks(path, text):
    begin, end = "<!-- table: tests/faults/matrix.py -->\n", "<!-- end of table -->\n"
    page = path.read_text()
    path.write_text(page[:page.index(begin) + len(begin)] + "\n" + text + "\n" + page[page.index(end):])


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--rounds", type=int, default=len(FAULTS))
    words.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    words.add_argument("--fault", default="", help="only those with this in their names")
    words.add_argument("--peers", type=lambda path: pathlib.Path(path).resolve())
    words.add_argument("--at-once", type=int, default=3)
    words.add_argument("--write", type=pathlib.Path)
    given = words.parse_args()
    print(f"fault matrix: {given.rounds} rounds, seed {given.seed}", flush=True)
    names, makers = ["Vedette"], [Vedette]
    if given.peers:
        names.append(f"Prometheus {version(given.peers, 'prometheus')}, Alertmanager {version(given.peers, 'alertmanager')}")
        makers.append(lambda place, page, hook: Stack(place, page, hook, given.peers))
    faults = [fault for fault in FAULTS if given.fault in fault.name]
    results = [{} for _ in makers]
    failed = False
    with concurrent.futures.ThreadPoolExecutor(given.at_once) as pool:
        running = {}
        for number in range(given.rounds):
            fault = faults[number % len(faults)]
            for which, make in enumerate(makers):
                if which > 0 and fault.of_stack:
                    results[which][fault.name] = fault.of_stack
                    continue
                running[pool.submit(one_round, fault, make, f"{given.seed}/{number}")] = (which, fault, number)
        for done in concurrent.futures.as_completed(running):
            which, fault, number = running[done]
            told, logs = done.result()
            results[which].setdefault(fault.name, Told()).add(told)
            print(f"  round {number}, {fault.name}, {names[which]}: {told.pages} pages, {told.lost} lost, {told.late} late, "
                  f"{told.repeated} repeated, slowest {told.slowest:.1f} s", flush=True)
            if which == 0 and told.lost:
                failed = True
                print(logs, flush=True)
    text = table(names, results, given.rounds, given.seed)
    print(text)
    if given.write:
        write_between_marks(given.write, text)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
