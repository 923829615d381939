"""How many four-turn episodes a second each environment plays in one process, with a stub policy. The goal is 1,000
(200 for `usergym/tau`, where every episode copies a database).

python benchmarks/gyms.py [EPISODES] [DIFFICULTY]

An episode is made anew, started, stepped four times (or until it ends) and judged. The bank is built before.
"""

import asyncio
import sys
import time

from infopo.core import Message
from infopo.envs import list_envs, make_env, num_tasks

STUBS = {
    "grid/frozenlake": ("[action] up", "[action] down", "[action] left", "[action] right"),
    "grid/sokoban": ("[action] up", "[action] down", "[action] left", "[action] right"),
    "usergym/function": ("[search] test", "[action] 1 2 3 4", "[action] 4 3 2 1", "[answer] 7"),
    "usergym/intention": ("[action] which date ?", "[action] which budget ?", "[action] which size ?", "[finish]"),
    "usergym/persuade": ("[action] why ?", "[action] why ?", "[answer] no problem with cost", "[finish]"),
    "usergym/search": ("[search] lamp", "[search] clock", "[search] anna", "[answer] rome"),
    "usergym/tau": (
        "[action] your name and zip ?",
        "[action] how can i help ?",
        "[answer] find_user anna 12",
        "[finish]",
    ),
    "usergym/telepathy": ("[action] is it red ?", "[action] is it small ?", "[action] is it a boat ?", "[finish]"),
    "usergym/travel": ("[search] hotel rome june", "[action] which seat ?", "[action] which meal ?", "[finish]"),
    "usergym/turtle": ("[action] was it baker ?", "[action] was it love ?", "[action] was it rope ?", "[finish]"),
    "webshop/small": ("[search] red lamp", "[action] next", "[action] prev", "[search] soft lamp"),
}


async def play(env_id: str, index: int, difficulty: str) -> None:
    env = make_env(env_id, task=index, seed=index, difficulty=difficulty)
    await env.start()
    for text in STUBS[env_id]:
        step = await env.step(Message(role="assistant", content=text))
        env.state_key()
        if step.done or step.truncated:
            break
    await env.outcome()
    await env.close()


async def episodes(env_id: str, count: int, difficulty: str) -> None:
    tasks = min(200, num_tasks(env_id, "train", difficulty=difficulty))
    for episode in range(count):
        await play(env_id, episode % tasks, difficulty)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    difficulties = sys.argv[2:] or ["standard", "nano"]
    for env_id in (name for name in list_envs() if name in STUBS):
        for difficulty in difficulties:
            asyncio.run(episodes(env_id, 200, difficulty))  # builds the bank
            start = time.perf_counter()
            asyncio.run(episodes(env_id, count, difficulty))
            print(f"{env_id:18s} {difficulty:8s} {count / (time.perf_counter() - start):8.0f} episodes a second")


if __name__ == "__main__":
    main()
