"""Where missing work runs: in this process, in processes of this machine, or on Ray's cores and graphics cards."""

from rflib.study.executors.choice import EXECUTORS, chosen
from rflib.study.executors.executor import Executor, Run
from rflib.study.executors.processes import Processes, Serial, run_processes, run_serial, usable_cores
from rflib.study.executors.ray import Ray

__all__ = [
    "EXECUTORS",
    "Executor",
    "Processes",
    "Ray",
    "Run",
    "Serial",
    "chosen",
    "run_processes",
    "run_serial",
    "usable_cores",
]
