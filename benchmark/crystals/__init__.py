"""Crystals and their CBED patterns, for all tasks that are about them: sources, likeness, splits, simulation."""
