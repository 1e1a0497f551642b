/** A graph as the bytes of an .onnx file: protobuf by the schema in onnx.proto. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parse, type Type } from 'protobufjs';
import type { Graph } from './graph';

/** The version of the format that came with a version of the operators. */
const IR_VERSIONS: Record<number, number> = { 13: 7, 16: 8, 19: 9 };

const schema = resolve(__dirname, '../../../export/onnx/onnx.proto');
let model: Type | undefined;

/** @param metadata texts by name, kept in the file */
export function modelBytes(graph: Graph, metadata: Record<string, string>): Uint8Array {
  model ??= parse(readFileSync(schema, 'utf8'), { keepCase: true }).root.lookupType('onnx.ModelProto');
  return model
    .encode({
      ir_version: IR_VERSIONS[graph.opset],
      producer_name: 'freekd',
      graph: graph.proto('detector'),
      opset_import: [{ domain: '', version: graph.opset }],
      metadata_props: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    })
    .finish();
}
