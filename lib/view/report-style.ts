/** Style sheet of the report; follows the reader's light or dark setting. */
import { boxColors } from './theme';

export const reportStyle = `
:root { --page: #ffffff; --text: #24292f; --quiet: #5f6773; --line: #d8dde3; --panel: #f5f7f9; --accent: #b4283f; }
@media (prefers-color-scheme: dark) {
  :root { --page: #14171b; --text: #dfe3e8; --quiet: #9aa3ae; --line: #343a42; --panel: #1d2126; --accent: #ff8797; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text);
  font: 16px/1.55 Inter, system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; }
main { max-width: 1240px; margin: 0 auto; padding: 40px 24px 80px; }
h1 { font-size: 28px; line-height: 1.25; margin: 0 0 12px; letter-spacing: -0.01em; }
h2 { font-size: 20px; margin: 48px 0 12px; padding-bottom: 6px; border-bottom: 1px solid var(--line); }
h3 { font-size: 15px; margin: 24px 0 8px; }
.lead { max-width: 76ch; margin: 0; color: var(--quiet); }
.note, .caption { color: var(--quiet); font-size: 13px; }
.note { max-width: 90ch; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 12px; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; color: var(--quiet); }
td strong { color: var(--accent); }
figure { margin: 24px 0 8px; color: var(--quiet); }
figure svg { display: block; max-width: none; height: auto; }
.pictures th { text-align: left; white-space: normal; }
.pictures th, .pictures td { padding: 4px 12px 12px 0; border: 0; vertical-align: top; }
.pictures img { display: block; width: clamp(150px, calc(1190px / var(--columns) - 12px), 240px);
  height: auto; border-radius: 4px; }
.caption { margin-top: 4px; }
.keys { font-size: 13px; color: var(--quiet); }
.key { display: inline-block; width: 18px; height: 12px; margin: 0 6px 0 14px;
  vertical-align: -1px; border: 2px solid; border-radius: 2px; }
.key:first-child { margin-left: 0; }
.truth { border-color: ${boxColors.truth}; }
.found { border-color: ${boxColors.found}; }
.wrong { border-color: ${boxColors.wrong}; border-style: dashed; }
.missed { border-color: var(--quiet); border-style: dotted; }
details { margin: 6px 0; }
summary { cursor: pointer; }
pre { overflow-x: auto; margin: 8px 0; padding: 12px 14px; background: var(--panel); border-radius: 6px;
  font: 12.5px/1.5 ui-monospace, Menlo, Consolas, monospace; }
ul { padding-left: 20px; font-size: 14px; }
@media print { .wide { overflow: visible; } main { max-width: none; } }
`;
