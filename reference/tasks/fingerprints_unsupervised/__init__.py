"""The reference answer to: which structures are there, from diffraction fingerprints without labels?"""
