"""The reference answer to: which structure does a broken crystal have, from its diffraction fingerprint?"""
