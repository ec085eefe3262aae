import { Argument, type Command } from 'commander';
import { completionScript, shells } from '../completion.ts';
import { exitCode } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';

/** `curfew completion`: the script that a shell completes the command line with. */
export function addCompletion(program: Command, terminal: Terminal): void {
  program
    .command('completion')
    .summary('write the script that completes curfew in a shell')
    .description('For bash: source <(curfew completion bash). For fish: curfew completion fish | source')
    .addArgument(new Argument('<shell>', 'your shell').choices(shells))
    .action((shell: (typeof shells)[number]) => {
      terminal.out(completionScript(program, shell));
      terminal.finish(exitCode.ok);
    });
}
