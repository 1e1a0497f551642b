/** Entry of a worker thread of the loader of label maps. */
import { serve } from '../coco/serve';
import { createSemanticAssembler } from './assemble';

serve(createSemanticAssembler, ({ inputs, targets }) => [inputs, ...targets.map(({ labels }) => labels)]);
