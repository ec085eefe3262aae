/** What may be asked for, the most first; apart from the logger, so that who only reads configuration need not load it. */
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** The level that the environment asks for; `info` unless it names one. A wrong name is the configuration's error to report. */
export function logLevelOf(env: Readonly<Record<string, string | undefined>>): LogLevel {
  return logLevels.find((level) => level === env['CURFEW_LOG_LEVEL']) ?? 'info';
}
