"""What goes wrong. Each fault lasts from `begin` to its return, some seconds later, and leaves the world as it was.

A fault is a function of (watch, receiver, pick); the table says what it needs: mounts of its own, a name for the
receiver, the program's own clock. `of_stack` is why Prometheus and Alertmanager cannot be given it, if they cannot."""
import dataclasses
import sqlite3
import threading
import time
import typing

from watches import bodies_of_a_million


def seconds(pick):
    return pick.uniform(3, 5)


def killed(watch, receiver, pick):
    end = time.monotonic() + seconds(pick)
    while time.monotonic() < end:
        watch.kill()
        time.sleep(pick.uniform(0, 0.3))
        watch.start()
        time.sleep(pick.uniform(0.05, 1.2))


def receiver_down(watch, receiver, pick):
    receiver.close()
    time.sleep(seconds(pick))
    receiver.open()


def in_mood(mood):
    def fault(watch, receiver, pick):
        receiver.mood = mood
        time.sleep(seconds(pick))
        receiver.mood = "well"
    return fault


def name_unknown(watch, receiver, pick):
    watch.place.name_known(False)
    time.sleep(seconds(pick))
    watch.place.name_known(True)


def disk_full(watch, receiver, pick):
    """To the last byte, again and again: what is given free meanwhile goes too."""
    end = time.monotonic() + seconds(pick)
    while time.monotonic() < end:
        watch.place.sh(f"cat /dev/zero >> {watch.place.data}/ballast")
        time.sleep(0.05)
    watch.place.sh(f"rm {watch.place.data}/ballast")


def ledger_locked(watch, receiver, pick):
    """Somebody else writes into alerts.db and does not come to an end."""
    end = time.monotonic() + seconds(pick)
    database = sqlite3.connect(watch.place.data / "alerts.db", isolation_level=None, timeout=5)
    try:
        database.execute("BEGIN EXCLUSIVE")
        time.sleep(end - time.monotonic())
        database.execute("ROLLBACK")
    finally:
        database.close()


def clock_stepped(watch, receiver, pick):
    for step in pick.choice([(90, -90), (-90, 90), (3600, 0), (-3600, 0)]):
        watch.set_clock(step)
        time.sleep(seconds(pick) / 2)
    watch.set_clock(0)


def reloaded(watch, receiver, pick):
    end = time.monotonic() + seconds(pick)
    while time.monotonic() < end:
        watch.reload()
        time.sleep(pick.uniform(0.05, 0.3))


def flooded(watch, receiver, pick):
    bodies = list(bodies_of_a_million())

    def send(part):
        for body in part:
            watch.write(body)
    # In two lanes, the second behind the first by time: what it brings too early or late is refused, which is work too.
    lanes = [threading.Thread(target=send, args=(bodies[:50],)), threading.Thread(target=send, args=(bodies[50:],))]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()


@dataclasses.dataclass
class Fault:
    name: str
    begin: typing.Callable
    own_mounts: bool = False
    named_receiver: bool = False
    own_clock: bool = False
    of_stack: str = ""


FAULTS = [
    Fault("kill -9 at random moments", killed),
    Fault("receiver down", receiver_down),
    Fault("receiver slow (2.5 s an answer)", in_mood("slow")),
    Fault("429 storm", in_mood("storm")),
    Fault("garbage instead of answers", in_mood("garbage")),
    Fault("receiver's name unknown to DNS", name_unknown, own_mounts=True, named_receiver=True),
    Fault("disk full", disk_full, own_mounts=True),
    Fault("alerts.db locked by another program", ledger_locked, of_stack="no such file"),
    Fault("clock stepped", clock_stepped, own_clock=True, of_stack="a static program asks the kernel for the time"),
    Fault("reloaded while sending", reloaded),
    Fault("a million samples meanwhile", flooded),
]
