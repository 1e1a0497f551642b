/**
 * The HTML report of an experiment: one file, nothing fetched from elsewhere, readable in light and
 * dark.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import sharp from 'sharp';
import { writeAtomically } from '../core/atomic-file';
import { compareVariants, variantsIn } from '../runs/looks';
import type { RunResult } from '../runs/results';
import { apBars, categoryDots, lossCurves, sizeBars } from './charts';
import { controlCells, DIFFERENCE_NOTE } from './differences';
import { detectionPanels, detectorTitle, SCORE_THRESHOLD, type ReportPictures } from './detections';
import { escapeHtml, htmlTable, inlineImage } from './html';
import { toSvg } from './render';
import { reportStyle } from './report-style';
import { comparisonCells, percentText } from './text-table';
import { TEXT_COLOR, type Chart } from './theme';

export type { ReportPictures } from './detections';

/** What the report says of an experiment; all its fields are printed. */
export interface ReportedExperiment {
  title: string;
  student: { model: { classes: number }; steps: number; batch: number };
}

export interface ReportContent {
  experiment: ReportedExperiment;
  results: RunResult[];
  /** The teacher's metrics in percent. */
  teacher: RunResult['metrics'];
  pictures: ReportPictures;
}

/**
 * Writes `report.html` into the folder `out` and returns its path. Detectors without detections
 * (their runs were finished earlier) are in tables and charts, not among the pictures.
 */
export async function writeReport(out: string, content: ReportContent): Promise<string> {
  const page = await reportHtml(content);
  fs.mkdirSync(out, { recursive: true });
  const file = path.join(out, 'report.html');
  await writeAtomically(file, (handle) => handle.writeFile(page));
  return file;
}

async function reportHtml(content: ReportContent): Promise<string> {
  const { experiment, results, teacher, pictures } = content;
  const sections = [
    comparison(content),
    results.length ? await charts(results, teacher) : '',
    await detections(pictures, results),
    configuration(experiment, results),
    runs(results),
  ];
  const title = `FreeKD: ${escapeHtml(experiment.title)}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${reportStyle}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${introduction(content)}
${sections.filter(Boolean).join('\n')}
</main>
</body>
</html>
`;
}

function introduction({ experiment, results, pictures }: ReportContent): string {
  const seeds = [...new Set(results.map(({ seed }) => seed))].sort((a, b) => a - b);
  const { model, steps, batch } = experiment.student;
  const sentences = [
    `Students trained for ${steps} steps of ${batch} pictures, alone and under a frozen teacher, and measured ` +
      `on the ${pictures.dataset.images.length} pictures of "${pictures.dataset.split}".`,
    `${results.length} ${results.length === 1 ? 'run' : 'runs'}, ` +
      `${seeds.length === 1 ? 'seed' : 'seeds'} ${seeds.join(', ') || 'none'}; ${model.classes} categories.`,
    ...(seeds.length === 1 ? ['One seed has no interval: every difference between students could be chance.'] : []),
  ];
  return `<p class="lead">${sentences.map(escapeHtml).join(' ')}</p>`;
}

function section(title: string, body: string): string {
  return `<section><h2>${title}</h2>\n${body}\n</section>`;
}

function comparison({ results, teacher }: ReportContent): string {
  const { header, rows, best } = comparisonCells(results, teacher);
  const several = new Set(results.map(({ seed }) => seed)).size > 1;
  const note =
    `COCO box AP in percent${several ? ', mean ± sample deviation over seeds' : ''}; "-": ` +
    `no such object in the data. Bold: the highest${several ? ' mean' : ''} among ` +
    'students. Time a step: median, with everything the step needs.';
  const differences = controlCells(results);
  return section(
    'Comparison',
    `<div class="wide">${htmlTable(header, rows, (row, column) => best[column] === row)}</div>` +
      `<p class="note">${escapeHtml(note)}</p>` +
      (differences
        ? `<div class="wide">${htmlTable(differences.header, differences.rows)}</div>` +
          `<p class="note">${escapeHtml(DIFFERENCE_NOTE)}</p>`
        : ''),
  );
}

/** A chart whose greys become the page's text colour. */
async function figure(chart: Chart): Promise<string> {
  const svg = (await toSvg(chart)).replaceAll(TEXT_COLOR, 'currentColor');
  return `<figure class="wide">${svg}</figure>`;
}

