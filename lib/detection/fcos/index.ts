/** FCOS (Tian et al., arXiv 1904.01355), as one family of detectors. */
export { type FcosOutput } from './head';
export { Fcos, type FcosConfig } from './network';
