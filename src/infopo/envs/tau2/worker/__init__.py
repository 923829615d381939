"""The far side of `tau2/<domain>`: runs in the interpreter that has the benchmark, which may differ from ours.

Needs the standard library (Python 3.10 or newer) and the benchmark, nothing of this project: `__main__.py` loads this
folder as a package of its own.
"""
