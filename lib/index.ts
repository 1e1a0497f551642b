/** The public face of `freekd`: what notebooks and programs of others import. */
export { tf } from './tf';
export { environmentFacts } from './core/environment';

// Wavelets
export { bandEnergies } from './wavelet/energy';
export { dwt2, idwt2, wavedec2, waverec2, wavedec2Adjoint } from './wavelet/transform';
export type { WaveletBands, WaveletDecomposition, WaveletDetails } from './wavelet/transform';
export { filterBank, maxLevel, wavelets, type FilterBank } from './wavelet/filter-bank';
export { MODES as boundaryModes, type WaveletMode, type WaveletModeName } from './wavelet/boundary';

// FreeKD
export { bandCount, bandNames, bandsOf, decompositionOf } from './freekd/bands';
export { promptDissimilarity, type DissimilarityOptions } from './freekd/dissimilarity';
export { featureMSE, headSmoothL1 } from './freekd/feature-mse';
export { freekdLoss, type FreeKDLossInput, type MaskFunction } from './freekd/freekd';
export { clampedLevels, usableLevel } from './freekd/level';
export { frequencyLoss, type FrequencyLossInput, type FrequencyOptions } from './freekd/loss';
export { maskStatistics, type MaskStatistics } from './freekd/mask-statistics';
export { penalties, type BandGroup, type Penalty } from './freekd/penalty';
export * as profiles from './freekd/profiles';
export { FrequencyPrompt, type FrequencyPromptOptions } from './freekd/prompt';
export { PositionRelation, relationWeights, type PositionRelationOptions } from './freekd/relation';
export { releasedFreeKDLoss } from './freekd/released';
export { ReleasedPrompt, releasedDissimilarity, releasedMasks, releasedPrompted } from './freekd/released-prompt';

// Detection
export { RetinaNet, type HeadOutput, type RetinaNetConfig } from './detection/retinanet';
export * from './detection/retinanet/presets';
export { FasterRcnn, type FasterRcnnConfig, type FasterRcnnOutput } from './detection/faster-rcnn';
export * from './detection/faster-rcnn/presets';
export { CascadeRcnn, type CascadeRcnnConfig, type CascadeRcnnOutput } from './detection/cascade-rcnn';
export * from './detection/cascade-rcnn/presets';
export { Fcos, type FcosConfig, type FcosOutput } from './detection/fcos';
export * from './detection/fcos/presets';
export { RepPoints, type RepPointsConfig, type RepPointsOutput } from './detection/reppoints';
export * from './detection/reppoints/presets';
export { type BackboneConfig } from './backbone/backbone';
export { mobileNetV2, type MobileNetV2Config } from './backbone/mobilenet-v2';
export { resnet101, resnet18, resnet50, resneXt101, type ResNetConfig } from './backbone/resnet';
export { toCocoDetections } from './coco/detections';
export {
  createDetector,
  detectorKinds,
  detectorTitle,
  type DetectorConfig,
  type DetectorKind,
} from './detection/families';
export { type Detector, type DetectOptions } from './detection/detector';

// Segmentation
export { cityscapesAugmentation, type SemanticAugmentation } from './semantic/augmentation';
export { openSemantic, type SemanticDataset, type SemanticOptions } from './semantic/dataset';
export { decodeIndexPng, encodeIndexPng } from './semantic/index-png';
export { createSemanticLoader, type SemanticLoaderOptions } from './semantic/loader';
export { ConfusionMatrix, type SegmentationScore } from './segmentation/confusion';
export { inputLogits, segment, type SlidingWindows } from './segmentation/inference';
export * from './segmentation/presets';
export { Segmenter, type SegmenterConfig, type SegmenterOutputs } from './segmentation/segmenter';

// Data
export { IGNORED, type LabelMap } from './data/label-map';
export type { TaskNetwork } from './data/task';
export type * from './coco/types';
export type * from './data/types';
export { checkPictures, openCoco, splitsOf, type CocoDataset } from './coco/dataset';
export { standardAugmentation, type Augmentation } from './coco/augmentation';
export { createLoader, type Loader, type LoaderOptions } from './coco/loader';
export { DatasetError, type Problem } from './coco/problems';
export { corrupt, corruptionNames, type Corruption, type CorruptionName } from './coco/corruptions/corrupt';
export { robustness, type CorruptedAP, type Robustness } from './coco/robustness';
export { evaluateBoxes, type BoxEvaluation } from './coco/evaluation';
export { loadResults, saveResults } from './coco/results';
export * from './scenes/index';

// Training
export { Random } from './core/random';
export { Parameter, Parameters } from './core/parameters';
export { valueAndGradients } from './core/gradients';
export { clipByGlobalNorm } from './train/clip';
export { createOptimizer, type Optimizer, type OptimizerConfig } from './train/optimizer';
export { learningRate, scaleLearningRate, type Schedule } from './train/schedule';
export { train, type TrainOptions, type TrainResult } from './train/loop';
export { DivergedError } from './train/diverged';
export { OutOfMemoryError } from './train/out-of-memory';
export { type LossParts } from './train/step';
export { Checkpoints, fingerprintOf, type Checkpoint } from './train/checkpoint';
export { readLog, type StepRecord } from './train/log';
export { Stopped } from './train/stop';
export { connect, gatherJson, world, type Communicator } from './train/distributed/communicator';
export { readSafetensors, safetensorsMetadata, writeSafetensors } from './weights/safetensors';
export { publishedCheckpoint, publishedCheckpoints, type PublishedCheckpoint } from './weights/checkpoints';
export { exportWeights, importWeights, type ImportOptions, type ImportReport } from './weights/import';
export type { NameMapName } from './weights/names';
export { readTorchCheckpoint } from './weights/torch';
export type { StoredTensor } from './weights/typed-data';

