import { z } from 'zod';

/**
 * Parts of a configuration by name. Each is a zod object keyed by variable, perhaps with a transform, whose messages say what is
 * wanted; `.meta()` of a variable says what it means (`description`) and what counts where nothing is said (`fallback`), unless zod
 * knows by `.default()`.
 */
export type Fragments = Readonly<Record<string, z.ZodType>>;

/** What there is to know of a variable without any environment. */
export interface VariableDescription {
  readonly variable: string;
  /** Empty for one that nobody described. */
  readonly meaning: string;
  readonly fallback: string | undefined;
}

/** Every variable that the fragments read, once, in their order. @throws Error for a fragment that is no object of variables */
export function describeVariables(fragments: Fragments): readonly VariableDescription[] {
  const described = new Map<string, VariableDescription>();
  for (const [name, fragment] of Object.entries(fragments)) {
    for (const [variable, schema] of Object.entries(shapeOf(name, fragment))) {
      const { description = '', fallback } = schema.meta() ?? {};
      const known = defaultOf(schema) ?? (typeof fallback === 'string' ? fallback : undefined);
      if (!described.has(variable))
        described.set(variable, { variable, meaning: description, fallback: known });
    }
  }
  return [...described.values()];
}

function shapeOf(name: string, fragment: unknown): Readonly<Record<string, z.ZodType>> {
  if (fragment instanceof z.ZodPipe) return shapeOf(name, fragment.in);
  if (fragment instanceof z.ZodObject) return fragment.shape;
  throw new Error(`the fragment ${name} is no object of variables`);
}

function defaultOf(schema: unknown): string | undefined {
  if (schema instanceof z.ZodDefault) return String(schema.def.defaultValue);
  return schema instanceof z.ZodPipe ? defaultOf(schema.in) : undefined;
}
