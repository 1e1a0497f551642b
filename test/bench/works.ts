/** What is compared with what, and the targets. */

export interface Reference {
  name: string;
  /** Task of python/side.py. */
  task: string;
  /** Our time over the reference's: at most this. Left out where time is not compared. */
  target?: number;
  /** The same of the peak memory of one run. */
  memoryTarget?: number;
}

export interface Work {
  /** Task of side.ts. */
  name: string;
  title: string;
  references: Reference[];
  /** Runs a round; 0 where nothing but the memory of the first run is compared. */
  runs: number;
  /** How far the two sides' check values may be apart, relative. */
  tolerance: number;
}

const memory = (task: string, memoryTarget: number): Reference[] => [{ name: 'PyTorch', task, memoryTarget }];
const pytorch = (task: string, target: number): Reference[] => [{ name: 'PyTorch', task, target }];
const wavelets = (task: string, target: number): Reference[] => [{ name: 'pytorch_wavelets', task, target }];

export const works: Work[] = [
  {
    name: 'train-frozen',
    title: 'training step, RetinaNet-R18, 8 x 128 x 128, frozen batch norm',
    references: pytorch('train-frozen', 1.05),
    runs: 3,
    tolerance: 1e-4,
  },
  {
    name: 'train-batch',
    title: 'training step, the same in training mode of batch norm',
    references: pytorch('train-batch', 1.15),
    runs: 3,
    tolerance: 1e-3,
  },
  {
    name: 'distillation',
    title: 'distillation step, R50 to R18, profile released',
    references: pytorch('distillation', 0.8),
    runs: 2,
    tolerance: 1e-4,
  },
  {
    name: 'train-fcos',
    title: 'training step, FCOS-R18, 8 x 128 x 128, frozen batch norm',
    references: pytorch('train-fcos', 0.8),
    runs: 2,
    tolerance: 1e-4,
  },
  {
    name: 'train-faster-rcnn',
    title: 'training step, Faster R-CNN-R18',
    references: [{ name: 'PyTorch + torchvision', task: 'train-faster-rcnn', target: 0.8 }],
    runs: 1,
    tolerance: 1e-3,
  },
  {
    name: 'train-reppoints',
    title: 'training step, RepPoints-R18',
    references: [{ name: 'PyTorch + torchvision', task: 'train-reppoints', target: 0.8 }],
    runs: 1,
    tolerance: 1e-3,
  },
  {
    name: 'frequency-loss',
    title: 'frequency loss and gradient, 5 levels of 256 channels, T = 6',
    references: [
      { name: 'PyTorch + pytorch_wavelets', task: 'frequency-loss', target: 0.25, memoryTarget: 0.25 },
      { name: 'the same with our algebra', task: 'frequency-loss-algebra', target: 0.8, memoryTarget: 1 },
    ],
    runs: 2,
    tolerance: 1e-4,
  },
  {
    name: 'wavelet-haar',
    title: 'wavelet transform, inverse, gradient: Haar, 3 levels',
    references: wavelets('wavelet-haar', 0.5),
    runs: 5,
    tolerance: 1e-4,
  },
  {
    name: 'wavelet-db4',
    title: 'wavelet transform, inverse, gradient: db4, 3 levels',
    references: wavelets('wavelet-db4', 0.8),
    runs: 5,
    tolerance: 1e-4,
  },
  {
    name: 'roi-align',
    title: 'RoIAlign and gradient, 2 x 512 RoIs on 4 levels of 256 channels',
    references: [{ name: 'torchvision', task: 'roi-align', target: 0.1 }],
    runs: 2,
    tolerance: 1e-3,
  },
  {
    name: 'deform-conv',
    title: 'deformable convolution 3x3 and gradients, 2 x 64 x 84 x 256',
    references: [{ name: 'torchvision', task: 'deform-conv', target: 0.3 }],
    runs: 1,
    tolerance: 1e-3,
  },
  {
    name: 'evaluation',
    title: 'COCO evaluation, 5,000 pictures, 300,000 detections',
    references: [
      { name: 'pycocotools', task: 'pycocotools', target: 0.1 },
      { name: 'faster-coco-eval', task: 'faster-coco-eval', target: 1 },
    ],
    runs: 1,
    tolerance: 1e-9,
  },
  {
    name: 'inference',
    title: 'inference, RetinaNet-R50, 512 x 512, with NMS',
    references: pytorch('inference', 1.1),
    runs: 2,
    tolerance: 1e-3,
  },
  {
    name: 'memory-forward',
    title: 'forward pass, RetinaNet-R101, 1 x 800 x 1344',
    references: memory('memory-forward', 1.1),
    runs: 0,
    tolerance: 1e-3,
  },
  {
    name: 'memory-distillation',
    title: 'distillation step, R101 to R50, 1 x 800 x 1344, profile released',
    references: [{ name: 'PyTorch', task: 'memory-distillation', target: 0.8, memoryTarget: 0.8 }],
    runs: 1,
    tolerance: 1e-3,
  },
];
