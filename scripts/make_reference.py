"""Write the reference page of the settings.

    python -m scripts.make_reference

A test holds the page against what this would write.
"""

from pathlib import Path

from mpps_cli.reference import reference_page

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "settings.md"


def main() -> None:
    """Write the page."""
    PAGE.write_text(reference_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
