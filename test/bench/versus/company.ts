/**
 * One company for both sides: people in groups three deep, databases in environments, teams with rules of their own, and grants. Every rule
 * is one Cedar policy and one Cerbos rule with the same head and the same condition.
 */
export interface Company {
  readonly people: readonly Person[];
  readonly databases: readonly Database[];
  readonly environments: readonly string[];
  readonly groups: readonly Group[];
  readonly rules: readonly TeamRule[];
}

export interface Person {
  readonly id: string;
  readonly level: number;
  /** The groups that the person is in, the nearest first: team, department, everybody. */
  readonly groups: readonly string[];
}

export interface Group {
  readonly id: string;
  readonly parent: string | undefined;
}

export interface Database {
  readonly id: string;
  readonly environment: string;
  readonly classification: 'internal' | 'pii' | 'public';
}

/** What a team may read without a grant: internal databases, for those of a level that nobody in the bench has. */
export interface TeamRule {
  readonly id: string;
  readonly team: string;
  readonly minLevel: number;
  /** Only there; everywhere unless said. */
  readonly environment: string | undefined;
}

/** Two rules are for everybody: what a grant gives, and what none can give (personal data without MFA). */
export const RULES_FOR_ALL = 2;

const PEOPLE = 500;
const DATABASES = 2_000;
const ENVIRONMENTS = 20;
const DEPARTMENTS = 10;
const RULES_PER_TEAM = 2;
const HIGHEST_LEVEL = 4;
const CLASSES = ['internal', 'pii', 'public'] as const;

/** @param policies the rules for all and those of teams together */
export function foundCompany(policies: number, peopleCount = PEOPLE): Company {
  const teams = Math.max(1, Math.ceil((policies - RULES_FOR_ALL) / RULES_PER_TEAM));
  const environments = Array.from({ length: ENVIRONMENTS }, (_, index) => `env-${index}`);
  const departmentOf = (team: number): string => `department-${team % DEPARTMENTS}`;
  return {
    environments,
    people: Array.from({ length: peopleCount }, (_, index) => {
      const team = index % teams;
      return {
        id: `person-${index}`,
        level: 1 + (index % HIGHEST_LEVEL),
        groups: [`team-${team}`, departmentOf(team), 'everybody'],
      };
    }),
    databases: Array.from({ length: DATABASES }, (_, index) => ({
      id: `database-${index}`,
      environment: `env-${index % ENVIRONMENTS}`,
      classification: CLASSES[index % CLASSES.length] ?? 'internal',
    })),
    groups: [
      { id: 'everybody', parent: undefined },
      ...Array.from({ length: DEPARTMENTS }, (_, index) => ({
        id: `department-${index}`,
        parent: 'everybody',
      })),
      ...Array.from({ length: Math.min(teams, peopleCount) }, (_, index) => ({
        id: `team-${index}`,
        parent: departmentOf(index),
      })),
    ],
    rules: Array.from({ length: policies - RULES_FOR_ALL }, (_, index) => ({
      id: `team-rule-${index}`,
      team: `team-${Math.floor(index / RULES_PER_TEAM)}`,
      minLevel: HIGHEST_LEVEL + 1 + (index % 5),
      environment: index % RULES_PER_TEAM === 0 ? environments[index % ENVIRONMENTS] : undefined,
    })),
  };
}
