"""farmtally from Python. The program does the work; `farmtally.testing` starts it for tests."""

__version__ = "0.1.0"
