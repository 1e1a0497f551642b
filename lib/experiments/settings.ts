/**
 * Other conditions on emoji scenes, to see where the frequency view pays: `npm run reproduce --
 * --setting NAME`. Each differs from `emojiScenes` in one thing; the weights of the losses stay
 * those that were tuned there.
 */
import type { SceneConfig } from '../scenes/config';
import { emojiScenes, type Experiment } from './experiment';
import { override } from './overrides';

export interface Setting {
  /** What differs, in words. */
  what: string;
  /** Changed fields of the experiment, as `--set` takes them. */
  set?: readonly string[];
  /** Changed settings of the pictures. */
  scenes?: Partial<SceneConfig>;
  /** Whether the shipped teacher does not fit, so that one is trained on the spot. */
  ownTeacher?: boolean;
}

/** Objects of 10 to 30 pixels want anchors half as large. */
const smallAnchors = ['teacher', 'student'].map((role) => `${role}.model.anchors.baseScale=1.25`);

export const settings = {
  long: { what: 'three times the steps', set: ['student.steps=2400'] },
  few: { what: '200 training pictures', scenes: { train: 200 } },
  narrow: {
    what: 'a student of half the width',
    set: ['student.model.backbone.widths=[8,16,32,64]', 'student.model.backbone.stem.channels=8'],
  },
  small: {
    what: 'objects of 10 to 30 pixels',
    scenes: { minSize: 10, maxSize: 30 },
    set: smallAnchors,
    ownTeacher: true,
  },
} satisfies Record<string, Setting>;

export type SettingName = keyof typeof settings;
export const settingNames = Object.keys(settings) as SettingName[];

/** An experiment on emoji scenes under a setting. */
export function experimentOf(name: SettingName, standard: Experiment = emojiScenes): Experiment {
  const { what, set = [] }: Setting = settings[name];
  return override(
    {
      ...standard,
      name: `${standard.name}-${name}`,
      title: `emoji scenes, ${what} (generated stand-in, not COCO)`,
    },
    set,
  );
}
