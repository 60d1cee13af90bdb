"""What the commands do, grouped by what they know; ``cli.py`` only declares them."""
