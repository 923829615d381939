"""One rank of a training run: `python ranks_script.py SETTINGS.json`, under `torchrun` for several."""

import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Any

from infopo.core import InfopoError


def broken(task: Any, episode: int) -> Any:
    """An environment that cannot be made."""
    raise InfopoError(f"no environment for {task.group_id}")


def main(settings: dict[str, Any]) -> None:
    """Train, and say what this rank ended with in `OUT/rank_N.json`; resume where the run is there already."""
    from safetensors.torch import save_file
    from transformers import AutoTokenizer

    from infopo.samplers.load import load_policy
    from infopo.training.config_io import config_from_dict
    from infopo.training.loop import Trainer
    from infopo.training.run_folder import RunFolder

    config = config_from_dict(settings["config"])
    policy = load_policy(config.model, lora_rank=config.lora.rank)
    rank = int(os.environ.get("RANK", "0"))
    out = Path(settings["out"])
    path = out / ("run" if rank == 0 else f"scratch_{rank}")  # only the first rank writes the run
    if path.exists() and rank == 0:
        folder = RunFolder.open(path, steps=config.steps)
    else:
        folder = RunFolder.create(path / f"{config.steps}" if rank else path, config)
    trainer = Trainer(
        dataclasses.replace(folder.config, steps=config.steps),
        policy,
        folder,
        tokenizer=AutoTokenizer.from_pretrained(config.model),
        learning_rate=config.learning_rate or 1e-3,
    )
    if settings.get("stop_rank") == rank:
        trainer.request_stop()
    if settings.get("broken_rank") == rank:
        trainer.make = broken
    resumed = trainer.resume()
    said = ""
    try:
        trainer.run()
    except InfopoError as error:
        said = str(error)
    save_file(
        {name: weight.detach() for name, weight in policy.model.named_parameters()}, out / f"rank_{rank}.safetensors"
    )
    note = {"resumed": resumed, "done": trainer.done_steps, "version": policy.version, "said": said}
    (out / f"rank_{rank}.json").write_text(json.dumps(note))
    if trainer.critic is not None:
        head = {name: weight.detach() for name, weight in trainer.critic.head.named_parameters()}
        save_file(head, out / f"critic_{rank}.safetensors")
    folder.close()
    trainer.accelerator.wait_for_everyone()
    # torch may deadlock while it takes gloo down: the main thread joins gloo's thread and holds the lock (GIL) that
    # gloo's thread needs to let go of a tensor. All that counts is on the disk.
    os._exit(0)


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
