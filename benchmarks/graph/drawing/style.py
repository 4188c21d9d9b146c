"""Colours and type of the picture and the page, in light and in dark.

In a picture they are written out: programs that draw a file `.svg` know no CSS variables. In a page
they are such, so that each rule is there once.
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
    "tint": "#ffb52e",
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
    "tint": "#6f4800",
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


def shade(number: int) -> float:
    """Return how opaque a shade of a map is, the first of 8 the faintest."""
    return 0.06 + 0.94 * number / 8


_SHADES = "".join(f".s{number}{{stroke-opacity:{shade(number):.2f}}}" for number in range(1, 9))


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
        f".halo{{stroke:{c['paper']}}}.open .halo{{stroke:{c['open']}}}"
        f".kept rect{{fill:{c['kept']}}}.kept text{{fill:{c['on_kept']}}}"
        f".kept.there rect{{fill:{c['paper']};stroke:{c['kept']}}}"
        f".kept.there text{{fill:{c['ink']}}}"
    )


_PAGE = f"""
:root{{color-scheme:light dark}}
*{{box-sizing:border-box}} html{{scrollbar-gutter:stable}}
body{{font:15px/1.45 {SANS};margin:0 auto;padding:.8rem 1rem}}
h1{{font-size:1.25rem;margin:0}} p{{margin:.3rem 0}}
.about,#count,#legend{{font-size:.82rem}}
.bar{{display:flex;flex-wrap:wrap;gap:.4rem .9rem;align-items:center;margin:.6rem 0 .3rem}}
.bar>span{{display:inline-flex;align-items:center;flex-wrap:wrap}}
.bar [hidden],.bar>[hidden]{{display:none}}
button,select,input{{font:inherit;font-size:.86rem;padding:.2rem .55rem;border-radius:5px}}
button{{cursor:pointer;border:1px solid}}
#modes button{{border-radius:0;margin-left:-1px}}
#modes button:first-child{{border-radius:5px 0 0 5px;margin:0}}
#modes button:last-child{{border-radius:0 5px 5px 0}}
button:disabled{{opacity:.5;cursor:default}}
#step{{width:min(12rem,45vw);padding:0;margin:0 .3rem}}
#say{{font-size:1.02rem;min-height:1.5em;font-weight:600;overflow-wrap:anywhere}}
#say.hint{{font-weight:400;font-size:.9rem}}
#count{{min-height:1.3em}}
#view{{overflow-x:auto;margin:.3rem -1rem;padding:.2rem 1rem}}
#view svg{{display:block;margin:0 auto}}
#legend{{display:flex;flex-wrap:wrap;gap:.1rem 1.1rem}}
.graph a{{cursor:pointer}} .graph [role=button]{{cursor:pointer}} .handle{{fill:transparent}}
.graph a:focus,.graph [role=button]:focus{{outline:none}}
.graph :focus-visible .box,.graph :focus-visible .handle{{stroke-width:3;stroke-dasharray:4 2}}
.now>.box,.found>.box{{stroke-width:3}} .now>.edge{{stroke-width:2.6}}
.yet>.box{{stroke-dasharray:4 3}} .found>.box{{stroke-dasharray:7 3}}
.product,.meet .rule{{font-weight:700}}
.sum text{{font-size:9.5px;font-weight:600}}
.scroll{{overflow-x:auto}}
table{{border-collapse:collapse;font-size:.8rem;font-variant-numeric:tabular-nums}}
th,td{{padding:.15rem .5rem;text-align:left;border-bottom:1px solid #8885;white-space:nowrap}}
@media (max-width:640px){{body{{padding:.6rem}}#view{{margin:.3rem -.6rem;padding:.2rem .3rem}}}}
@media print{{.bar,#say,#count,#numbers{{display:none}}#view svg{{max-width:100%;height:auto}}}}
"""


def page_style() -> str:
    """Return the style sheet of a page, that of its picture included."""
    light, dark = (
        ":root{" + ";".join(f"--{name}:{colour}" for name, colour in colours.items()) + "}"
        for colours in (LIGHT, DARK)
    )
    named = {name: f"var(--{name})" for name in LIGHT}
    rules = f"{_TYPE}{_SHADES}{_PAGE}{_paint(named)}{_paint_page(named)}"
    return f"{light}@media (prefers-color-scheme:dark){{{dark}}}\n{rules}\n"


def _paint_page(colours: Mapping[str, str]) -> str:
    c = colours
    return (
        f"body{{background:{c['paper']};color:{c['ink']}}}"
        f".about,#count{{color:{c['muted']}}}"
        + "".join(f"#legend .{k}{{color:{c[k]}}}" for k in ("value", "tangent", "adjoint", "keeps"))
        + f"#legend .small{{color:{c['muted']}}}a{{color:{c['tangent']}}}"
        f"button,select,input{{background:{c['operation']};color:{c['ink']}}}"
        f"button,select,input{{border:1px solid {c['line']}}}"
        f"button[aria-pressed=true]{{background:{c['ink']};color:{c['paper']}}}"
        f".now>.box,.now>.edge,.found>.box{{stroke:{c['now']}}}.now>.tip{{fill:{c['now']}}}"
        f".yet .label,.yet .heading,.yet .name{{fill:{c['muted']}}}"
        f".tint{{fill:{c['tint']}}}"
        f".sum rect{{fill:{c['paper']};stroke:{c['line']};stroke-width:.8}}"
    )
