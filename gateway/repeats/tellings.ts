// Short messages as a hotline gets them, made of our own written ones (config/samples): who tells what again, and who something new.
import { readFileSync } from 'node:fs';
import { drawing } from '../../normalizer/repeat-training.ts';
import type { LabelledIncident, LabelledMessage, LabelledPair } from './labelled-files.ts';

type Text = readonly [title: string, content: string];

interface Trouble {
  /** The kind of place it happens at. */
  readonly at: string;
  /** Tellings in words of their own, and messages that ask again; `@` stands for the place. */
  readonly tell: readonly Text[];
  readonly again: readonly Text[];
}

interface Written {
  readonly places: Readonly<Record<string, readonly (readonly [division: string, name: string])[]>>;
  readonly troubles: readonly Trouble[];
  /** Messages that only touch such matters: none belongs with another. */
  readonly loose: readonly Text[];
}

export interface Tellings {
  readonly messages: readonly LabelledMessage[];
  readonly incidents: readonly LabelledIncident[];
  /** Every two messages about one place: of one matter where the trouble is one. */
  readonly pairs: readonly LabelledPair[];
  /** The place a message of the pairs is about. */
  placeOf(id: string): string;
}

const FILE = new URL('../../config/samples/written-tellings.json', import.meta.url);
export const TELLING_PREFIX = 'told-';
const START = Date.parse('2025-10-08T08:00:00+08:00');
const HOUR = 3_600_000;
/** Loose messages come within so many days; a trouble is told again within so many, and the next one of its place begins
 *  within as many, so that nearness in time says nothing about which is meant. */
const SEASON = 90;
const SOON = 25;
/** Share of messages without a title. */
const UNTITLED = 0.4;

/**
 * At each place every other trouble of its kind. One resident tells half of them himself, so that he has old and new
 * troubles; he asks again once or twice, now and then in wholly other words, and a neighbour tells the same. The same
 * troubles happen at other places, told in the same words.
 */
export function tellings(): Tellings {
  const { places, troubles, loose } = JSON.parse(readFileSync(FILE, 'utf8')) as Written;
  const random = drawing(20);
  const scenes: Scene[] = [];
  for (const [kind, named] of Object.entries(places)) {
    named.forEach(([division, name], place) => {
      troubles
        .filter(({ at }) => at === kind)
        .filter((_, which) => (which + place) % 2 === 0)
        .forEach((trouble, which) => {
          scenes.push({ id: `${TELLING_PREFIX}${name}-${which}`, division, name, place, which, trouble });
        });
    });
  }
  const told = scenes.map(scene => messagesOf(scene, random));
  const aside = loose.map(([title, content], at) => ({
    id: `${TELLING_PREFIX}loose-${at}`,
    time: START + Math.floor(random() * SEASON * 24) * HOUR,
    requester: `${TELLING_PREFIX}loose-${at}`,
    title,
    content,
    incident: null,
  }));
  return {
    messages: [...told.flat(), ...aside],
    incidents: scenes.map(({ id }, at) => ({ id, members: (told[at] as LabelledMessage[]).map(one => one.id) })),
    pairs: pairsOf(scenes, told),
    placeOf: id => id.split('-')[1] as string,
  };
}

/** A trouble at a place. */
interface Scene {
  readonly id: string;
  readonly division: string;
  readonly name: string;
  /** Places of the place among those of its kind, and of the trouble among those of the place. */
  readonly place: number;
  readonly which: number;
  readonly trouble: Trouble;
}

/** What is said by whom and when. */
interface Said {
  readonly text: Text;
  readonly requester: string;
  readonly time: number;
  /** The place is given with its division; where exactly he lives is said too. */
  readonly full: boolean;
  readonly home: string;
}

function messagesOf(scene: Scene, random: () => number): LabelledMessage[] {
  const { id, name, place, which, trouble } = scene;
  const resident = which % 2 === 0 ? `${TELLING_PREFIX}${name}` : id;
  const first = START + place * SOON * 24 * HOUR + Math.floor(random() * SOON * 24) * HOUR;
  const later = (days: number) => first + Math.ceil((0.1 + random()) * days * 24) * HOUR;
  const telling = (turn: number) => trouble.tell[(place + which + turn) % trouble.tell.length] as Text;
  const asking = (turn: number) => trouble.again[(place + turn) % trouble.again.length] as Text;
  const homes = HOMES[trouble.at] ?? [''];
  const own = homes[place % homes.length] as string;
  const other = homes[(place + 1 + which) % homes.length] as string;
  const of = (text: Text, requester: string, more: Partial<Said> = {}): Said => ({
    text,
    requester,
    time: later(SOON),
    full: random() < 0.3,
    home: random() < 0.5 ? (requester === resident ? own : other) : '',
    ...more,
  });
  const said = [
    of(telling(0), resident, { time: first, full: true }),
    of(asking(0), resident),
    of(telling(1), `${id}-neighbour`),
    of(shortened(telling(0), place + which), resident),
  ];
  if (random() < 0.5) said.push(of(asking(1), resident));
  if (random() < 0.3) said.push(of(telling(0), `${id}-copy`, { full: true }));
  if (random() < 0.3) said.push(of(telling(2), resident));
  if (random() < 0.4) said.push(of(shortened(telling(1), which), `${id}-neighbour`));
  return said.map((one, at) => messageOf(one, `${id}-${at}`, scene, random()));
}

/** Where in an estate or a village one lives. */
const HOMES: Readonly<Record<string, readonly string[]>> = {
  estate: ['3号楼', '11号楼', '6栋', '8号楼2单元'],
  village: ['三组', '一社', '东屯', '西沟'],
};
const BEFORE = ['上次反映过', '再说一遍，', '前几天报的', '还是那件事：', '催一下：'];
const AFTER = ['，到现在没人管。', '，到底什么时候解决？', '，有结果了吗？', '，今天还是这样。'];

/** The beginning of what was told, said again. */
function shortened([title, content]: Text, turn: number): Text {
  const clauses = content.split(/[，。]/);
  const some = clauses.slice(0, content.startsWith('@') || turn % 2 === 0 ? 2 : 3).join('，');
  const place = some.includes('@') ? '' : '@，';
  const after = AFTER[turn % AFTER.length] as string;
  return [turn % 3 === 0 ? '催问进展' : title, `${BEFORE[turn % BEFORE.length]}${place}${some}${after}`];
}

/** Text messages have no title: what it says stands at their beginning, or is not said at all. */
function messageOf({ text, requester, time, full, home }: Said, id: string, scene: Scene, bare: number) {
  const name = full ? scene.division + scene.name : scene.name;
  const title = text[0].replace('@', name);
  const content = text[1].replace('@', home === '' || /^@.?.?[楼栋组]/.test(text[1]) ? name : `${name}${home}`);
  const message = { id, time, requester, incident: null };
  if (bare >= UNTITLED) return { ...message, title, content };
  return { ...message, title: '', content: bare < UNTITLED / 2 ? content : `${title}，${content}` };
}

function pairsOf(scenes: readonly Scene[], told: readonly (readonly LabelledMessage[])[]): readonly LabelledPair[] {
  const here = Map.groupBy(
    scenes.flatMap((scene, at) => (told[at] as readonly LabelledMessage[]).map(({ id }) => ({ scene, id }))),
    ({ scene }) => scene.name,
  );
  return [...here.values()].flatMap(all =>
    all.flatMap(({ scene, id: a }, at) =>
      all.slice(at + 1).map(({ scene: other, id: b }): LabelledPair => {
        const same = scene === other;
        return { a, b, same, kind: 'told', incident: same ? scene.id : null };
      }),
    ),
  );
}
