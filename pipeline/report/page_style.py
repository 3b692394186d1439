"""The style sheet of the report: dark text on white, one column, readable on a telephone and on paper."""

CSS = """
:root { --ink:#17202b; --soft:#5f6b7a; --line:#e1e5eb; --wash:#f5f7fa; --good:#12803c; --bad:#c22f22;
  --key:#0062b8; }
* { box-sizing:border-box; }
html { scroll-behavior:smooth; -webkit-text-size-adjust:100%; }
body { margin:0; color:var(--ink); background:#fff;
  font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif; }
main, header, nav { max-width:1280px; margin:0 auto; padding:0 24px; }
header { padding-top:40px; }
h1 { font-size:clamp(24px,3.6vw,36px); line-height:1.22; margin:6px 0 14px; letter-spacing:-.015em;
  font-weight:680; text-wrap:balance; }
h2 { font-size:22px; margin:0 0 6px; letter-spacing:-.01em; }
h3 { font-size:16px; margin:26px 0 8px; } h3 .soft { font-weight:400; }
.lead { font-size:18px; max-width:66ch; }
p { margin:6px 0 12px; max-width:74ch; }
.eyebrow { color:var(--soft); font-size:14px; margin:0; overflow-wrap:anywhere; }
.soft, figcaption { color:var(--soft); font-size:14px; }
section { padding:34px 0 6px; border-top:1px solid var(--line); margin-top:30px; scroll-margin-top:44px; }
nav { position:sticky; top:0; background:#fffffff2; z-index:2; display:flex; gap:4px 18px; padding-top:10px;
  padding-bottom:10px; font-size:14px; overflow-x:auto; white-space:nowrap; }
nav a { color:var(--soft); text-decoration:none; } nav a:hover { color:var(--key); }
.bars { display:grid; grid-template-columns:max-content 1fr; gap:10px 16px; align-items:center;
  margin:22px 0 8px; }
.bars .who { font-size:15px; } .bars .who small { display:block; color:var(--soft); font-size:13px; }
.track { position:relative; height:34px; background:var(--wash); border-radius:6px; }
.fill { position:absolute; inset:0 auto 0 0; border-radius:6px; }
.fill.direct { background:#a9b4c2; } .fill.adapted { background:var(--key); }
  .fill.other { background:#d3d8df; }
.fill.ceiling { background:repeating-linear-gradient(135deg,#cfe3d6 0 7px,#e3efe7 7px 14px);
  border:1.5px solid #6aa583; }
.whisker { position:absolute; top:50%; height:0; border-top:2px solid #17202bb0; }
.whisker::before, .whisker::after { content:""; position:absolute; top:-7px; height:12px;
  border-left:2px solid #17202bb0; }
.whisker::before { left:0; } .whisker::after { right:0; }
.value { position:absolute; top:4px; font-weight:650; padding-left:10px; white-space:nowrap;
  font-variant-numeric:tabular-nums; }
.tiles { display:grid; grid-template-columns:repeat(auto-fit,minmax(min(100%,184px),1fr)); gap:12px;
  margin:22px 0 4px; }
.tile { background:var(--wash); border-radius:10px; padding:12px 16px; }
.tile b { display:block; font-size:25px; line-height:1.25; font-weight:660; letter-spacing:-.01em;
  font-variant-numeric:tabular-nums; }
.tile span { color:var(--soft); font-size:14px; }
.scroll { overflow-x:auto; margin:10px 0 14px; }
table { border-collapse:collapse; width:100%; font-size:15px; }
th { text-align:left; font-weight:600; color:var(--soft); font-size:13px; white-space:nowrap;
  vertical-align:bottom; }
th, td { padding:8px 14px 8px 0; border-bottom:1px solid var(--line); } td { vertical-align:top; }
th.n, td.n { text-align:right; padding:8px 0 8px 14px; white-space:nowrap; font-variant-numeric:tabular-nums; }
td small { color:var(--soft); display:block; font-size:12.5px; } td.n small { white-space:nowrap; }
tr.key td, td strong { font-weight:650; }
code, pre { font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace; }
pre { background:var(--wash); padding:12px 14px; border-radius:8px; white-space:pre-wrap;
  overflow-wrap:anywhere; margin:6px 0 14px; }
td code { overflow-wrap:anywhere; }
figure { margin:0; } figure img { width:100%; height:auto; display:block; } figcaption { margin-top:2px; }
.grid { display:grid; grid-template-columns:repeat(auto-fill,minmax(min(100%,360px),1fr)); gap:26px 32px;
  margin:14px 0; }
.grid.two { grid-template-columns:repeat(auto-fill,minmax(min(100%,440px),1fr)); }
.grid.small { grid-template-columns:repeat(auto-fill,minmax(210px,1fr)); gap:18px 20px; }
.notes { background:#fff8e8; border-left:4px solid #e0a100; border-radius:0 8px 8px 0; padding:10px 18px;
  margin:20px 0 0; }
.notes ul { margin:4px 0; padding-left:20px; } .notes li { margin:3px 0; overflow-wrap:anywhere; }
.halves { display:grid; gap:0 56px; }
.legend { display:flex; flex-wrap:wrap; gap:6px 22px; font-size:14px; color:var(--soft); max-width:none; }
.legend span { display:flex; align-items:center; white-space:pre-wrap; }
.legend b { color:var(--ink); margin-left:8px; } .swatch { flex:0 0 40px; background:#56616e; border-radius:4px; }
.frame { margin:22px 0 26px; break-inside:avoid; }
h4 { font-size:13.5px; font-weight:600; margin:0 0 6px; overflow-wrap:anywhere; }
.panels { display:grid; grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr)); gap:14px 24px; }
.panels figcaption { margin:0 0 4px; } .panels figcaption b { color:var(--ink); font-weight:600; }
.picture { position:relative; overflow:hidden; border-radius:4px; background:var(--wash); }
.picture .marks { position:absolute; inset:0; width:100%; height:100%; overflow:hidden; }
.marks rect { fill:none; vector-effect:non-scaling-stroke; stroke-linecap:butt; stroke-linejoin:miter; }
.marks .under { stroke:#0b1016; stroke-width:4.4; stroke-opacity:.62; }
.marks .ignored-mark .under { stroke-width:2.6; }
.marks .found, .marks .missed, .marks .false, .marks .ignored { pointer-events:all; stroke-width:2.2; }
.marks .found { stroke:#56c4ff; } .marks .missed { stroke:#ffe83b; stroke-dasharray:2.5 3.5; }
.marks .false { stroke:#ff7a3c; stroke-dasharray:9 4.5; }
.marks .ignored { stroke:#e6e9ee; stroke-width:1.3; stroke-dasharray:1.5 5; }
.marks .ignored.region { fill:#e6e9ee; fill-opacity:.24; }
.marks g:hover rect { stroke-width:4; } .marks g:hover .under { stroke-width:6; stroke-opacity:.9; }
.pair { display:grid; grid-template-columns:84px 1fr; gap:0 18px; padding:16px 0;
  border-bottom:1px solid var(--line); break-inside:avoid; }
.pair:last-child { border:0; }
.pair > .query { grid-row:span 2; text-align:center; font-size:12.5px; color:var(--soft); line-height:1.3; }
.query img { width:72px; border-radius:4px; outline:2px solid var(--ink); outline-offset:2px;
  margin:4px 0 8px; }
.strip { min-width:0; } .strip + .strip { margin-top:10px; } .strip > .soft { font-size:13px; }
.ten { display:flex; gap:7px; overflow-x:auto; padding:3px 3px 6px; }
.hit { position:relative; flex:0 0 auto; width:60px; text-align:center; font-size:11.5px; color:var(--soft);
  line-height:1.2; }
.hit img, .blank { display:block; width:60px; aspect-ratio:1/2; object-fit:cover; border-radius:4px;
  margin-bottom:3px; background:var(--wash); }
.hit img { border:3px solid var(--bad); border-style:dashed; } .hit.right img { border:3px solid var(--good); }
.hit.plain img { border:3px solid var(--line); } .pair.sought { grid-template-columns:84px 1fr; border:0; }
.found { display:grid; grid-template-columns:repeat(auto-fill,minmax(min(100%,440px),1fr)); gap:14px 24px;
  align-content:start; }
.found .strip + .strip { margin-top:0; }
.hit i { position:absolute; top:-2px; right:-2px; width:19px; height:19px; border-radius:50%;
  background:var(--bad); color:#fff;
  font:700 12px/19px system-ui,sans-serif; }
.hit.right i { background:var(--good); }
.blank { font-size:11px; padding-top:40%; }
.lineage svg { display:block; }
  .lineage text { font:12.5px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif; fill:var(--ink); }
.lineage .name { font-weight:650; font-size:14px; } .lineage .kind, .lineage .data { fill:var(--soft); }
.lineage .artifact { font-family:ui-monospace,Menlo,Consolas,monospace; font-size:12px; fill:var(--key); }
.lineage .box { fill:#fff; stroke:#b4bdc9; stroke-width:1.3; } .lineage .open { stroke-dasharray:5 4;
  fill:#fafbfc; }
.lineage .edge { fill:none; stroke:#7f9dbd; stroke-width:1.6; } .lineage .end { fill:#7f9dbd; }
dl { display:grid; grid-template-columns:minmax(110px,max-content) 1fr; gap:6px 20px; margin:10px 0; }
dt { font-weight:600; } dd { margin:0; max-width:78ch; overflow-wrap:anywhere; }
.gain { display:inline-flex; flex-direction:column; align-items:flex-end; }
.gain i { height:5px; border-radius:2px; background:var(--key); } .gain i.down { background:var(--bad); }
details { margin:10px 0; } summary { cursor:pointer; color:var(--key); }
footer { color:var(--soft); font-size:13px; padding:26px 0 46px; }
@media (min-width:1000px) { .halves:has(> :nth-child(2)) { grid-template-columns:1fr 1fr; }
  .halves:has(> :nth-child(2)) h1 { font-size:27px; } }
@media (min-width:1240px) {
  .pair { grid-template-columns:84px 1fr 1fr; gap:0 26px; } .pair > .query { grid-row:auto; }
  .strip + .strip { margin-top:0; } .hit, .hit img, .hit .blank { width:47px; } .ten { gap:5px; }
}
@media (max-width:640px) {
  main, header, nav { padding-left:16px; padding-right:16px; } header { padding-top:22px; }
  .bars { grid-template-columns:1fr; gap:3px; } .bars .track { margin-bottom:10px; }
  .bars .who small { display:inline; margin-left:6px; }
  .pair { grid-template-columns:1fr; } .pair:last-child { border:0; }
.pair > .query { display:flex; gap:12px; align-items:center;
  text-align:left; margin-bottom:8px; }
  .query img { width:46px; } dl { grid-template-columns:1fr; gap:0; } dd { margin-bottom:10px; }
  .tiles { grid-template-columns:1fr 1fr; } .grid.small { grid-template-columns:1fr 1fr; }
}
@media print {
  nav { display:none; } body { font-size:12px; } section { break-inside:auto; padding-top:14px;
  margin-top:14px; }
  figure, .tile, tr { break-inside:avoid; } .scroll, .ten { overflow:visible; } .hit { width:46px; }
  .hit img { width:46px; }
  * { -webkit-print-color-adjust:exact; print-color-adjust:exact; }
}
"""
