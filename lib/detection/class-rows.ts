/**
 * The layers of a head that know the classes, fitted to other classes: a class with a row of its own
 * in both keeps it, the others keep the start that the new network has. Told by the names of the
 * layers, which are mmdetection's:
 *
 *   fc_cls [.., classes + 1], the background last | fc_reg [.., classes x 4 sides], or 4 for all
 *   retina_cls, conv_cls, reppoints_cls_out [.., anchors x classes], anchor by anchor
 */
import type { ParameterEntry } from '../core/parameters';

export interface ClassFit {
  /** How many classes the network has that the values come from, and the new one. */
  from: number;
  to: number;
  /** For each new class its number in the other network, or -1 where it has none. */
  rows: readonly number[];
}

/** `groups` times the classes, `width` numbers each, and `extra` at the end. */
interface Layout {
  width: number;
  groups: number;
  extra: number;
}

/** Undefined where the layer knows no classes. */
function layoutOf(name: string, numbers: number, classes: number): Layout | undefined {
  const layer = /\.(fc_cls|fc_reg|retina_cls|conv_cls|reppoints_cls_out)\.(weight|bias)$/.exec(name)?.[1];
  if (!layer || (layer === 'fc_reg' && numbers === 4)) return undefined;
  const [width, extra] = [layer === 'fc_reg' ? 4 : 1, layer === 'fc_cls' ? 1 : 0];
  return { width, extra, groups: (numbers - extra) / (classes * width) };
}

/**
 * The values of a parameter for the new classes.
 * @param stored of the other network; @param fresh of the new one, as it starts
 * @returns undefined where the two networks differ in more than their classes
 */
export function fitClasses(
  name: string,
  stored: ParameterEntry,
  fresh: ParameterEntry,
  { from, to, rows }: ClassFit,
): ParameterEntry | undefined {
  const [given, wanted] = [stored, fresh].map(({ shape }) => shape[shape.length - 1]);
  const [source, target] = [layoutOf(name, given, from), layoutOf(name, wanted, to)];
  const leading = (shape: number[]): string => shape.slice(0, -1).join();
  if (leading(stored.shape) !== leading(fresh.shape) || source?.groups !== target?.groups) return undefined;
  if (!target) return given === wanted ? stored : undefined;
  const { width, groups, extra } = target;
  const data = Float32Array.from(fresh.data);
  for (let at = 0; at * wanted < data.length; at++) {
    const copy = (own: number, other: number): void =>
      data.set(stored.data.subarray(at * given + other, at * given + other + width), at * wanted + own);
    for (let group = 0; group < groups; group++)
      rows.forEach((row, i) => row >= 0 && copy((group * to + i) * width, (group * from + row) * width));
    if (extra) copy(wanted - 1, given - 1);
  }
  return { shape: fresh.shape, data };
}
