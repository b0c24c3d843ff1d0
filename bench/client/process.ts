// The client's own process: prepares requests and runs rounds when its parent says so.
import { fileTexts, recipeTexts, type TextSource } from '../texts.ts';
import type { ClientCommand, ClientReply } from './client.ts';
import { buildRequests, type Requests } from './requests.ts';
import { runRound } from './rounds.ts';

let texts: TextSource | null = null;
let requests: Requests | null = null;

async function obey(command: ClientCommand): Promise<ClientReply> {
  switch (command.do) {
    case 'texts':
      texts = command.file === null ? recipeTexts(command.seed) : fileTexts(command.file, command.seed);
      return { facts: texts.facts };
    case 'prepare': {
      if (texts === null) throw new Error('no texts chosen yet');
      requests = null;
      requests = buildRequests(command.spec, texts);
      return {
        count: requests.all.length,
        redeliveries: requests.redeliveries,
        bodyBytes: requests.bodyBytes,
      };
    }
    case 'run':
      if (requests === null) throw new Error('nothing prepared yet');
      return { round: await runRound(command.spec, requests.all) };
  }
}

process.on('message', (command: ClientCommand) => {
  obey(command).then(
    reply => process.send!(reply),
    (error: unknown) =>
      process.send!({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
