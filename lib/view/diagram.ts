/** The whole method in one drawing, around pictures of real maps. */
import { FONT, detectorColors, TEXT_COLOR } from './theme';
import { svgToPng } from './render';

/** Pictures (PNG files' bytes) of one example on its way through both networks. */
export interface MethodPictures {
  picture: Buffer;
  teacherMap: Buffer;
  teacherBands: Buffer;
  studentMap: Buffer;
  studentBands: Buffer;
  /** The sums of the masks, as a mosaic. */
  masks: Buffer;
  /** The weighted difference of the bands, as a mosaic. */
  difference: Buffer;
}

const SIDE = 112;
const TOP = 4; // y of the teacher's row
const BOTTOM = 308; // y of the student's row
const MIDDLE = (TOP + BOTTOM) / 2;
const X = { picture: 0, network: 140, map: 236, bands: 410, masks: 410, difference: 600, loss: 762 };

const image = (png: Buffer, x: number, y: number): string =>
  `<image href="data:image/png;base64,${png.toString('base64')}" x="${x}" y="${y}" ` +
  `width="${SIDE}" height="${SIDE}" preserveAspectRatio="none"/>`;

const text = (
  words: string,
  x: number,
  y: number,
  { size = 12, weight = 400, anchor = 'middle', color = TEXT_COLOR } = {},
): string =>
  `<text x="${x}" y="${y}" font-size="${size}" font-weight="${weight}" ` +
  `text-anchor="${anchor}" fill="${color}">${words}</text>`;

const below = (words: string, x: number, y: number): string => text(words, x + SIDE / 2, y + SIDE + 16);

function arrow(points: [number, number][], color: string, dashed = false): string {
  const path = points.map(([x, y], i) => `${i ? 'L' : 'M'}${x} ${y}`).join(' ');
  const dashes = dashed ? ' stroke-dasharray="5 4"' : '';
  return (
    `<path d="${path}" fill="none" stroke="${color}" ` +
    `stroke-width="1.8"${dashes} marker-end="url(#tip-${color.slice(1)})"/>`
  );
}

/** A network as a trapezium: wide where pictures go in. */
function network(name: string, y: number, color: string, inset: number): string {
  const [left, right, top, bottom] = [X.network, X.network + 64, y + inset, y + SIDE - inset];
  const narrow = 20;
  return (
    `<path d="M${left} ${top} L${right} ${top + narrow} L${right} ${bottom - narrow} L${left} ${bottom} ` +
    `Z" fill="${color}" fill-opacity="0.16" stroke="${color}" stroke-width="1.5"/>` +
    text(name, (left + right) / 2, y + SIDE / 2 + 4, { weight: 600, color })
  );
}

/** The drawing as SVG text. */
export function methodSvg(pictures: MethodPictures): string {
  const colors = {
    teacher: detectorColors.teacher,
    student: detectorColors.student,
    prompt: detectorColors.prompt,
    loss: detectorColors.freekd,
  };
  const tips = Object.values(colors).map(
    (color) =>
      `<marker id="tip-${color.slice(1)}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" ` +
      `markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8Z" fill="${color}"/></marker>`,
  );
  const row = (y: number, color: string): string[] => {
    const centre = y + SIDE / 2;
    return [
      arrow([[X.network + 66, centre], [X.map - 4, centre]], color),
      arrow([[X.map + SIDE + 3, centre], [X.bands - 4, centre]], color),
      text('wavelets', (X.map + SIDE + X.bands) / 2, centre - 8, { size: 11 }),
    ];
  };
  const pictureY = MIDDLE;
  const join = X.picture + SIDE / 2;
  const parts = [
    image(pictures.picture, X.picture, pictureY),
    below('picture', X.picture, pictureY),
    arrow(
      [
        [join, pictureY - 4],
        [join, TOP + SIDE / 2],
        [X.network - 4, TOP + SIDE / 2],
      ],
      colors.teacher,
    ),
    arrow(
      [
        [join, pictureY + SIDE + 24],
        [join, BOTTOM + SIDE / 2],
        [X.network - 4, BOTTOM + SIDE / 2],
      ],
      colors.student,
    ),
    network('teacher', TOP, colors.teacher, 0),
    network('student', BOTTOM, colors.student, 16),
    ...row(TOP, colors.teacher),
    ...row(BOTTOM, colors.student),
    image(pictures.teacherMap, X.map, TOP),
    below('feature map', X.map, TOP),
    image(pictures.studentMap, X.map, BOTTOM),
    below('its translation', X.map, BOTTOM),
    image(pictures.teacherBands, X.bands, TOP),
    below('frequency bands', X.bands, TOP),
    image(pictures.studentBands, X.bands, BOTTOM),
    below('frequency bands', X.bands, BOTTOM),
    image(pictures.masks, X.masks, MIDDLE),
    below('masks: where it matters', X.masks, MIDDLE),
    text('stage 1', X.masks - 12, MIDDLE + 44, { weight: 600, anchor: 'end', color: colors.prompt }),
    text('prompt and gate, trained by', X.masks - 12, MIDDLE + 60, { size: 11, anchor: 'end' }),
    text('the teacher’s own detections', X.masks - 12, MIDDLE + 75, { size: 11, anchor: 'end' }),
    arrow(
      [
        [X.bands + SIDE + 3, TOP + SIDE / 2],
        [X.difference + SIDE / 2, TOP + SIDE / 2],
        [X.difference + SIDE / 2, MIDDLE - 4],
      ],
      colors.teacher,
    ),
    arrow(
      [
        [X.bands + SIDE + 3, BOTTOM + SIDE / 2],
        [X.difference + SIDE / 2, BOTTOM + SIDE / 2],
        [X.difference + SIDE / 2, MIDDLE + SIDE + 22],
      ],
      colors.student,
    ),
    arrow(
      [
        [X.masks + SIDE + 3, MIDDLE + SIDE / 2],
        [X.difference - 4, MIDDLE + SIDE / 2],
      ],
      colors.prompt,
    ),
    image(pictures.difference, X.difference, MIDDLE),
    below('weighted difference', X.difference, MIDDLE),
    text('stage 2', X.loss + 4, MIDDLE + 44, { weight: 600, anchor: 'start', color: colors.loss }),
    text('its sum is the loss', X.loss + 4, MIDDLE + 60, { size: 11, anchor: 'start' }),
    text('that the student', X.loss + 4, MIDDLE + 75, { size: 11, anchor: 'start' }),
    text('learns to make small', X.loss + 4, MIDDLE + 90, { size: 11, anchor: 'start' }),
    arrow(
      [
        [X.difference + SIDE + 3, MIDDLE + SIDE / 2],
        [X.loss - 6, MIDDLE + SIDE / 2],
      ],
      colors.loss,
    ),
  ];
  const [width, height] = [X.loss + 116, BOTTOM + SIDE + 26];
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ` +
    `${height}" font-family="${FONT}"><defs>${tips.join('')}</defs>${parts.join('')}</svg>`
  );
}

/** The drawing as a PNG file's bytes, on a transparent ground. */
export function methodDiagram(pictures: MethodPictures): Promise<Buffer> {
  return svgToPng(methodSvg(pictures));
}
