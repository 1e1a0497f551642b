/** RepPoints (Yang et al., arXiv 1904.11490), as one family of detectors. */
export { type RepPointsOutput } from './head';
export { RepPoints, type RepPointsConfig } from './network';
