"""The checks, one file for each family of rules; `registry.all_checks` imports them."""
