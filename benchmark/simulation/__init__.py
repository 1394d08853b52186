"""Floor 1: crystals, symmetry, electron scattering, many-beam propagation and the detector."""
