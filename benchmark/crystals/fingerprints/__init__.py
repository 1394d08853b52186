"""Data of fingerprints: of which crystals, how broken, in which split. Whatever asks about them shares this."""
