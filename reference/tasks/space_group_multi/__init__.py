"""The reference answer to: which space group, lattice and composition does a crystal have, at which energy?"""
