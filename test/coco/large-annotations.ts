/** Annotation files of any size, with rows like those of COCO's train2017. */
import { closeSync, openSync, writeSync } from 'node:fs';

/** Bytes of train2017's file, its pictures and boxes, of which `megabytes` makes a part. */
const TRAIN = { bytes: 448e6, images: 118_287, annotations: 860_001 };

/**
 * Writes a file of about so many megabytes: pictures first, categories last, as COCO has them;
 * returns the counts.
 */
export function writeLargeAnnotations(path: string, megabytes: number): { images: number; annotations: number } {
  const share = (megabytes * 1e6) / TRAIN.bytes;
  const images = Math.round(TRAIN.images * share);
  const annotations = Math.round(TRAIN.annotations * share);
  const file = openSync(path, 'w');
  let state = 1;
  const random = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  let text = '';
  const flush = (): void => {
    writeSync(file, text);
    text = '';
  };
  const list = (name: string, count: number, row: (i: number) => string): void => {
    text += `"${name}": [`;
    for (let i = 0; i < count; i++) {
      text += (i ? ', ' : '') + row(i);
      if (text.length > 1 << 20) flush();
    }
    text += ']';
  };
  text +=
    '{"info": {"description": "COCO 2017, made up — \\"not\\" [the] {real} ' +
    'one"}, "licenses": [{"id": 1, "name": "x"}], ';
  list(
    'images',
    images,
    (i) =>
      `{"license": 1, "file_name": "${String(i + 1).padStart(12, '0')}.jpg", "coco_url": ` +
      `"http://images.cocodataset.org/train2017/${i + 1}.jpg", "height": 480, "width": ` +
      `640, "date_captured": "2013-11-14 11:18:45", "id": ${i + 1}}`,
  );
  text += ', ';
  const outline = (): string => Array.from({ length: 52 }, () => (random() * 640).toFixed(2)).join(',');
  list('annotations', annotations, (i) => {
    const [x, y] = [random() * 500, random() * 400];
    return (
      `{"segmentation": [[${outline()}]],"area": ${(random() * 9000).toFixed(4)},"iscrowd": 0,"image_id": ` +
      `${1 + (i % images)},"bbox": ` +
      `[${x.toFixed(2)},${y.toFixed(2)},99.5,60.25],"category_id": ${1 + (i % 80)},"id": ${i + 1}}`
    );
  });
  text += ', ';
  list('categories', 80, (i) => `{"supercategory": "thing", "id": ${i + 1}, "name": "thing ${i + 1}"}`);
  text += '}\n';
  flush();
  closeSync(file);
  return { images, annotations };
}
