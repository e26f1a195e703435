"""What an executor is."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


class Run(Protocol):
    """Runs tasks, yielding each result as it comes; the first error, or closing it, stops the rest."""

    def __call__(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> Generator[Result, None, None]:
        """Apply `function`, which workers can import, to every task; `str(task)` names it in messages."""


class Executor(Protocol):
    """A place where tasks run."""

    def open(self, *, threads: int, environment: Mapping[str, str]) -> AbstractContextManager[Run]:
        """Make the place ready for tasks of `threads` threads each, give what runs them, and end it afterwards.

        `environment` holds the variables that a worker on another machine must have.
        """