// Distillation
export { Teacher, pyramidDeviations } from './distill/teacher';
export { cachedFeatures, liveFeatures, type TeacherFeatures } from './distill/feature-cache';
export {
  createPromptState,
  createPromptState as createFrequencyState, // its former name
  type PromptDesign,
  type PromptState,
  type PromptState as FrequencyState,
} from './distill/prompt-state';
export { tunePrompt, type PromptTuning } from './distill/tune-prompt';
export { alignChannels } from './distill/alignment';
export { inheritNeckAndHead, trainDetector, trainStudent } from './distill/distill-student';
export type { Distillation } from './distill/imitations/index';
export { addCrossAttention, cankdLoss } from './distill/imitations/cankd';
export { crossKDLoss } from './distill/imitations/crosskd';
export { cwdLoss } from './distill/imitations/cwd';
export { addContextBlocks, boxMasks, fgdLoss, type BoxMasks } from './distill/imitations/fgd';
export { maskdLoss } from './distill/imitations/maskd';
export { addGenerators, drawMasks, mgdLoss } from './distill/imitations/mgd';
export { pkdLoss } from './distill/imitations/pkd';
export { gradientsBy, pullMap, type LossOfMaps } from './distill/pull';
export type { Imitation, ImitationContext, ImitationInput } from './distill/imitations/imitation';
export { createProjections, project } from './distill/projection';
export { readDetector, writeDetector, type PictureDetector, type PictureInput } from './distill/detector-file';
export { detectPicture, type FoundObject } from './distill/detect-picture';
export { onnxBytes, type OnnxOptions } from './export/onnx';
export { pythonModule, writePythonCheckpoint, writePythonSafetensors } from './export/python';
export { checkTeacher, evaluateDetector, TeacherMismatchError, type DetectorScore } from './distill/evaluate';

// Experiments
export * from './runs/variants';
export type { OwnLoss } from './runs/own-loss';
export * from './experiments/experiment';
export {
  metricNames,
  readResults,
  saveResult,
  summarise,
  type Metric,
  type RunResult,
  type Summary,
} from './runs/results';
export * from './runs/paired';
export { standingsOf, type Standing } from './runs/standings';
export { readSpending, spentOn, type Region, type Spending } from './runs/spending';
export { openNotebookSession, type NotebookSessionOptions } from './commands/notebook-session';
export * from './experiments/ablations';
export { override } from './experiments/overrides';
export { readAllCorruptions, type CorruptionResult } from './runs/corruption-results';
export { leagueLosses, leagueProtocol } from './experiments/league';
export * from './experiments/settings';
export { Session } from './experiments/session';
export * from './experiments/rows/index';
export * from './runs/published';
export { withBatch, withSteps } from './experiments/scaling';
export type { SessionOptions } from './experiments/workbench';

// Charts, tables and pictures
export { bandBars, type BandSeries } from './view/band-bars';
export { bandMaps } from './view/band-maps';
export * from './view/charts';
export { detectionPanels, detectionSheet, type ReportPictures } from './view/detections';
export { methodDiagram, methodSvg, type MethodPictures } from './view/diagram';
export { corruptionChart, corruptionTables } from './view/corruptions';
export { filterChart } from './view/filters';
export { heatPicture, spotlight, type ColorScheme, type HeatOptions } from './view/heat';
export { bandMosaic, type MosaicOptions } from './view/mosaic';
export { groupDots, type Variation } from './view/group-dots';
export { lineChart, type LineChartOptions, type LinePoint } from './view/lines';
export { maskChart } from './view/masks';
export { liveTraining, showChart, showHtml, showPicture, showProgress, showTable } from './view/notebook';
export { contactSheet, drawBoxes } from './view/pictures';
export { titlePicture } from './view/title-picture';
export { softmaxChart, valueBars } from './view/value-bars';
export { seedLines, type SeedValue } from './view/seed-lines';
export { writeReport, type ReportContent } from './view/report';
export { detectorColors, themed, type Chart } from './view/theme';
export { toPng, toSvg } from './view/render';
export { comparisonFrame, frameHtml } from './view/tables';
export { pairedDots, type Comparison } from './view/paired-dots';
export { intervalText, summariseDifference } from './view/differences';
export { pairedTable } from './view/paired-table';
export { placesOf, placesTable, type Place } from './view/places-table';
export { leagueSentence, leagueTable } from './view/league-table';
export { spendingByBand, spendingChart, spendingSentence, spendingTable } from './view/spending';
export { pairName, publishedDots, type ComparedRow } from './view/published-dots';
export { comparisonTable, pipeTable } from './view/text-table';
