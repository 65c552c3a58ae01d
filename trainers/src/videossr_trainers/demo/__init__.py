"""The demo: drawn videos, three tasks, a tiny model trained and examined, in one command."""

from videossr_trainers.demo.running import run_demo

__all__ = ["run_demo"]
