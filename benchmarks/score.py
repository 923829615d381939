"""`infopo score` on synthetic transcripts: are the planted redundant questions found, how fast, in how much memory.

python benchmarks/score.py [--turns 1000,10000] [--model FOLDER|nano] [--threshold GAIN]

Travel dialogues (difficulty `nano`) of the careful scripted expert, a tenth of the questions unanswered. In half of the
dialogues one answered question is asked again: in the same words, or in others. The dialogue goes on as if it had not
been. What is not planted but asked again is so for a reason (the user had not answered), and must not be found.
Everything up to `--turns` is played once more, to a file; each size is scored in a process of its own.
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from infopo.core import Message, derive_random
from infopo.envs import make_env, make_expert, num_tasks

ENV = "usergym/travel"
OPTIONS = {"difficulty": "nano", "unanswered": 0.1}
THRESHOLDS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5)
OTHER_WORDS = ("tell me the {topic} please", "and what about the {topic} ?", "i need to know the {topic}")


async def dialogue(task: int, plant: str | None) -> tuple[list[dict[str, str]], int | None]:
    """Messages of one dialogue, and the index of the message that is a planted question."""
    env = make_env(ENV, task=task, seed=task, **OPTIONS)
    expert = make_expert(ENV, "full", seed=task, **OPTIONS)
    random = derive_random(task, "plant")
    shown = list((await env.start()).messages)  # what the expert sees: without the planted turn
    written = list(shown)
    planted, after = None, random.randrange(3)
    for _ in range(env.max_turns):
        action = Message(role="assistant", content=expert.act(tuple(shown)))
        step = await env.step(action)
        shown += [action, *step.messages]
        written += [action, *step.messages]
        if step.done or step.truncated:
            break
        answered = step.facts is not None and step.facts.kind == "ask" and step.facts.revealed
        if plant and planted is None and answered:
            after -= 1
            if after < 0:
                question = action.content.rpartition("</think>")[2]
                if plant == "other words":
                    topic = step.facts.revealed[0].rpartition(".")[2]
                    question = "[action] " + random.choice(OTHER_WORDS).format(topic=topic)
                again = Message(role="assistant", content=question)
                reply = await env.step(again)
                if reply.done or reply.truncated:
                    break
                planted = len(written)
                written += [again, *reply.messages]
    await env.close()
    return [{"role": message.role, "content": message.content} for message in written], planted


def write(path: Path, turns: int) -> int:
    """Dialogues until there are so many turns; returns how many turns there are."""
    count, number = 0, 0
    tasks = num_tasks(ENV, "train", **OPTIONS)
    with open(path, "w") as file:
        while count < turns:
            plant = (None, "same words", None, "other words")[number % 4]
            messages, planted = asyncio.run(dialogue(number % tasks, plant))
            line = {"id": f"d{number}", "messages": messages, "planted": planted, "how": plant}
            file.write(json.dumps(line) + "\n")
            count += sum(message["role"] == "assistant" for message in messages)
            number += 1
    return count


def found(dialogues: Path, scores: Path) -> dict[str, list[float]]:
    """Gains of the replies that repeat (rule of words) and of all planted ones, by how they were planted."""
    from infopo.core import read_records

    planted = {}
    with open(dialogues) as file:
        for number, text in enumerate(file, start=1):
            line = json.loads(text)
            if line["planted"] is not None:
                planted[number, line["planted"] + 1] = line["how"]
    groups: dict[str, list[float]] = {}
    for record in read_records(scores):
        for reply in record.get("replies", ()):
            how = planted.get((record["line"], reply["message"]), "not planted")
            if reply["gain"] is not None:
                name = f"{how}, {'repeats' if reply['repeats'] else 'new'}"
                groups.setdefault(name, []).append(reply["gain"])
    return groups


def score(dialogues: Path, out: Path, model: str) -> dict[str, Any]:
    """Score in a process of its own; seconds and peak memory (MiB) of it."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "src")}
    command = [sys.executable, __file__, "--inside", str(dialogues), str(out), "--model", model]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def inside(dialogues: str, out: str, model: str) -> None:
    """The command itself, then what it took; peak memory of the whole process."""
    from infopo.cli.main import main as command

    start = time.perf_counter()
    arguments = [dialogues, "--model", model, "--out", out]
    code = command(["score", *arguments, *(["--env", ENV] if model == "nano" else [])])
    if code:
        raise SystemExit(code)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": time.perf_counter() - start, "cpu": time.process_time(), "peak": peak}))


def report(groups: dict[str, list[float]]) -> None:
    """Precision and recall of the flag at several thresholds."""
    print("\n| threshold | flagged | precision | recall, same words | recall, other words | recall |")
    print("|---|---|---|---|---|---|")
    for threshold in THRESHOLDS:
        flagged = {name: sum(gain <= threshold for gain in gains) for name, gains in groups.items()}
        hit = {how: flagged.get(f"{how}, repeats", 0) for how in ("same words", "other words")}
        there = {how: sum(len(g) for name, g in groups.items() if name.startswith(how)) for how in hit}
        every = sum(hit.values()) + flagged.get("not planted, repeats", 0)
        parts = [f"{hit[how] / max(1, there[how]):.3f}" for how in hit]
        precision = f"{sum(hit.values()) / every:.3f}" if every else "-"
        recall = sum(hit.values()) / max(1, sum(there.values()))
        print(f"| {threshold} | {every} | {precision} | {' | '.join(parts)} | {recall:.3f} |")
    print("\n| replies | n | mean gain | share with a gain of at most 0.1 |\n|---|---|---|---|")
    for name, gains in sorted(groups.items()):
        low = sum(gain <= 0.1 for gain in gains) / len(gains)
        print(f"| {name} | {len(gains)} | {sum(gains) / len(gains):.3f} | {low:.2f} |")


def main() -> None:
    """Play, score, compare."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", default="1000,10000")
    parser.add_argument("--model", default="nano")
    parser.add_argument("--inside", nargs=2, metavar=("DIALOGUES", "OUT"))
    given = parser.parse_args()
    if given.inside:
        inside(*given.inside, given.model)
        return
    print("| turns | dialogues file, MiB | seconds | CPU seconds | turns a CPU second | peak memory, MiB |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for turns in map(int, given.turns.split(",")):
            dialogues, out = Path(folder) / f"{turns}.jsonl", Path(folder) / f"{turns}.scores.jsonl"
            count = write(dialogues, turns)
            cost = score(dialogues, out, given.model)
            size, speed = dialogues.stat().st_size / 2**20, count / cost["cpu"]
            times = f"{cost['seconds']:.1f} | {cost['cpu']:.1f} | {speed:.0f}"
            print(f"| {count} | {size:.2f} | {times} | {cost['peak']:.0f} |", flush=True)
        report(found(dialogues, out))


if __name__ == "__main__":
    main()
