"""The benchmark `space_group_multi`: a crystal's space group, lattice and composition, and the beam's energy."""
