/** A graph as the bytes of an .onnx file: protobuf by the schema in onnx.proto. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parse, type Type } from 'protobufjs';
import type { GraphProto } from './graph';

/** The oldest versions that have all that is used: ONNX 1.8, which every runtime of today reads. */
const IR_VERSION = 7;
const OPSET = 13;

const schema = resolve(__dirname, '../../../export/onnx/onnx.proto');
let model: Type | undefined;

/** @param metadata texts by name, kept in the file */
export function modelBytes(graph: GraphProto, metadata: Record<string, string>): Uint8Array {
  model ??= parse(readFileSync(schema, 'utf8'), { keepCase: true }).root.lookupType('onnx.ModelProto');
  return model
    .encode({
      ir_version: IR_VERSION,
      producer_name: 'freekd',
      graph,
      opset_import: [{ domain: '', version: OPSET }],
      metadata_props: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    })
    .finish();
}
