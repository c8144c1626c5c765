"""The style sheet of the printed report: black on white, A4, nothing from the network."""

from __future__ import annotations

from hemato_edge import RESEARCH_USE_NOTICE

STYLE = f"""
@page {{ size: A4; margin: 14mm 14mm 18mm;
  @bottom-left {{ content: "{RESEARCH_USE_NOTICE}"; font: 8pt system-ui, sans-serif; color: #444; }}
  @bottom-right {{ content: counter(page) " / " counter(pages); font: 8pt system-ui, sans-serif; color: #444; }} }}
* {{ box-sizing: border-box; print-color-adjust: exact; -webkit-print-color-adjust: exact; }}
body {{ font: 10pt/1.4 system-ui, "DejaVu Sans", sans-serif; color: #16202a; max-width: 182mm; margin: 8mm auto;
  padding: 0 4mm; background: #fff; }}
h1 {{ font-size: 17pt; margin: 0 0 1mm; }}
h2 {{ font-size: 12pt; margin: 7mm 0 2mm; padding-bottom: 1mm; border-bottom: 0.4mm solid #16202a;
  break-after: avoid; }}
h3 {{ font-size: 10pt; margin: 4mm 0 1.5mm; break-after: avoid; }}
small, .quiet {{ color: #53606c; font-weight: normal; font-size: 8.5pt; }}
p {{ margin: 1mm 0; }}
.notice {{ border: 0.4mm solid #9b1c1c; color: #9b1c1c; font-weight: 600; padding: 1.5mm 3mm; margin: 3mm 0; }}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }}
th, td {{ text-align: left; padding: 0.8mm 2mm 0.8mm 0; vertical-align: middle; border-bottom: 0.2mm solid #e3e7ea; }}
th {{ font-size: 8.5pt; color: #53606c; font-weight: 600; }}
tr {{ break-inside: avoid; }}
td:first-child {{ white-space: nowrap; }}
td.mono {{ white-space: normal; }}
.number {{ text-align: right; white-space: nowrap; }}
.flag {{ font-weight: 700; color: #9b1c1c; }}
.sum td {{ border-top: 0.3mm solid #16202a; }}
.bar {{ width: 60mm; padding: 0 0 0 2mm; }}
svg {{ display: block; max-width: 100%; height: auto; }}
.dot {{ display: inline-block; width: 2.6mm; height: 2.6mm; border-radius: 50%; margin-right: 1.5mm; }}
.columns {{ display: grid; grid-template-columns: 1fr 1fr; gap: 0 8mm; align-items: start; }}
.key {{ display: flex; flex-wrap: wrap; gap: 0 4mm; font-size: 8.5pt; margin-top: 1mm; }}
.map {{ break-inside: avoid; margin: 2mm 0; }}
.gallery {{ display: grid; grid-template-columns: repeat(auto-fill, 28mm); gap: 2mm; }}
figure {{ margin: 0; break-inside: avoid; display: grid; grid-template-columns: 14mm 14mm; }}
figure span {{ width: 14mm; height: 14mm; background: var(--cell) center / 166.7% no-repeat; display: block; }}
figure b {{ display: block; width: 100%; height: 100%; background-size: 100% 100%; }}
figcaption {{ grid-column: 1 / 3; font-size: 7.5pt; color: #38444f; overflow-wrap: anywhere; line-height: 1.2;
  padding-top: 0.6mm; }}
.mono {{ font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 8pt; overflow-wrap: anywhere; }}
@media print {{ body {{ margin: 0; padding: 0; max-width: none; }} }}
@media (max-width: 600px) {{ .columns {{ grid-template-columns: 1fr; }} .bar {{ display: none; }} }}
"""
"""One style for screen and paper."""
