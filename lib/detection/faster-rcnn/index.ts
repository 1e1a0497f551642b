/** Faster R-CNN (Ren et al., arXiv 1506.01497), as one family of detectors. */
export { FasterRcnn, type FasterRcnnConfig, type FasterRcnnOutput } from './network';
