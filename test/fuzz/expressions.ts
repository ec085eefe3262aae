import fc from 'fast-check';
import { extensionArgument, TAGS, TEXTS } from './values.ts';

type Text = fc.Arbitrary<string>;

/** What an expression stands for; of each kind there are expressions that err when they are evaluated. */
type Kind =
  | 'bool'
  | 'long'
  | 'string'
  | 'strings'
  | 'user'
  | 'users'
  | 'entity'
  | 'decimal'
  | 'ip'
  | 'datetime'
  | 'duration';

type Tie = (kind: Kind) => Text;

const LONGS = ['0', '1', '-1', '2', '9223372036854775807', '-9223372036854775808'];
const ENTITIES = [
  ...['User', 'Group', 'Service', 'Database', 'Environment'].flatMap((type) =>
    ['a', 'b', 'nobody'].map((id) => `${type}::"${id}"`),
  ),
  'Color::"red"',
  'Action::"read"',
  'Action::"rw"',
];
const TYPES = ['User', 'Service', 'Group', 'Database', 'Document'];
/** With the name of the optional part last; some are parts of what may itself be missing. */
const OPTIONAL = [
  ...[
    'mfa',
    'from',
    'at',
    'ttl',
    'price',
    'peer',
    'tags',
    'nested',
    'nested.b',
    'nested.b.c',
    'grant',
    'grant.ticket',
  ].map((name) => ['context', name]),
  ...['budget', 'net', 'color'].map((name) => ['resource', name]),
  ['principal', 'manager'],
  ['principal', 'manager.manager'],
  ['principal.home', 'zip'],
  ['context.peer', 'manager'],
] as const;

/** Cedar conditions over the sample's schema: boolean expressions of every operator, most of them well typed. */
export function condition(): Text {
  const { bool } = fc.letrec<Record<Kind, string>>((tie) => {
    const of: Tie = (kind) => tie(kind);
    return {
      bool: node([atom(), has()], boolOperations(of)),
      long: node(
        [
          fc.constantFrom(...LONGS),
          paths(
            'context.level',
            'principal.level',
            'context.nested.a',
            'principal.manager.level',
            'principal.home.zip',
            'context.peer.level',
          ),
        ],
        longOperations(of),
      ),
      string: node(
        [
          literal(),
          paths(
            'resource.classification',
            'principal.home.city',
            'context.grant.workflow',
            'context.grant.ticket',
          ),
        ],
        [write`${of('user')}.getTag(${tag()})`],
      ),
      strings: node(
        [
          paths(
            'principal.clearances',
            'context.tags',
            'context.grant.steps',
            'principal.manager.clearances',
          ),
        ],
        [write`[${of('string')}, ${of('string')}]`, fc.constant('[]')],
      ),
      user: node(
        [paths('principal', 'principal.manager', 'context.peer', 'User::"a"', 'User::"nobody"')],
        [write`${of('user')}.manager`, write`resource.getTag(${tag()})`, write`{ u: ${of('user')} }.u`],
      ),
      users: node([paths('resource.owners')], [write`[${of('user')}, ${of('user')}]`]),
      entity: node(
        [fc.constantFrom(...ENTITIES), paths('resource', 'resource.color', 'action')],
        [of('user')],
      ),
      decimal: node([paths('resource.budget', 'context.price'), call('decimal')], []),
      ip: node([paths('resource.net', 'context.from'), call('ip')], []),
      datetime: node(
        [paths('context.now', 'context.at', 'context.grant.expiresAt'), call('datetime')],
        [write`${of('datetime')}.offset(${of('duration')})`, write`${of('datetime')}.toDate()`],
      ),
      duration: node(
        [paths('context.ttl'), call('duration')],
        [write`${of('datetime')}.durationSince(${of('datetime')})`],
      ),
    };
  });
  return bool;
}

