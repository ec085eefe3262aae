import {
  createRegistry,
  type DescFile,
  type DescMethod,
  type DescService,
  type Registry,
  toBinary,
} from '@bufbuild/protobuf';
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { type Server, type ServerDuplexStream, status as Code } from '@grpc/grpc-js';
import { AccessError } from '../access/access-error.ts';
import { toStatusObject } from './status.ts';

/**
 * gRPC server reflection (github.com/grpc/grpc/blob/master/doc/server-reflection.md), both versions: they differ in name only. Written
 * to the wire by hand because `@grpc/reflection` drops imports and options from descriptors.
 */
export function addReflection(server: Server, services: readonly DescService[]): void {
  const index = indexFiles(services);
  for (const version of ['v1', 'v1alpha']) {
    const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
    server.register(path, (call: Duplex) => answerAll(call, index), asIs, asIs, 'bidi');
  }
}

type Duplex = ServerDuplexStream<Buffer, Buffer>;

interface Index {
  readonly services: readonly string[];
  readonly files: ReadonlyMap<string, DescFile>;
  /** Each file as it is sent, encoded once. */
  readonly encoded: ReadonlyMap<DescFile, Uint8Array>;
  readonly registry: Registry;
}

/** A question of the ServerReflectionRequest oneof: the field number says which. */
interface Question {
  readonly field: number;
  readonly text: string;
  readonly extensionNumber: number;
}

const ask = {
  fileByFilename: 3,
  fileContainingSymbol: 4,
  fileContainingExtension: 5,
  allExtensions: 6,
  services: 7,
};
const reply = { originalRequest: 2, files: 4, extensionNumbers: 5, services: 6, error: 7 };

/** By events: an async iteration that throws destroys the call, and its status would never be sent. */
function answerAll(call: Duplex, index: Index): void {
  call.on('data', (request: Buffer) => {
    try {
      if (!call.write(answer(request, index))) {
        call.pause();
        call.once('drain', () => call.resume());
      }
    } catch (error) {
      call.removeAllListeners('data');
      call.emit('error', toStatusObject(error));
    }
  });
  call.on('end', () => call.end());
}

function answer(request: Buffer, index: Index): Buffer {
  const writer = new BinaryWriter();
  writer.tag(reply.originalRequest, WireType.LengthDelimited).bytes(request);
  const question = readQuestion(request);
  switch (question.field) {
    case ask.services:
      writeServices(writer, index.services);
      break;
    case ask.allExtensions:
      writeExtensionNumbers(writer, question.text, index);
      break;
    default:
      writeFile(writer, findFile(question, index), index);
  }
  return Buffer.from(writer.finish());
}

function readQuestion(request: Buffer): Question {
  let question: Question = { field: 0, text: '', extensionNumber: 0 };
  try {
    const reader = new BinaryReader(request);
    while (reader.pos < reader.len) {
      const [field, wireType] = reader.tag();
      if (field === ask.fileContainingExtension) {
        question = readExtensionQuestion(reader.bytes());
      } else if (field >= ask.fileByFilename && field <= ask.services) {
        question = { field, text: reader.string(true), extensionNumber: 0 };
      } else {
        reader.skip(wireType, field);
      }
    }
    return question;
  } catch (cause) {
    throw new AccessError('FIELD_INVALID', 'the request is no well-formed ServerReflectionRequest', {
      cause,
    });
  }
}

function readExtensionQuestion(bytes: Uint8Array): Question {
  const reader = new BinaryReader(bytes);
  let text = '';
  let extensionNumber = 0;
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 1) {
      text = reader.string(true);
    } else if (field === 2) {
      extensionNumber = reader.int32();
    } else {
      reader.skip(wireType, field);
    }
  }
  return { field: ask.fileContainingExtension, text, extensionNumber };
}

function findFile(
  { field, text, extensionNumber }: Question,
  { files, registry }: Index,
): DescFile | undefined {
  switch (field) {
    case ask.fileByFilename:
      return files.get(text);
    case ask.fileContainingSymbol:
      return fileOfSymbol(text, registry);
    case ask.fileContainingExtension: {
      const extendee = registry.getMessage(text);
      return extendee && registry.getExtensionFor(extendee, extensionNumber)?.file;
    }
    default:
      return undefined;
  }
}

/** A method's symbol is its service's and its name. */
function fileOfSymbol(symbol: string, registry: Registry): DescFile | undefined {
  const dot = symbol.lastIndexOf('.');
  const service = registry.getService(symbol.slice(0, Math.max(dot, 0)));
  const method: DescMethod | undefined = service?.methods.find(({ name }) => name === symbol.slice(dot + 1));
  return (registry.get(symbol) ?? method?.parent)?.file;
}

function writeFile(writer: BinaryWriter, file: DescFile | undefined, { encoded }: Index): void {
  if (file === undefined) {
    writer.tag(reply.error, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.Varint).int32(Code.NOT_FOUND);
    writer.tag(2, WireType.LengthDelimited).string('this server has no such file, symbol or extension');
    writer.join();
    return;
  }
  writer.tag(reply.files, WireType.LengthDelimited).fork();
  for (const each of withDependencies([file]).values()) {
    writer.tag(1, WireType.LengthDelimited).bytes(encoded.get(each) ?? encodeFile(each));
  }
  writer.join();
}

function writeServices(writer: BinaryWriter, services: readonly string[]): void {
  writer.tag(reply.services, WireType.LengthDelimited).fork();
  for (const name of services) {
    writer.tag(1, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(name);
    writer.join();
  }
  writer.join();
}

function writeExtensionNumbers(writer: BinaryWriter, extendee: string, { registry }: Index): void {
  writer.tag(reply.extensionNumbers, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.LengthDelimited).string(extendee);
  for (const type of registry) {
    if (type.kind === 'extension' && type.extendee.typeName === extendee) {
      writer.tag(2, WireType.Varint).int32(type.number);
    }
  }
  writer.join();
}

function indexFiles(services: readonly DescService[]): Index {
  const files = withDependencies(services.map(({ file }) => file));
  return {
    services: services.map(({ typeName }) => typeName).toSorted(),
    files,
    encoded: new Map([...files.values()].map((file) => [file, encodeFile(file)])),
    registry: createRegistry(...files.values()),
  };
}

function encodeFile(file: DescFile): Uint8Array {
  return toBinary(FileDescriptorProtoSchema, file.proto);
}

/** The files and all that they import, by name as it is imported. */
function withDependencies(roots: readonly DescFile[]): ReadonlyMap<string, DescFile> {
  const files = new Map<string, DescFile>();
  const open = [...roots];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    const { name } = file.proto;
    if (!files.has(name)) {
      files.set(name, file);
      open.push(...file.dependencies);
    }
  }
  return files;
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}
