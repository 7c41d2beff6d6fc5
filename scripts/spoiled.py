"""One rule of the product switched off, as it is imported: what says that the rule holds must notice that it is gone.

A mutant is a line of the product's source and what stands there instead. Nothing on the disk is changed; where the line is not there
once, as after a change of the product, that is said at once, so that no mutant dies unnoticed. `python -m scripts.spoiled NAME MODULE …`
runs a program of ours with a mutant of `PROGRAMS` in it.
"""

import importlib.abc
import importlib.machinery
import runpy
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import CodeType, ModuleType


@dataclass(frozen=True)
class Mutant:
    """A text of a module's source that stands there once, and what stands there instead; `rule` is what is broken by it."""

    rule: str
    module: str
    old: str
    new: str


PROGRAMS = {
    "answer_before_commit": Mutant(
        "a deed is answered when it is committed",
        "sync.node.database",
        "                _commit(raw)\n            except BaseException as error:  # noqa: BLE001 - handed to the caller, who raises it\n"
        "                ticket.error = error\n            ticket.done.set()\n",
        "                ticket.done.set()\n                threading.Event().wait(0.05)\n                _commit(raw)\n"
        "            except BaseException as error:\n                ticket.error = error\n            ticket.done.set()\n",
    ),
    "answer_for_nothing": Mutant(
        "what is answered was committed",
        "sync.node.database",
        "                    raise\n                _commit(raw)\n",
        "                    raise\n                self.turn = getattr(self, 'turn', 0) + 1\n"
        "                (_commit if self.turn % 25 else _roll_back)(raw)\n",
    ),
}
"""Faults of whole programs, for what starts them."""


class NoSuchText(RuntimeError):
    """What a mutant would replace is not there once: the mutant must be drawn anew."""


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, mutant: Mutant, path: str) -> None:
        super().__init__(mutant.module, path)
        self._mutant = mutant

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        text = self.get_data(path).decode()
        found = text.count(self._mutant.old)
        if found != 1:
            raise NoSuchText(f"{path} holds the text {found} times that stands for: {self._mutant.rule}")
        code: CodeType = self.source_to_code(text.replace(self._mutant.old, self._mutant.new), path)
        return code


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._mutant.module:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        assert spec is not None
        assert spec.origin is not None
        spec.loader = _Loader(self._mutant, spec.origin)
        return spec


def spoil(mutant: Mutant) -> None:
    """Let the module be imported spoiled from now on.

    Raises:
        RuntimeError: it is imported already.
    """
    if mutant.module in sys.modules:
        raise RuntimeError(f"{mutant.module} is imported already")
    sys.meta_path.insert(0, _Finder(mutant))


def main(arguments: list[str]) -> None:
    """Run a module as a program, with a mutant in it."""
    name, module, *rest = arguments
    spoil(PROGRAMS[name])
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
