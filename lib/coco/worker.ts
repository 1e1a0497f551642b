/** Entry of a worker thread of the loader of boxes. */
import { createAssembler } from './assemble';
import { serve } from './serve';

serve(createAssembler, ({ inputs }) => [inputs]);
