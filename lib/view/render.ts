/**
 * Vega-Lite chart to SVG text, and SVG to PNG, without a browser. Text in a PNG is drawn with Inter
 * where its package is installed, else with a font of the system.
 */
import { createRequire } from 'node:module';
import { textWidth } from './text-width';
import type { Chart } from './theme';

/** Font files of the package that brings Inter; none where it is not installed. */
function interFiles(): string[] {
  const { resolve } = createRequire(__filename);
  return ['400Regular/Inter_400Regular.ttf', '600SemiBold/Inter_600SemiBold.ttf'].flatMap((file) => {
    try {
      return [resolve(`@expo-google-fonts/inter/${file}`)];
    } catch {
      return [];
    }
  });
}

let fonts:
  { fontFiles: string[]; loadSystemFonts: boolean; defaultFontFamily?: string; sansSerifFamily?: string } | undefined;

function fontOptions(): NonNullable<typeof fonts> {
  if (fonts) return fonts;
  const files = interFiles();
  fonts = files.length
    ? { fontFiles: files, loadSystemFonts: false, defaultFontFamily: 'Inter', sansSerifFamily: 'Inter' }
    : { fontFiles: [], loadSystemFonts: true, sansSerifFamily: 'DejaVu Sans' };
  return fonts;
}

/**
 * Vega's way to measure text, which its typings leave out; without a canvas its own guess is half
 * as wide again as the text.
 */
interface TextMetrics {
  width(item: { fontSize?: number; fontWeight?: string | number }, text: unknown): number;
}

async function loadVega(): Promise<typeof import('vega')> {
  const vega = await import('vega');
  const { textMetrics } = vega as unknown as { textMetrics: TextMetrics };
  textMetrics.width = ({ fontSize = 11, fontWeight }, text) =>
    textWidth(String(text ?? ''), fontSize, fontWeight === 'bold' || Number(fontWeight) >= 600);
  return vega;
}

/**
 * A chart as SVG text, which refers to nothing outside itself.
 * @param onWarning gets what Vega-Lite has to say about a doubtful spec; default: stderr
 */
export async function toSvg(
  chart: Chart,
  onWarning: (message: string) => void = (message) => console.warn(message),
): Promise<string> {
  const [{ compile }, vega] = await Promise.all([import('vega-lite'), loadVega()]);
  const warn = (...messages: readonly unknown[]): void => onWarning(messages.map(String).join(' '));
  const logger = vega.logger(vega.Warn, 'warn', (_method, _level, messages) => warn(...messages));
  const { spec } = compile(chart, { logger });
  const view = new vega.View(vega.parse(spec), { renderer: 'none', logger });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

export interface PngOptions {
  /** Pixels for one unit of the SVG. Default 2, for screens of high density. */
  scale?: number;
  /** A CSS colour; default: transparent. */
  background?: string;
}

/** SVG text as a PNG file's bytes. */
export async function svgToPng(svg: string, { scale = 2, background }: PngOptions = {}): Promise<Buffer> {
  const { Resvg } = await import('@resvg/resvg-js');
  return Buffer.from(
    new Resvg(svg, { fitTo: { mode: 'zoom', value: scale }, background, font: fontOptions() }).render().asPng(),
  );
}

/** A chart as a PNG file's bytes. */
export async function toPng(chart: Chart, options: PngOptions = {}): Promise<Buffer> {
  return svgToPng(await toSvg(chart), options);
}
