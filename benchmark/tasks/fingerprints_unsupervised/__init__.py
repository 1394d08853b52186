"""The benchmark `fingerprints_unsupervised`: which structures there are, from fingerprints without labels."""
