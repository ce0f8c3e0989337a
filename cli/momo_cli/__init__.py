"""The command line `momo`."""
