"""STEMDL benchmark harness: data, launching, timing, validation and scoring."""

__version__ = "0.1.0"
