"""The commands that need no framework."""

from momo_cli.main import app

for command in (["--help"], ["spec", "list"], ["spec", "show", "momo"]):
    app(command, standalone_mode=False)
