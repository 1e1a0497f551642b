/**
 * A row of pictures under a headline that says what they are: the first picture of a notebook that
 * runs on one of several data sets.
 */
import sharp from 'sharp';
import { escapeHtml } from './html';
import { contactSheet, type Panel } from './pictures';
import { svgToPng } from './render';
import { detectorColors, FONT, TEXT_COLOR } from './theme';

const HEADLINE = 58; // pixels above the pictures

/** A PNG file's bytes, on a transparent ground. */
export async function titlePicture(
  { title, subtitle }: { title: string; subtitle: string },
  panels: readonly Panel[],
): Promise<Buffer> {
  const sheet = await contactSheet(panels, { columns: panels.length });
  const { width, height } = await sharp(sheet).metadata();
  const text =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${HEADLINE}" font-family="${FONT}">` +
    `<text x="0" y="22" font-size="19" font-weight="700" fill="${detectorColors.freekd}">${escapeHtml(title)}</text>` +
    `<text x="0" y="44" font-size="13" fill="${TEXT_COLOR}">${escapeHtml(subtitle)}</text></svg>`;
  return sharp({
    create: { width, height: height + HEADLINE, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } },
  })
    .composite([
      { input: await svgToPng(text, { scale: 1 }), left: 0, top: 0 },
      { input: sheet, left: 0, top: HEADLINE },
    ])
    .png({ palette: true, colours: 256, dither: 0.6, effort: 10 })
    .toBuffer();
}
