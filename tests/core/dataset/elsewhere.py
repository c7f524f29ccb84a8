"""Another process for tests of sharing, without one."""

import pickle
from concurrent.futures import Executor, Future

from shared.core.dataset.sharing import examine_here
from shared.core.dataset.validate import validate


class Late(Future):
    """Work that is not done until it was asked for a few times."""

    asked = 0

    def done(self):
        self.asked += 1
        return self.asked > 20


class Here(Executor):
    """Another process, as far as the inspection can tell: it takes a while, and all that goes there and back is copied."""

    def __init__(self, begin, arguments):
        self.blocks = 0
        begin(*pickle.loads(pickle.dumps(arguments)))

    def submit(self, work, *given):
        self.blocks += work is examine_here
        future = Late() if work is examine_here else Future()
        future.set_result(pickle.loads(pickle.dumps(work(*pickle.loads(pickle.dumps(given))))))
        return future


def both(sources, options):
    """What is found with another process and without, and the process."""
    started = []

    def start(begin, arguments):
        started.append(Here(begin, arguments))
        return started[0]

    shared = validate(sources(), options, processes=start, workers=2)
    return shared, validate(sources(), options), started[0]
