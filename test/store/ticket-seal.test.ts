// Everything sealed of a message is bound to what it is: whoever can write to the store can put nothing in another one's place.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCipher } from '../../store/field-cipher.ts';
import { createDevelopmentKeys } from '../../store/key-ring.ts';
import {
  openDecision,
  openFile,
  openNote,
  openOriginal,
  openTicketContent,
  sealBornJson,
  sealDecisionJson,
  sealFile,
  sealNote,
  sealOriginal,
} from '../../store/ticket-seal.ts';

describe('what is sealed of a message', () => {
  const folder = mkdtempSync(join(tmpdir(), 'huisu-seal-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('opens as what it is and as nothing else: no other part, message, revision, file or note', () => {
    const cipher = createCipher(createDevelopmentKeys(join(folder, 'keys.json')));
    const { key, wrapped: wrappedContent } = cipher.newDataKey('content');
    const note = '{"by":"clerk"}';
    const bytes = Buffer.from(note);
    const original = (number: string) => ({
      name: `original of ${number}`,
      sealed: sealOriginal(cipher, key, number, bytes),
      open: (sealed: Uint8Array) => openOriginal(cipher, key, number, sealed).toString(),
    });
    const born = (number: string) => ({
      name: `ticket ${number}`,
      sealed: sealBornJson(cipher, key, number, bytes),
      open: (sealed: Uint8Array) => JSON.stringify(openTicketContent(cipher, { number, born: sealed, wrappedContent })),
    });
    const decision = (number: string, revision: number) => ({
      name: `decision ${revision} on ${number}`,
      sealed: sealDecisionJson(cipher, key, { number, revision, json: bytes }),
      open: (sealed: Uint8Array) =>
        JSON.stringify(openDecision(cipher, { number, decision: sealed, wrappedContent, revision: revision + 1 })),
    });
    const file = (number: string, sha256: string) => ({
      name: `file ${sha256} of ${number}`,
      sealed: sealFile(cipher, key, { number, sha256, bytes }),
      open: (sealed: Uint8Array) => openFile(cipher, key, { number, sha256, sealed }).toString(),
    });
    const noted = (number: string, eventId: string) => ({
      name: `note ${eventId} on ${number}`,
      sealed: sealNote(cipher, key, { number, eventId, note }),
      open: (sealed: Uint8Array) => openNote(cipher, key, { number, eventId, sealed }),
    });
    const all = ['1', '2'].flatMap(number => [
      original(number),
      born(number),
      ...[0, 1].map(revision => decision(number, revision)),
      ...['aa', 'bb'].flatMap(id => [file(number, id), noted(number, id)]),
    ]);
    for (const { name, open } of all) {
      for (const other of all) {
        const what = `${other.name} as ${name}`;
        if (other.name === name) assert.equal(open(other.sealed), note, what);
        else assert.throws(() => open(other.sealed), { name: 'SealBroken', code: 'seal.broken' }, what);
      }
    }
  });
});
