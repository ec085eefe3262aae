/** What the holder of a client certificate may call at all. */
export interface CertificateRule {
  /** The name that the certificate gives after the prefix; one that ends in `*` is the beginning of names. */
  readonly name: string;
  /** Services (`GrantService`), methods (`GrantService/RequestAccess`) or `*`. */
  readonly calls: readonly string[];
}

/** What `parseCertificateRules` takes. */
export const certificateRulesWanted =
  'rules such as "web/*=DecisionService; ci=DecisionService,GrantService/RequestAccess"';

const form = /^(?<name>[^\s;]+)\s*=\s*(?<calls>[\w/*]+(?:\s*,\s*[\w/*]+)*)$/;

/** The rules of a text, separated by `;` or new lines; undefined when it has none, or one is malformed. */
export function parseCertificateRules(text: string): readonly CertificateRule[] | undefined {
  const rules: CertificateRule[] = [];
  for (const rule of text.split(/[;\n]/).map((part) => part.trim())) {
    if (rule === '') continue;
    const { name, calls } = form.exec(rule)?.groups ?? {};
    if (name === undefined || calls === undefined || /\*./.test(name)) return undefined;
    rules.push({ name, calls: calls.split(',').map((call) => call.trim()) });
  }
  return rules.length === 0 ? undefined : rules;
}
