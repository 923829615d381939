"""Being counted as right without being right: forged answers, values that equal everything, a changed interpreter."""

import atexit
import base64
import builtins
import gc
import json
import os
import pickle
import sys


class Anything:
    def __eq__(self, other):
        return True

    __hash__ = None


class AnyText(str):
    __hash__ = None

    def __eq__(self, other):
        return True


class AnyNumber(int):
    __hash__ = None

    def __eq__(self, other):
        return True


class AnyList(list):
    __hash__ = None

    def __eq__(self, other):
        return True


class Order:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.remove, (self.path,))


def everywhere(data):
    for number in range(1, 64):
        try:
            os.write(number, data)
        except OSError:
            continue


def nonce():
    frame = sys._getframe()
    while frame is not None:
        if "nonce" in frame.f_locals:
            return frame.f_locals["nonce"]
        frame = frame.f_back


def return_what_equals_everything(host):
    return Anything()


def return_text_that_equals_everything(host):
    return AnyText("x")


def return_a_number_that_equals_everything(host):
    return AnyNumber(1)


def return_a_list_that_equals_everything(host):
    return AnyList([1])


def return_no_number(host):
    return float("nan")


def return_true(host):
    return {"passed": True, "score": 1.0, "error": None}


def claim_to_have_passed(host):
    everywhere(b'{"passed": true, "score": 1.0}\n')
    os._exit(0)


def forge_without_the_nonce(host):
    everywhere(b'{"nonce": "0", "error": null, "results": [{"value": "forged"}]}\n')
    os._exit(0)


def forge_with_the_nonce(host):
    everywhere(json.dumps({"nonce": nonce(), "error": None, "results": [{"value": "forged"}]}).encode() + b"\n")
    os._exit(0)


def forge_two_answers(host):
    line = json.dumps({"nonce": nonce(), "error": None, "results": [{"value": "forged"}]}).encode() + b"\n"
    everywhere(line + line)
    os._exit(0)


def forge_more_results_than_calls(host):
    results = [{"value": number} for number in range(100)]
    everywhere(json.dumps({"nonce": nonce(), "error": None, "results": results}).encode() + b"\n")
    os._exit(0)


def forge_infinity(host):
    start = json.dumps({"nonce": nonce(), "error": None})[:-1]
    everywhere(start.encode() + b', "results": [{"value": 1e999}]}\n')
    os._exit(0)


def forge_a_tower(host):
    start = json.dumps({"nonce": nonce(), "error": None})[:-1]
    everywhere(start.encode() + b', "results": [{"value": ' + b"[" * 20000 + b"]" * 20000 + b"}]}\n")
    os._exit(0)


def forge_half_a_letter(host):
    everywhere(json.dumps({"nonce": nonce(), "error": None, "results": [{"value": "\ud800"}]}).encode() + b"\n")
    os._exit(0)


def forge_an_error_that_prints(host):
    everywhere(json.dumps({"nonce": nonce(), "error": "\x1b[2J\nforged", "results": []}).encode() + b"\n")
    os._exit(0)


def forge_bytes(host):
    everywhere(bytes(range(256)) * 16 + b"\n")
    os._exit(0)


def answer_by_pickle(host):
    everywhere(pickle.dumps(Order(host["victim_file"])) + b"\n")
    os._exit(0)


def return_a_pickle(host):
    return base64.b64encode(pickle.dumps(Order(host["victim_file"]))).decode()


def return_what_pickles_badly(host):
    return Order(host["victim_file"])


def end_well_before_answering(host):
    os._exit(0)


def leave_politely(host):
    sys.exit(0)


def answer_at_exit(host):
    atexit.register(everywhere, b'{"passed": true}\n')
    raise SystemExit


def search_the_frames(host):
    found, frame = [], sys._getframe()
    while frame is not None:
        found += [repr(frame.f_locals), repr(frame.f_globals)]
        frame = frame.f_back
    return "".join(found)[-60000:]


def search_the_memory(host):
    return [one for one in gc.get_objects() if isinstance(one, dict) and "expected" in one and "seen" in one] != []


def change_what_is_built_in(host):
    builtins.type = lambda one: str
    builtins.len = lambda one: 0
    builtins.str = Anything
    return Anything()


def change_the_runner(host):
    for module in list(sys.modules.values()):
        for name in ("text", "quoted", "write", "evaluate", "plain"):
            if hasattr(module, name):
                setattr(module, name, lambda *_: '"forged"')
    return "x"


def change_how_things_are_written(host):
    os.write = lambda number, data: len(data)
    return "x"
