/**
 * Checks of the inputs that the losses share; each error names the pyramid level, the shapes and
 * the remedy.
 */
import { tf, type Tensor4D } from '../tf';

/**
 * Throws unless teacher and student have one shape [N, H, W, C]. `where` names the caller and the
 * pyramid level.
 */
export function checkPair(where: string, teacher: Tensor4D, student: Tensor4D): void {
  for (const [role, feature] of [['teacher', teacher], ['student', student]] as const) {
    if (!(feature instanceof tf.Tensor)) {
      const found = Array.isArray(feature) ? 'a list' : typeof feature;
      throw new Error(
        `${where}: the ${role}'s feature must be a tensor [N, H, W, C], not ${found}; ` +
          'freekdLoss takes the levels of a pyramid',
      );
    }
    if (feature.rank !== 4)
      throw new Error(`${where}: the ${role}'s feature must be [N, H, W, C], its shape is [${feature.shape}]`);
  }
  if (teacher.shape.join() === student.shape.join()) return;
  const channelsOnly = teacher.shape.slice(0, 3).join() === student.shape.slice(0, 3).join();
  const remedy = channelsOnly
    ? `project the student to ${teacher.shape[3]} channels with a 1x1 convolution first`
    : 'give both the same images at the same size';
  throw new Error(`${where}: the teacher's feature is [${teacher.shape}], the student's [${student.shape}]; ${remedy}`);
}

/**
 * Throws unless both pyramids have the same number of levels (at least one) and the same shape at
 * each.
 */
export function checkPyramids(where: string, teacher: Tensor4D[], student: Tensor4D[]): void {
  if (teacher.length !== student.length) {
    throw new Error(
      `${where}: the teacher has ${teacher.length} pyramid levels, the student ` +
        `${student.length}; pass the same levels of both`,
    );
  }
  if (teacher.length === 0) throw new Error(`${where}: no pyramid level was passed`);
  teacher.forEach((feature, i) => checkPair(`${where}: pyramid level ${i}`, feature, student[i]));
}

/** Throws unless a list with one entry a pyramid level is as long as the pyramid. */
export function checkPerLevel(where: string, name: string, list: readonly unknown[] | undefined, levels: number): void {
  if (list && list.length !== levels) {
    throw new Error(`${where}: ${name} has ${list.length} entries for ${levels} pyramid levels; pass one a level`);
  }
}
