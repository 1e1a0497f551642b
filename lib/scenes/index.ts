/** Emoji scenes, the stand-in data set that is made on the spot. */
export type { SceneInstances, SplitCounts } from './annotations';
export { sceneDefaults, type SceneConfig } from './config';
export { ensureEmojiScenes, type EmojiScenes, type EmojiScenesOptions } from './generate';
export { openSceneLabels, sceneClasses } from './labels';
export { sceneCategories } from './vocabulary';
