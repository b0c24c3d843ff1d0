// The city's rules as data: what the files of config/rules and the region file hold, one type a file.
import type { TicketType, Urgency } from './ticket.ts';
import type { CalendarYear } from './work-calendar.ts';

/** The files a rulebook is made of; the names are those of the files in the rules folder, `region` is the region file. */
export const RULE_SECTIONS = [
  'region',
  'text',
  'types',
  'categories',
  'urgency',
  'triage',
  'deadlines',
  'units',
  'personal',
  'places',
  'china',
] as const;
export type RuleSection = (typeof RULE_SECTIONS)[number];

/** A trained model as read from its file, unchecked. */
export interface ModelFile {
  readonly file: string;
  readonly data: unknown;
}

/** All rules as read from the files, unchecked; plain data, so it can be sent to another thread. */
export interface RulebookData {
  readonly sections: Readonly<Record<RuleSection, { readonly file: string; readonly data: unknown }>>;
  /** The trained model of the categories; null where the rules come without one. */
  readonly categoryModel: ModelFile | null;
  /** The trained models of the type and the urgency; null where the rules come without them. */
  readonly typeModel: ModelFile | null;
  readonly urgencyModel: ModelFile | null;
  /** Years of the calendar that the settings hold; absent: the library's alone. */
  readonly calendar?: readonly CalendarYear[];
}

/** Words, in simplified Chinese. `供暖…不热` means the first, then near it in the same sentence the second. */
export type Words = readonly string[];

/** A list of words that speak for something, with one weight. */
export interface WeightedWords {
  readonly weight: number;
  readonly words: Words;
}

export interface TextRules {
  /** Longest content and title in UTF-16 units; what is over is cut and noted. */
  readonly contentLength: number;
  readonly titleLength: number;
  readonly attachments: number;
  /** Common English words: a message without one of them is not English. */
  readonly english: Words;
  /** Characters of sounds; a message of nothing else says nothing. */
  readonly fillers: string;
  /** Keyboard runs and filler that nobody means. */
  readonly mashing: Words;
}

export interface TypeRules {
  /** Below this confidence a clerk is asked. */
  readonly ask: number;
  /** Sender's labels and what they are called here. */
  readonly labels: Readonly<Record<string, TicketType>>;
  readonly words: Readonly<Record<TicketType, readonly WeightedWords[]>>;
  /** Type of an appeal no word speaks for. */
  readonly fallback: TicketType;
  /** What ends many messages out of politeness and is no praise. */
  readonly courtesy: Words;
  /** Words that ask for something: beside them thanks are courtesy. */
  readonly demands: Words;
}

/** One class of the taxonomy: level 1 has two digits, level 2 four, level 3 six. */
export interface CategoryRule {
  readonly code: string;
  readonly label: string;
  /** Other names of the class, as other systems write it. */
  readonly aliases?: Words;
  /** Words of weight 3 (nearly certain), 2 and 1 (a hint). */
  readonly strong?: Words;
  readonly words?: Words;
  readonly weak?: Words;
  readonly children?: readonly CategoryRule[];
}

export interface CategoryRules {
  /** Below this confidence a clerk is asked. */
  readonly ask: number;
  /** Least score at which a class is named. */
  readonly threshold: number;
  /** Longer words that take the meaning from those inside them. */
  readonly shields: Words;
  readonly tree: readonly CategoryRule[];
}

/** One kind of emergency. */
export interface UrgencyRule {
  readonly code: string;
  readonly label: string;
  /** Urgent by themselves, unless negated, past, figurative, supposed or asked about. */
  readonly words?: Words;
  /** Urgent only with a word that says it is happening now, or that somebody is in danger. */
  readonly withNow?: Words;
  /** Urgent also when only feared (`随时倒塌`), if somebody is in danger. */
  readonly evenIfFeared?: boolean;
  /** A word of danger does for a word of now, under `withNow`. */
  readonly endangers?: boolean;
  /** Under `withNow`: happening now in a short message that says nothing to the contrary. */
  readonly shortIsNow?: boolean;
  /** Urgent wherever it stands; others count in the title, at the beginning, or in a short message only. */
  readonly anywhere?: boolean;
}

