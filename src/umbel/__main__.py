"""``python -m umbel`` is the command ``umbel``."""

from .cli import main

if __name__ == "__main__":
    main()
