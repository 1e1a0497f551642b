/** Cascade R-CNN (Cai and Vasconcelos, arXiv 1712.00726), as one family of detectors. */
export { CascadeRcnn, type CascadeRcnnConfig, type CascadeRcnnOutput } from './network';