async function charts(results: RunResult[], teacher: RunResult['metrics']): Promise<string> {
  const sized = [teacher.APs, teacher.APm, teacher.APl].some((ap) => ap >= 0);
  const drawn = [
    apBars(results, teacher),
    ...(sized ? [sizeBars(results, teacher)] : []),
    categoryDots(results),
    ...(results.some(({ curve }) => curve.length) ? [lossCurves(results)] : []),
  ];
  const notes =
    '<p class="note">Bars: mean over seeds; dots: single seeds. Losses: faint ' +
    'lines are single steps, strong lines a running mean.</p>';
  return section('Charts', (await Promise.all(drawn.map(figure))).join('\n') + notes);
}

async function detections(pictures: ReportPictures, results: RunResult[]): Promise<string> {
  const rows = await detectionPanels(pictures);
  if (!rows.length) return '';
  const titleOf = (detector: string): string => detectorTitle(detector, results);
  const header = rows[0].panels.map(({ detector }) => `<th>${escapeHtml(titleOf(detector))}</th>`).join('');
  const body = await Promise.all(
    rows.map(async ({ image, panels }) => {
      const cells = panels.map(async ({ detector, image: png, caption }) => {
        const jpeg = await sharp(png).jpeg({ quality: 82, chromaSubsampling: '4:4:4' }).toBuffer();
        const picture = inlineImage(jpeg, 'jpeg', `${titleOf(detector)}, ${image.file_name}: ${caption}`);
        return `<td>${picture}<div class="caption">${escapeHtml(caption)}</div></td>`;
      });
      return `<tr>${(await Promise.all(cells)).join('')}</tr>`;
    }),
  );
  const absent = variantsIn(results).filter(({ variant }) => !pictures.detections[variant]?.length);
  const missing = absent.length
    ? ` Not drawn, because this session made no detections with them: ${absent.map(({ title }) => title).join(', ')}.`
    : '';
  const key = [
    ['truth', 'annotated'],
    ['found', 'found (right category, IoU of 0.5 or more)'],
    ['wrong', 'wrong'],
    ['missed', 'overlooked'],
  ].map(([kind, meaning]) => `<span class="key ${kind}"></span>${meaning}`);
  const note =
    '<p class="note">The same validation pictures for all, first seed; detections of ' +
    `score ${SCORE_THRESHOLD} and more.${escapeHtml(missing)}</p>`;
  return section(
    'Detections',
    `<p class="keys">${key.join(' ')}</p><div class="wide"><table class="pictures" ` +
      `style="--columns:${rows[0].panels.length}"><thead><tr>${header}</tr></thead>` +
      `<tbody>${body.join('\n')}</tbody></table></div>${note}`,
  );
}

function details(summary: string, value: unknown): string {
  const json = escapeHtml(JSON.stringify(value, null, 2));
  return `<details><summary>${escapeHtml(summary)}</summary><pre>${json}</pre></details>`;
}

function configuration(experiment: ReportedExperiment, results: RunResult[]): string {
  const present = variantsIn(results);
  const configOf = (name: string): unknown => results.find(({ variant }) => variant === name)?.config;
  return section(
    'Configuration',
    [
      details('experiment', experiment),
      ...present.map(({ variant, title }) => details(title, configOf(variant))),
    ].join('\n'),
  );
}

function runs(results: RunResult[]): string {
  if (!results.length) return '';
  const sorted = [...results].sort((a, b) => compareVariants(a.variant, b.variant) || a.seed - b.seed);
  const header = ['variant', 'seed', 'AP', 'steps', 'ms/step', 'finished', 'commit'];
  const rows = sorted.map(({ variant, seed, metrics, steps, millisecondsPerStep, date, commit }) => [
    detectorTitle(variant, results),
    String(seed),
    percentText(metrics.AP),
    String(steps),
    millisecondsPerStep.toFixed(0),
    date.slice(0, 16).replace('T', ' '),
    commit,
  ]);
  const machines = [...new Set(results.map(describeMachine))].map((text) => `<li>${escapeHtml(text)}</li>`);
  const commands = [...new Set(results.map(({ command }) => command))].map(
    (command) => `<pre>${escapeHtml(command)}</pre>`,
  );
  return section(
    'Runs',
    `<div class="wide">${htmlTable(header, rows)}</div><h3>Machine and ` +
      `versions</h3><ul>${machines.join('')}</ul><h3>Command</h3>${commands.join('\n')}<p ` +
      'class="note">A commit with "+": files differed from it.</p>',
  );
}

function describeMachine({ machine, versions }: RunResult): string {
  const { cpu, gpu, cores, threads, memoryGB, platform } = machine;
  const device = gpu ? `${gpu}, ${cpu}` : cpu;
  return (
    `${device}, ${cores} cores, TensorFlow threads: ${threads}, ${memoryGB} GB, ${platform}; Node ` +
    `${versions.node}, TensorFlow ${versions.tensorflow}, tfjs ${versions.tfjs}`
  );
}
