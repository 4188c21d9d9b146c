"""Colours and type of the picture and the page, in light and in dark.

Colours are written out, without CSS variables: programs that draw a file `.svg` know none.
"""

from collections.abc import Mapping

#: What each colour is for; text stands on `paper` and on every box.
LIGHT: Mapping[str, str] = {
    "paper": "#ffffff",
    "ink": "#1b1d21",
    "muted": "#565b64",
    "line": "#3f444c",
    "faint": "#b9bec7",
    "value": "#11622f",
    "adjoint": "#a81b1b",
    "tangent": "#17509e",
    "name": "#67349c",
    "kept": "#f2a71b",
    "keeps": "#855400",
    "on_kept": "#2b1d00",
    "broken": "#b5009c",
    "operation": "#ffffff",
    "input": "#e5f4e9",
    "fixed": "#efeff1",
    "output": "#fff1d6",
    "closed": "#e2ebf9",
    "open": "#f4f7fc",
    "now": "#d97706",
}
DARK: Mapping[str, str] = {
    "paper": "#14161a",
    "ink": "#eceef1",
    "muted": "#a9b0ba",
    "line": "#aab1bb",
    "faint": "#4b515b",
    "value": "#73d391",
    "adjoint": "#ff9d94",
    "tangent": "#8fbdff",
    "name": "#cfaef5",
    "kept": "#d9931a",
    "keeps": "#e9b04f",
    "on_kept": "#1c1300",
    "broken": "#ff7ee9",
    "operation": "#22262c",
    "input": "#1c3226",
    "fixed": "#2b2e34",
    "output": "#3a2f18",
    "closed": "#22304a",
    "open": "#191e27",
    "now": "#f5a524",
}
#: The colours that text is written in, and the boxes that it stands on.
TEXTS = ("ink", "muted", "value", "adjoint", "tangent", "name", "keeps")
BOXES = ("paper", "operation", "input", "fixed", "output", "closed", "open")

SANS = "system-ui,'Segoe UI',Helvetica,Arial,'DejaVu Sans',sans-serif"
MONO = "ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace"

_TYPE = f"""
.graph{{font-family:{SANS};font-size:11px}}
.graph text{{white-space:pre}}
.label{{font-size:15px;font-weight:650}}
.name{{font-size:14px;font-style:italic;font-weight:400}}
.small{{font-size:10.5px}}
text.value,text.adjoint,text.tangent{{font-family:{MONO};font-size:11.5px}}
.rule,.product{{font-size:10.5px;font-family:{MONO}}}
.note{{font-size:10.5px;font-style:italic}}
.kept text{{font-size:9.5px;font-weight:600}}
.heading{{font-size:12px;font-weight:650}}
.edge{{fill:none;stroke-width:1.3}}
.edge.still{{stroke-width:1}}
.box{{stroke-width:1.1}}
.below{{stroke-width:.5}} .broken{{stroke-width:.2}}
.middle{{text-anchor:middle}} .end{{text-anchor:end}}
.halo{{paint-order:stroke;stroke-width:3px;stroke-linejoin:round}}
"""
_SHADES = "".join(
    f".s{shade}{{stroke-opacity:{0.06 + 0.94 * shade / 8:.2f}}}" for shade in range(1, 9)
)


def style() -> str:
    """Return the style sheet of a picture."""
    return f"{_TYPE}{_SHADES}{_paint(LIGHT)}@media (prefers-color-scheme:dark){{{_paint(DARK)}}}\n"


def _paint(colours: Mapping[str, str]) -> str:
    """Return the rules that say what has which colour."""
    c = colours
    boxes = "".join(
        f".{kind} .box{{fill:{c[kind]}}}"
        for kind in ("operation", "input", "fixed", "output", "closed")
    )
    quantities = "".join(
        f".{what}{{fill:{c[what]}}}.{what} .above{{stroke:{c[what]}}}"
        for what in ("value", "adjoint", "tangent")
    )
    return (
        f".graph{{fill:{c['ink']}}}.box{{stroke:{c['line']}}}{boxes}"
        f".fixed .box{{stroke:{c['faint']}}}.open .box{{fill:{c['open']};stroke:{c['faint']}}}"
        f".edge{{stroke:{c['line']}}}.edge.still{{stroke:{c['muted']}}}.tip{{fill:{c['line']}}}"
        f".small,.note{{fill:{c['muted']}}}.name{{fill:{c['name']}}}{quantities}"
        f".keeps{{fill:{c['keeps']}}}.rule,.product{{fill:{c['adjoint']}}}"
        f".below{{stroke:{c['ink']}}}.frame{{fill:none;stroke:{c['faint']};stroke-width:.8}}"
        f".broken{{stroke:{c['broken']};fill:none}}"
        f".halo{{stroke:{c['paper']}}}"
        f".kept rect{{fill:{c['kept']}}}.kept text{{fill:{c['on_kept']}}}"
        f".kept.there rect{{fill:{c['paper']};stroke:{c['kept']}}}"
        f".kept.there text{{fill:{c['ink']}}}"
    )
