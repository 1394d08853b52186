"""The reference answer to: what is the local electron density, from a scan of CBED patterns?"""
