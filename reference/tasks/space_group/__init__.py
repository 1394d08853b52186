"""The reference answer to: which space group does a crystal belong to, from its CBED patterns?"""
