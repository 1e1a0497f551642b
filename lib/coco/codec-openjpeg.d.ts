/** What is used of the package, which brings no types of its own. */
declare module '@cornerstonejs/codec-openjpeg/decodewasmjs' {
  interface Decoder {
    getEncodedBuffer(bytes: number): Uint8Array;
    decode(): void;
    getFrameInfo(): {
      width: number;
      height: number;
      bitsPerSample: number;
      componentCount: number;
      isSigned: boolean;
    };
    getDecodedBuffer(): Uint8Array;
    delete(): void;
  }
  interface Codec {
    J2KDecoder: new () => Decoder;
  }
  export default function load(options: {
    print(line: string): void;
    printErr(line: string): void;
  }): Promise<Codec>;
}
