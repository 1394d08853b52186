"""The static site of results: pages, charts, tables and files from the logs of submissions and run sets."""
