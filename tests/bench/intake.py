"""Budgets 6 and 7: CPU of a sample that comes by remote write, and memory of an active series.

100,000 series, one sample a series and request of 2,000 series, the same bodies to all in turn. The first round makes the
series and is not counted; memory is what is anonymous beyond what the empty server had, after all rounds.
"""
import time

from processes import memory_mib, programs
from restart import series
from servers import started

import remote_write

SERIES, PER_REQUEST, ROUNDS, STEP_MS = 100_000, 2_000, 6, 15_000


def bodies(at_ms):
    return [remote_write.body([series(number, at_ms) for number in range(first, first + PER_REQUEST)])
            for first in range(0, SERIES, PER_REQUEST)]


def rows():
    begin = int(time.time()) * 1000 - (ROUNDS + 1) * STEP_MS
    with programs() as (folder, start):
        servers = started(folder, start)
        empty = {server.name: memory_mib(server.program.pid)[1] for server in servers}
        cpu = dict.fromkeys(empty, 0.0)
        for turn in range(ROUNDS + 1):
            requests = bodies(begin + turn * STEP_MS)
            for server in servers:
                before = server.cpu()
                for body in requests:
                    server.write(body)
                if turn > 0:
                    cpu[server.name] += server.cpu() - before
        rates = {name: ROUNDS * SERIES / seconds / 1e6 for name, seconds in cpu.items()}
        memory = {server.name: (memory_mib(server.program.pid)[1] - empty[server.name]) * 2**20 / SERIES for server in servers}
    beside = lambda figures, form: ", ".join(f"{name} {form(figure)}" for name, figure in figures.items() if name != "Vedette")
    rate, size = (lambda figure: f"{figure:.2f} M"), (lambda figure: f"{figure:.0f}")
    return [("samples by remote write in a second of CPU, one a series, 100,000 series", rate(rates["Vedette"]), beside(rates, rate), "4.5 M"),
            ("bytes of memory a series, of those", size(memory["Vedette"]), beside(memory, size), "500")]
