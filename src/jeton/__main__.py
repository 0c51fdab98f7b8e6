"""`python -m jeton` is `jeton`."""

from jeton.cli.main import main

if __name__ == "__main__":
    main()
