/** The public face of `freekd`: notebooks, experiments and tests import from here only. */
export { tf } from './tf';
export { Random } from './kernels/random';
export type * from './coco/types';
