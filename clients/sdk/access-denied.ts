import type {
  AccessOption,
  AuthorizeResponse,
} from '../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import type { Question } from './question.ts';
import { canCommand, cedarName, requestCommand } from './request-command.ts';

/** The answer to a question that was enforced is DENY. The message says how to get access, as far as Curfew told. */
export class AccessDenied extends Error {
  override readonly name = 'AccessDenied';
  /** Names the decision in Curfew's records. */
  readonly decisionId: string;
  /** What the policies that forbid it say to whoever asks. */
  readonly advice: readonly string[];
  /** The workflows that access can be requested by. */
  readonly accessOptions: readonly AccessOption[];
  /** A command for a shell that requests access or, where Curfew did not say how, finds out. */
  readonly command: string;

  constructor(question: Question, { decisionId, advice, accessOptions }: AuthorizeResponse) {
    const [option] = accessOptions;
    const command = option === undefined ? canCommand(question) : requestCommand(question, option.workflow);
    const { principal, action, resource } = question;
    const denied = `${cedarName(principal)} may not ${cedarName(action)} ${cedarName(resource)}`;
    const how = option === undefined ? 'how to get access' : 'access can be requested';
    super(`${[denied, ...advice].join('; ')}; ${how}: ${command} (decision ${decisionId})`);
    this.decisionId = decisionId;
    this.advice = advice;
    this.accessOptions = accessOptions;
    this.command = command;
  }
}
