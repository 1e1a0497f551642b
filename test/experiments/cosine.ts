import { tf, type OwnLoss } from 'freekd';

/** The vectors of all positions, of length 1. */
const unit = (map: tf.Tensor4D): tf.Tensor => map.div(map.square().sum(-1, true).add(1e-6).sqrt());

const cosine: OwnLoss = {
  name: 'cosine',
  title: 'cosine of features',
  losses({ teacher, student }) {
    const levels = teacher.map((map, i) => unit(map).sub(unit(student[i])).square().sum(-1).mean<tf.Scalar>());
    return { cosine: { value: tf.addN(levels), weight: 5 } }; // 2 - 2 cos, summed over levels
  },
};
export default cosine;