export interface UrgencyRules {
  /** Below this confidence a clerk is asked. */
  readonly ask: number;
  /** What is urgent is said first: within so many characters, or in a content no longer than `short`. */
  readonly beginning: number;
  readonly short: number;
  /** Longest message in which `shortIsNow` counts. */
  readonly plain: number;
  /** How near a word of now or danger must stand. */
  readonly near: number;
  /** From this probability by the trained model on a message is urgent. */
  readonly urgent: number;
  /** From this probability by the trained model on a clerk is asked. */
  readonly unsure: number;
  readonly labels: Readonly<Record<string, Urgency>>;
  readonly emergencies: readonly UrgencyRule[];
  readonly shields: Words;
  readonly now: Words;
  readonly danger: Words;
  /** Longer words in which a word of surroundings means nothing (`好像` is not figurative). */
  readonly notContexts: Words;
  readonly negations: Words;
  readonly past: Words;
  readonly figurative: Words;
  readonly supposed: Words;
  readonly habitual: Words;
  readonly questions: Words;
  /** Signs of danger that are no emergency by themselves; where a short message has `leastSignals`, a clerk is asked. */
  readonly signals: Words;
  readonly leastSignals: number;
  /** Many parties, many years: 复杂. */
  readonly complex: Words;
}

/** One ground of refusal of article 10. */
export interface ClauseRule {
  readonly clause: string;
  /** The sentence of the regulation, word for word. */
  readonly sentence: string;
  /** Enough to advise refusal. */
  readonly refuse: Words;
  /** Enough to have a person look. */
  readonly hold: Words;
  /** Take the meaning away where they are in the message. */
  readonly unless: Words;
}

export interface TriageRules {
  /** A ground of refusal counts within so many characters from the beginning, or in a content no longer than `short`. */
  readonly beginning: number;
  readonly short: number;
  readonly clauses: readonly ClauseRule[];
  /** Longer words that take the meaning from those inside them. */
  readonly shields: Words;
  /** Advertising and the like: held. */
  readonly spam: Words;
  readonly confidential: Words;
  readonly anonymous: Words;
  /** The opposite: `实名`, `可以公开`. */
  readonly open: Words;
  /** Below so many different Han characters in a message of `length` or more it is nonsense. */
  readonly repetition: { readonly length: number; readonly distinct: number };
}

/** A clock of the regulation: either a number of working days or of hours. */
export interface ClockRule {
  readonly workingDays?: number;
  readonly hours?: number;
  /** Ends with the day of receipt. */
  readonly sameDay?: boolean;
  readonly extensions?: number;
  readonly article: string;
}

export interface DeadlineRules {
  readonly dispatch: ClockRule;
  readonly return: ClockRule;
  readonly result: Readonly<Record<Urgency, ClockRule>>;
  /** Working days of one extension, and how many days before the end it must be asked for. */
  readonly extension: { readonly workingDays: number; readonly askedDaysBefore: number; readonly article: string };
}

/** Who handles a class: the longest matching code prefix wins. */
export interface UnitRule {
  readonly category: string;
  /** City department. */
  readonly unit: string;
  readonly coUnits?: Words;
  /** `city`: the department leads everywhere; `division`: the division leads where it is known. */
  readonly lead: 'city' | 'division';
}

/** A unit that appeals may be about. */
export interface AccusedRule {
  readonly unit: string;
  /** What people call it, besides its name with and without 市. */
  readonly names: Words;
  /** Who is suggested where it is accused; null: nobody. Absent: as for all. */
  readonly superior?: string | null;
}

export interface UnitRules {
  readonly units: readonly UnitRule[];
  /** Who is suggested for an accusation of the unit that would handle it; null or absent: nobody. */
  readonly superior?: string | null;
  readonly accused?: readonly AccusedRule[];
  /** Unit of an appeal whose class has no rule and whose division is not known. */
  readonly fallback: string | null;
}

