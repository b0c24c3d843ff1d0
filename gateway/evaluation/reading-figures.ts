// How well messages are read: each goes through the very code of reading, and what comes out is held against what is expected.
import { normalize } from '../../normalizer/normalize.ts';
import type { Rulebook } from '../../normalizer/rulebook.ts';
import type { TicketDraft } from '../../normalizer/ticket.ts';
import { type Choice, type ChoiceFigures, choiceFigures, f1Of, rounded } from './class-figures.ts';
import { type LabelledReading, LEVELS, type Level } from './labelled-readings.ts';
import { type FoundPlace, placeFigures } from './place-figures.ts';

type Pair = { readonly row: LabelledReading; readonly draft: TicketDraft };

/** Nothing that is measured depends on the time of receipt. */
const RECEIVED_AT = Date.parse('2025-06-10T10:00:00+08:00');

function read(row: LabelledReading, rulebook: Rulebook): TicketDraft {
  const { title, content } = row;
  return normalize(
    { kind: 'appeal', ...(title === '' ? {} : { title }), content, contact: {}, externalIds: {}, attachments: [] },
    rulebook,
    RECEIVED_AT,
  );
}

/** The label as our taxonomy has it; another system's name for the class is the same class. Unknown ones stay as they are. */
function ownLabel(label: string, level: Level, rulebook: Rulebook): string {
  const nodes = (rulebook.nodesByLabel.get(label.trim()) ?? []).map(at => rulebook.nodes[at]!);
  return nodes.find(node => node.level === level)?.label ?? label.trim();
}

function categoryChoices(pairs: readonly Pair[], level: Level, rulebook: Rulebook): Choice[] {
  return pairs.flatMap(({ row, draft }) => {
    const expected = row.categories[level];
    if (expected === null) return [];
    const got = draft.appeal.category?.value.labels[level - 1] ?? null;
    return [{ expected: ownLabel(expected, level, rulebook), got }];
  });
}

function named(name: string, figures: ChoiceFigures | null) {
  if (figures === null) return {};
  const { rows, macroF1, microF1, byClass } = figures;
  return {
    [`${name}Rows`]: rows,
    [`${name}MacroF1`]: macroF1,
    [`${name}MicroF1`]: microF1,
    [`${name}ByClass`]: byClass,
  };
}

/** Urgent or not, whatever else it is called. */
function urgencyFigures(pairs: readonly Pair[], choices: readonly Choice[]) {
  if (choices.length === 0) return {};
  const judged = pairs.filter(({ row }) => row.urgency !== null);
  const asked = judged.filter(({ draft }) => draft.appeal.asks?.includes('urgency') === true);
  const missed = judged.filter(
    ({ row, draft }) =>
      row.urgency === '紧急' && draft.appeal.urgency.value !== '紧急' && !asked.some(one => one.row === row),
  );
  const urgent = choices.filter(({ expected }) => expected === '紧急').length;
  const got = choices.filter(choice => choice.got === '紧急').length;
  const right = choices.filter(choice => choice.expected === '紧急' && choice.got === '紧急').length;
  return {
    urgencyRecall: rounded(urgent === 0 ? 0 : right / urgent),
    urgencyPrecision: rounded(got === 0 ? 0 : right / got),
    urgencyF1: rounded(f1Of(right, urgent, got)),
    /** Urgent ones read as such or put before a clerk. */
    urgencyReadOrAsked: rounded(urgent === 0 ? 0 : 1 - missed.length / urgent),
    urgencyAsked: rounded(asked.length / judged.length),
  };
}

/** How many a clerk is asked about, and how many of the others are right. */
function askedFigures(pairs: readonly Pair[], rulebook: Rulebook) {
  const judged = pairs.filter(({ row }) => row.categories[1] !== null);
  if (judged.length === 0) return {};
  const sure = judged.filter(({ draft }) => draft.appeal.asks?.includes('category') !== true);
  const right = categoryChoices(sure, 1, rulebook).filter(({ expected, got }) => expected === got).length;
  return {
    categoryAsked: rounded(1 - sure.length / judged.length),
    categoryRightUnasked: rounded(sure.length === 0 ? 0 : right / sure.length),
  };
}

function foundPlaces({ appeal }: TicketDraft): FoundPlace[] {
  const cutOut = (text: string, spans: TicketDraft['appeal']['places']) =>
    (spans ?? []).map(({ kind, start, end }) => ({ kind, text: text.slice(start, end) }));
  return [...cutOut(appeal.title, appeal.titlePlaces), ...cutOut(appeal.content, appeal.places)];
}

function placesOf(pairs: readonly Pair[]) {
  const figures = placeFigures(
    pairs.flatMap(({ row, draft }) =>
      row.places === null ? [] : [{ expected: row.places, found: foundPlaces(draft) }],
    ),
  );
  if (figures === null) return {};
  const { rows, precision, recall, f1, byKind } = figures;
  return {
    placesRows: rows,
    placesPrecision: precision,
    placesRecall: recall,
    placesF1: f1,
    placesByKind: byKind,
  };
}

export interface Misreading {
  readonly id: string;
  readonly field: string;
  readonly expected: string;
  readonly got: string | null;
}

export interface ReadingFigures {
  readonly figures: Readonly<Record<string, unknown>>;
  /** What was read otherwise than expected; places left out. */
  readonly misread: readonly Misreading[];
}

function misreadings({ row, draft }: Pair, rulebook: Rulebook): Misreading[] {
  const { appeal } = draft;
  const levels = LEVELS.map(level => {
    const expected = row.categories[level];
    const got = appeal.category?.value.labels[level - 1] ?? null;
    return {
      id: row.id,
      field: `category${level}`,
      expected: expected === null ? null : ownLabel(expected, level, rulebook),
      got,
    };
  });
  const others = [
    { id: row.id, field: 'type', expected: row.type, got: appeal.type.value },
    { id: row.id, field: 'urgency', expected: row.urgency, got: appeal.urgency.value },
  ];
  return [...levels, ...others].flatMap(({ id, field, expected, got }) =>
    expected === null || expected === got ? [] : [{ id, field, expected, got }],
  );
}

/** Reads every message and counts. */
export function readingFigures(rows: readonly LabelledReading[], rulebook: Rulebook): ReadingFigures {
  const pairs = rows.map(row => ({ row, draft: read(row, rulebook) }));
  const types = pairs.flatMap(({ row, draft }): Choice[] =>
    row.type === null ? [] : [{ expected: row.type, got: draft.appeal.type.value }],
  );
  const urgencies = pairs.flatMap(({ row, draft }): Choice[] =>
    row.urgency === null ? [] : [{ expected: row.urgency, got: draft.appeal.urgency.value }],
  );
  const [first, second, third] = LEVELS.map(level => choiceFigures(categoryChoices(pairs, level, rulebook)));
  return {
    figures: {
      rows: rows.length,
      ...named('category', first ?? null),
      ...askedFigures(pairs, rulebook),
      ...named('category2', second ?? null),
      ...named('category3', third ?? null),
      ...named('type', choiceFigures(types)),
      ...named('urgency', choiceFigures(urgencies)),
      ...urgencyFigures(pairs, urgencies),
      ...placesOf(pairs),
    },
    misread: pairs.flatMap(pair => misreadings(pair, rulebook)),
  };
}
