from __future__ import annotations

import threading

from fake_training import wait_for

from textual_inversion.runs.gate import FifoGate


def test_those_who_wait_are_served_in_order() -> None:
    gate, order, threads = FifoGate(), [], []

    def take(number: int) -> None:
        with gate:
            order.append(number)

    with gate:
        for number in range(5):
            threads.append(threading.Thread(target=take, args=(number,)))
            threads[-1].start()
            wait_for(lambda number=number: len(gate._queue) == number + 2)
        assert order == []
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2, 3, 4]
    assert not gate.taken


def test_an_error_inside_opens_it() -> None:
    gate = FifoGate()
    try:
        with gate:
            raise ValueError
    except ValueError:
        assert not gate.taken