export interface PersonalRules {
  /** What stands before a person's own name. */
  readonly nameTriggers: Words;
  readonly surnames: Words;
  /** What looks like a name behind a trigger and is none. */
  readonly notNames: Words;
  /** What may stand right behind a name. */
  readonly nameFollowers: Words;
  /** What people say they are right before their name (我是…村民李四), or above it at the end. */
  readonly ownRoles: Words;
  /** Who speaks of a relative (我, 本人), and the words for one. */
  readonly ownKin: { readonly of: Words; readonly kin: Words };
  /** Surnames that behind the word for a relative are far oftener words. */
  readonly wordSurnames: Words;
  /** Values that mean nothing was said. */
  readonly placeholders: Words;
  readonly idKinds: Readonly<Record<string, string>>;
  readonly sexes: Readonly<Record<string, string>>;
}

export interface PlaceRules {
  /** Below this confidence a clerk is asked about a place that was found. */
  readonly ask: number;
  readonly roadEndings: Words;
  readonly estateEndings: Words;
  readonly villageEndings: Words;
  /** Endings of divisions and towns that no list names. */
  readonly divisionEndings: Words;
  readonly townEndings: Words;
  /** What ends like a division or town and is none (`城市`, `校区`). */
  readonly notDivisions: Words;
  /** Longer words in which an ending is none (`市民`). */
  readonly notEndings: Words;
  /** Single characters at which a name to their right begins. */
  readonly stops: string;
  /** Words at which a name to their right begins. */
  readonly stopWords: Words;
  /** Words that begin with a stop character and are part of a name (`和平`). */
  readonly keep: Words;
  readonly notRoads: Words;
  readonly notRoadEndings: Words;
  readonly notEstates: Words;
  readonly notVillages: Words;
  /** What stands before the scene. */
  readonly scene: Words;
  /** Whose whereabouts these begin: no scene. */
  readonly notScene: Words;
  /** What makes a place behind `在` somebody's whereabouts, not the scene. */
  readonly whereabouts: Words;
  /** The same, unless the place is told down to district or street. */
  readonly errands: Words;
  /** What behind a city's name at the very beginning makes it not the matter itself. */
  readonly notSubject: Words;
  /** What behind a place's name makes it a thing's name (`兰州拉面`). */
  readonly notPlaces: Words;
  readonly houseNumberUnits: Words;
}

/** Provinces and cities of the country. */
export interface ChinaRules {
  readonly provinces: readonly {
    readonly name: string;
    readonly aliases?: Words;
    readonly cities: Words;
  }[];
  /** Cities whose short form is an everyday word and never counts by itself (`海口` does, `中山` does not). */
  readonly fullOnly: Words;
}

export interface TownRule {
  readonly name: string;
  readonly code?: string;
  readonly aliases?: Words;
}

export interface DivisionRule {
  readonly code: string;
  readonly name: string;
  readonly aliases?: Words;
  /** Who answers for it. */
  readonly government: string;
  readonly towns: readonly TownRule[];
  /** Well-known places that are in this division only. */
  readonly landmarks?: Words;
}

/** The city the gateway serves. */
export interface RegionRules {
  readonly code: string;
  readonly name: string;
  readonly aliases: Words;
  readonly province: string;
  readonly provinceAliases: Words;
  /** `0435`, for local phone numbers without it. */
  readonly areaCode: string;
  readonly bounds: {
    readonly west: number;
    readonly east: number;
    readonly south: number;
    readonly north: number;
  };
  readonly divisions: readonly DivisionRule[];
}

/** Every section checked, by name. */
export interface Rules {
  readonly region: RegionRules;
  readonly text: TextRules;
  readonly types: TypeRules;
  readonly categories: CategoryRules;
  readonly urgency: UrgencyRules;
  readonly triage: TriageRules;
  readonly deadlines: DeadlineRules;
  readonly units: UnitRules;
  readonly personal: PersonalRules;
  readonly places: PlaceRules;
  readonly china: ChinaRules;
}
