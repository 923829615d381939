"""`python -m infopo` is `infopo`."""

from infopo.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
