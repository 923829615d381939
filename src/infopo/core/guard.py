"""Whether foreign code touched a global random generator. Reads their states, and only of libraries already loaded."""

import hashlib
import random
import sys


def global_random_states() -> dict[str, str]:
    """A digest of each global generator's state: of `random`, and of numpy and torch where they are loaded.

    >>> before = global_random_states()
    >>> random.Random(3).random() > 0 and global_random_states() == before
    True
    """
    states = {"random": repr(random.getstate())}
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None:
        name, keys, *rest = numpy.random.get_state()
        states["numpy.random"] = repr((name, keys.tobytes(), rest))
    if torch is not None:
        states["torch"] = repr(torch.random.get_rng_state().numpy().tobytes())
    return {name: hashlib.blake2b(state.encode()).hexdigest() for name, state in states.items()}
