"""The benchmark `fingerprints`: which structure does a broken crystal have, from its diffraction fingerprint?"""
