"""Training configurations as YAML and back. No torch here."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from infopo.core import UserError
from infopo.core.typed_data import from_data, to_data
from infopo.training.config import TrainConfig


def config_to_yaml(config: TrainConfig) -> str:
    """The text of `config.yaml`, keys in the order of the fields; `config_from_dict` of it is the same config."""
    return str(yaml.safe_dump(to_data(config), sort_keys=False))


def config_from_dict(data: Mapping[str, Any], *, where: str = "config") -> TrainConfig:
    """A configuration from plain data. Raises `UserError` naming the key, with the nearest name for an unknown one.

    >>> config_from_dict({"steps": 3, "rollout": {"temperature": 0.7}}).rollout.temperature
    0.7
    """
    return from_data(data, TrainConfig, where=where)


def read_yaml(path: str | Path) -> dict[str, Any]:
    """The mapping in a YAML file; `UserError` where it cannot be read, is no YAML, or is not a mapping."""
    try:
        data = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; check the path") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not text in UTF-8: {error.reason}") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(data or {}, dict):
        raise UserError(f"{path} must hold a mapping of names to values, got {type(data).__name__}")
    for key in data or {}:
        if not isinstance(key, str):
            raise UserError(f"{path}: the name {key!r} is not text: put quotes around it")
    return data or {}