function boolOperations(of: Tie): readonly Text[] {
  const bool = of('bool');
  const kinds: readonly Kind[] = [
    'bool',
    'long',
    'string',
    'strings',
    'user',
    'users',
    'entity',
    'decimal',
    'ip',
    'datetime',
    'duration',
  ];
  return [
    write`${bool} && ${bool}`,
    write`${bool} || ${bool}`,
    write`!(${bool})`,
    write`if ${bool} then ${bool} else ${bool}`,
    guarded(of),
    ...kinds.map((kind) => write`${of(kind)} ${fc.constantFrom('==', '!=')} ${of(kind)}`),
    // Of any two kinds: not well typed, and no error either.
    write`${fc.oneof(...kinds.map(of))} == ${fc.oneof(...kinds.map(of))}`,
    ...(['long', 'datetime', 'duration'] as const).map(
      (kind) => write`${of(kind)} ${fc.constantFrom('<', '<=', '>', '>=')} ${of(kind)}`,
    ),
    write`${of('entity')} in ${of('entity')}`,
    write`${of('user')} in ${of('users')}`,
    write`${of('entity')} in [${of('entity')}, ${of('entity')}]`,
    write`${of('entity')} is ${fc.constantFrom(...TYPES)}`,
    write`${of('entity')} is ${fc.constantFrom(...TYPES)} in ${of('entity')}`,
    write`${of('strings')}.contains(${of('string')})`,
    write`${of('users')}.contains(${of('user')})`,
    write`${of('strings')}.${fc.constantFrom('containsAll', 'containsAny')}(${of('strings')})`,
    write`${fc.oneof(of('strings'), of('users'))}.isEmpty()`,
    write`${of('string')} like ${fc.constantFrom('"*"', '"p*i"', '"\\*"', '""', '"*a*"')}`,
    write`${of('user')}.hasTag(${tag()})`,
    write`resource.hasTag(${tag()})`,
    write`${of('decimal')}.${fc.constantFrom('lessThan', 'greaterThanOrEqual')}(${of('decimal')})`,
    write`${of('ip')}.isInRange(${of('ip')})`,
    write`${of('ip')}.${fc.constantFrom('isIpv4', 'isIpv6', 'isLoopback', 'isMulticast')}()`,
    // Errors whatever comes.
    write`context.level`,
    write`(1 + true) == 2`,
  ];
}

function longOperations(of: Tie): readonly Text[] {
  return [
    write`${of('long')} ${fc.constantFrom('+', '-', '*')} ${of('long')}`,
    write`-(${of('long')})`,
    write`if ${of('bool')} then ${of('long')} else ${of('long')}`,
    write`${of('duration')}.${fc.constantFrom('toMilliseconds', 'toHours', 'toDays')}()`,
    write`{ n: ${of('long')} }.n`,
    write`{ n: ${of('long')} }["n"]`,
  ];
}

/** What good policies do: ask whether a part is there before they read it. */
function guarded(of: Tie): Text {
  return fc.oneof(
    fc.constantFrom(
      '(context has mfa && context.mfa)',
      '(context has grant && context.grant.breakGlass)',
      '(context has peer && context.peer.level > 0)',
      '(context has peer.manager && context.peer.manager == principal)',
      '(principal has manager && principal.manager in resource.owners)',
      '(resource has budget && resource.budget.lessThan(decimal("1.0")))',
      '(context has nested.b && context.nested.b.c.contains(1))',
      '(resource.hasTag("steward") && resource.getTag("steward") == principal)',
      '(principal is User && principal.hasTag("team") && principal.getTag("team") like "a*")',
    ),
    write`context has from && context.from.isInRange(${of('ip')})`,
    write`context has tags && context.tags.containsAny(${of('strings')})`,
  );
}

function atom(): Text {
  return fc.constantFrom(
    'true',
    'false',
    'context.mfa',
    'context.grant.breakGlass',
    '(principal in Group::"a")',
    '(principal == User::"a")',
    '(resource in Environment::"a")',
    '(resource == Database::"a")',
    '(principal is Service)',
    '(resource is Database in Environment::"b")',
    '(action == Action::"read")',
    '(action in Action::"rw")',
  );
}

function has(): Text {
  return fc.constantFrom(...OPTIONAL).map(([of, name]) => `(${of} has ${name})`);
}

function paths(...all: readonly string[]): Text {
  return fc.constantFrom(...all);
}

function literal(): Text {
  return fc.constantFrom(...TEXTS).map(quoted);
}

function tag(): Text {
  return fc.constantFrom(...TAGS).map(quoted);
}

/** As Cedar writes texts: JSON's escapes are not its own beyond the ASCII ones that come up here. */
function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}

/** A call of a constructor; one in eight errs. */
function call(name: 'decimal' | 'ip' | 'datetime' | 'duration'): Text {
  const good = extensionArgument(name);
  return fc
    .oneof({ weight: 7, arbitrary: good }, { weight: 1, arbitrary: fc.constant('junk') })
    .map((argument) => `${name}("${argument}")`);
}

/** Leaves come first: that is what shrinking goes to, and what is taken when it gets deep. */
function node(leaves: readonly Text[], operations: readonly Text[]): Text {
  const leaf = fc.oneof(...leaves);
  if (operations.length === 0) return leaf;
  return fc.oneof(
    { maxDepth: 4, withCrossShrink: true, depthIdentifier: 'expression' },
    leaf,
    fc.oneof(...operations),
  );
}

/** A template of expressions, in brackets: any may stand as an operand of any. */
function write(texts: TemplateStringsArray, ...parts: readonly Text[]): Text {
  return fc
    .tuple(...parts)
    .map((values) => texts.reduce((sum, text, index) => `${sum}${values[index - 1] ?? ''}${text}`))
    .map((text) => `(${text})`);
}
