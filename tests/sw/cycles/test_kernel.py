"""Queues, passages and memory ports of the cycle model."""

import pytest

from sw.cycles.kernel import SECOND, THIRD, Kernel, MemoryPort, Passage, Queue


def run(kernel, process):
    """Runs a process to its end; what it returned, and the cycle."""
    result = []

    def wrapped():
        result.append((yield from process))
        result.append(kernel.now)

    kernel.start(wrapped())
    kernel.run()
    return result


def test_a_queue_shows_beats_and_places_a_cycle_later():
    kernel = Kernel()
    queue, log = Queue(kernel, 2), []

    def writer():
        for i in range(4):
            yield from queue.room()
            queue.put(i)
            log.append(("put", i, kernel.now))

    def reader():
        for earliest in (0, 5, 5, 5):
            item = yield from queue.take(earliest)
            log.append(("take", item, kernel.now))

    kernel.start(writer())
    kernel.start(reader())
    kernel.run()
    # Beats 0 and 1 go at once; a place is free the cycle after its beat was taken.
    assert sorted(log, key=lambda entry: entry[1:]) == [
        ("put", 0, 0),
        ("take", 0, 1),
        ("put", 1, 0),
        ("take", 1, 5),
        ("put", 2, 2),
        ("take", 2, 5),
        ("put", 3, 6),
        ("take", 3, 7),
    ]


@pytest.mark.parametrize(("number", "cycle"), [(1, 10), (4, 13), (5, 20), (7, 36)])
def test_the_time_of_a_beat_in_its_run(number, cycle):
    kernel = Kernel()
    passage = Passage(kernel)
    passage.add(10, 4, 13)
    passage.add(20, 3, 36)  # every 8 cycles
    assert run(kernel, passage.when(number))[0] == cycle


def test_a_beat_that_is_not_known_yet_is_waited_for():
    kernel = Kernel()
    passage = Passage(kernel)

    def later():
        yield 50
        passage.add(60, 1, 60)

    kernel.start(later())
    assert run(kernel, passage.when(1)) == [60, 50]


def test_who_has_priority_keeps_its_cycles():
    kernel, port = Kernel(), MemoryPort()
    port.mark(12, 3)
    assert run(kernel, port.take(10, 4))[0] == 16  # 10, 11, 15, 16
    assert port.count == 7


def test_a_cycle_that_is_free_may_be_noted_before_it_comes():
    """Who waits behind 3 noted cycles looks again: 10 more were noted meanwhile."""
    kernel, port = Kernel(), MemoryPort()
    port.mark(10, 3)

    def lanes():
        yield 11
        port.mark(13, 10)

    kernel.start(lanes())
    assert run(kernel, port.take(10))[0] == 23


def test_clients_come_by_their_priority():
    kernel, port, log = Kernel(), MemoryPort(), []

    def behind():
        log.append(("last", (yield from port.take(20, 10))))

    def before(name, priority, cycle, times):
        for _ in range(times):
            cycle = (yield from port.take_before(cycle, priority)) + 1
            log.append((name, cycle - 1))

    def first():
        yield 23
        port.mark(24, 1)

    kernel.start(behind())
    kernel.start(first())
    kernel.start(before("third", THIRD, 20, 3))
    kernel.start(before("second", SECOND, 21, 2))
    kernel.run()
    assert [cycle for name, cycle in log if name == "second"] == [21, 22]
    assert [cycle for name, cycle in log if name == "third"] == [20, 23, 25]
    assert [cycle for name, cycle in log if name == "last"] == [35]  # 26 to 35
    assert port.count == 16
