"""The local electron density of a specimen, from a scan of CBED patterns."""
