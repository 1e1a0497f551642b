/**
 * Row:       student <- teacher of the small RetinaNets on 364 photographs of blood cells
 *            (Shenggan/BCCD_Dataset), 256x192
 * Expected:  see data/results/bccd and README: three seeds of three variants
 * Cost:      about ten minutes for the teacher and five for a student on two cores
 * Command:   npm run reproduce -- --experiment bccd --data FOLDER --seeds 3
 */
import { folderExperiment, type Experiment } from '../experiment';

export const bccd: Experiment = {
  ...folderExperiment('bccd', 3),
  data: { folder: 'data/bccd', remedy: "put the pictures of Shenggan/BCCD_Dataset there in COCO's layout" },
};
