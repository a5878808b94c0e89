"""Draw the images of custom_components/eevion/brand from icon.svg and logo.svg.

uv run --no-project --with resvg-py==0.5.0 docs/brand/render.py
"""

from pathlib import Path
import sys

import resvg_py

HERE = Path(__file__).parent
TARGET = HERE.parents[1] / "custom_components" / "eevion" / "brand"
HEIGHTS = {"icon": 256, "logo": 160}
# On dark pages the letters are light and the green is brighter.
DARK = {"#12343b": "#eef6f5", "#19b7a3": "#2ed0bb", "#0b7f6f": "#0f9482"}


def main() -> int:
    """Write every image in both sizes and for both themes."""
    for name, height in HEIGHTS.items():
        light = (HERE / f"{name}.svg").read_text()
        dark = light
        for color, other in DARK.items():
            dark = dark.replace(color, other)
        for prefix, svg in (("", light), ("dark_", dark)):
            for suffix, scale in (("", 1), ("@2x", 2)):
                image = resvg_py.svg_to_bytes(svg_string=svg, height=height * scale)
                (TARGET / f"{prefix}{name}{suffix}.png").write_bytes(bytes(image))
    return 0


if __name__ == "__main__":
    sys.exit(main())
