/** How the energy of a feature map, the sum of its squares, is spread over frequencies. */
import { tf } from '../tf';
import { coefficients, type WaveletDecomposition } from './transform';

/**
 * The share of each band in the energy of all coefficients, all pictures and channels together: LL
 * of the coarsest level, then (horizontal, vertical, diagonal) of each level, coarsest first. Under
 * an orthogonal wavelet, on sizes that halve evenly, it is the share in the energy of the map
 * itself (Parseval).
 */
export function bandEnergies(decomposition: WaveletDecomposition): number[] {
  const energies = coefficients(decomposition).map((band) => tf.tidy(() => band.square().sum().dataSync()[0]));
  const total = energies.reduce((sum, energy) => sum + energy, 0);
  return energies.map((energy) => (total > 0 ? energy / total : 0));
}
