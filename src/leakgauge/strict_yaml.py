"""YAML that people write by hand: names with values, none twice, and nothing behind a reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from leakgauge.text import Sink, printable

if TYPE_CHECKING:
    import yaml

MAX_BYTES: Final = 1 << 16
_LONGEST = 60


def parse(data: bytes) -> dict[str, Any]:
    """What a YAML (or JSON) file of names and values holds; nothing for an empty one.

    Raises
    ------
    ValueError
        for what is no such file, names a key twice, uses references, or is larger than 64 KiB. The message
        goes on after "The file ...".
    """
    # imported at first use: the web process needs parameters.py, and the policy for that, but no YAML
    import yaml

    if len(data) > MAX_BYTES:
        raise ValueError("is larger than 64 KiB")
    try:
        value = yaml.load(data, Loader=_loader())  # noqa: S506 - a SafeLoader, made stricter
    except yaml.MarkedYAMLError as error:
        line = f" at line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ValueError(f"is not taken: {_shown(error.problem or 'not YAML')}{line}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError("is not YAML in UTF-8") from error
    except RecursionError as error:
        raise ValueError("is nested too deep") from error
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise ValueError("does not hold names with values")
    return value


def _loader() -> type[yaml.SafeLoader]:
    """PyYAML's safe loader without two things: the last of equal keys winning, and references.

    References let a small file stand for one of any size.
    """
    import yaml

    class Loader(yaml.SafeLoader):
        def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
            if self.check_event(yaml.AliasEvent):
                raise yaml.composer.ComposerError(None, None, "it uses references (*)", self.get_mark())
            return super().compose_node(parent, index)

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            seen = set()
            for key, _ in node.value:
                if (name := str(key.value)) in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"{_shown(name)} stands in it twice", key.start_mark
                    )
                seen.add(name)
            return super().construct_mapping(node, deep=deep)

    return Loader


def _shown(text: str) -> str:
    return printable(text, Sink.MESSAGE, longest=_LONGEST)
