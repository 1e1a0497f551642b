/**
 * The published table as dots, a row a pair of detectors; what was measured here as diamonds, or in
 * words why there is none.
 */
import type { Measured, PublishedRow } from '../runs/published';
import { detectorColors, TEXT_COLOR, themed, type Chart } from './theme';

/** A published row with what was measured of it. */
export interface ComparedRow extends PublishedRow {
  measured: Record<'student' | 'teacher' | 'freekd', Measured>;
}

/** Area of a dot in square pixels: where values are equal, both are seen. */
const sizes: Record<string, number> = { teacher: 320, 'other methods': 40 };
const colors = {
  'student alone': detectorColors.student,
  FreeKD: detectorColors.freekd,
  teacher: detectorColors.teacher,
  'other methods': detectorColors.mse,
};

/** The name of a row: which student under which teacher. */
export const pairName = ({ detector, student, teacher }: PublishedRow): string =>
  `${detector} ${student.backbone} ← ${teacher.network}`;

/** Dots: published; diamonds: measured here. */
export function publishedDots(rows: readonly ComparedRow[], title = 'Published and measured'): Chart {
  const dots = rows.flatMap((row) => {
    const pair = pairName(row);
    const published = [
      ['student alone', row.student.AP],
      ['teacher', row.teacher.AP],
      ['FreeKD', row.freekd],
      ...Object.values(row.others).map((ap) => ['other methods', ap]),
    ] as [string, number | null][];
    return published.flatMap(([what, ap]) => (ap === null ? [] : [{ pair, what, AP: ap, size: sizes[what] ?? 140 }]));
  });
  const parts = [['student', 'student alone'], ['teacher', 'teacher'], ['freekd', 'FreeKD']] as const;
  const diamonds = rows.flatMap((row) =>
    parts.flatMap(([part, what]) =>
      typeof row.measured[part] === 'number' ? [{ pair: pairName(row), what, AP: row.measured[part] }] : [],
    ),
  );
  const values = [...dots, ...diamonds].map(({ AP }) => AP);
  const [low, high] = [Math.min(...values) - 0.5, Math.max(...values) + 0.5];
  const remarks = rows.flatMap((row) =>
    typeof row.measured.freekd === 'number'
      ? []
      : [{ pair: pairName(row), AP: high, remark: `here: ${row.measured.freekd}` }],
  );
  const y = { field: 'pair', type: 'nominal', title: null, sort: null } as const;
  const x = {
    field: 'AP',
    type: 'quantitative',
    title: 'box AP on COCO val2017, percent',
    scale: { domain: [low, high] as number[], zero: false, nice: false },
  } as const;
  const color = {
    field: 'what',
    type: 'nominal',
    title: null,
    scale: { domain: Object.keys(colors), range: Object.values(colors) },
    legend: { orient: 'bottom' },
  } as const;
  const size = { field: 'size', type: 'quantitative', scale: null, legend: null } as const;
  return themed({
    title: { text: title, subtitle: 'dots: published; diamonds: measured by this project' },
    width: 460,
    height: { step: 34 },
    layer: [
      {
        data: { values: dots },
        mark: { type: 'circle', opacity: 0.9, tooltip: true },
        encoding: { x, y, color, size },
      },
      {
        data: { values: diamonds },
        mark: { type: 'point', shape: 'diamond', size: 160, strokeWidth: 2.5, tooltip: true },
        encoding: { x, y, color },
      },
      {
        data: { values: remarks },
        mark: { type: 'text', align: 'left', dx: 10, color: TEXT_COLOR },
        encoding: { x, y, text: { field: 'remark' } },
      },
    ],
  });
}
