/**
 * Resizing in which a shrinking side averages all source pixels under a triangle (libvips' `linear`
 * kernel).
 */
import sharp from 'sharp';
import type { Picture } from './image';

/** [h, w, 3] -> [height, width, 3]; the picture itself when the size does not change. */
export async function resizeAntialias(picture: Picture, width: number, height: number): Promise<Picture> {
  if (picture.width === width && picture.height === height) return picture;
  const raw = { width: picture.width, height: picture.height, channels: 3 } as const;
  const data = await sharp(picture.data, { raw })
    .resize(width, height, { fit: 'fill', kernel: 'linear' })
    .raw()
    .toBuffer();
  return { width, height, data };
}
