/** RetinaNet (Lin et al., arXiv 1708.02002), as one family of detectors. */
export { type HeadOutput } from './head';
export { RetinaNet, type RetinaNetConfig } from './network';
